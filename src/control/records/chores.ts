/** What the outbox does with each kind of chore; every handler may run twice. */

import { type Cidr, type Ip, ipOf, prefixLength } from '../../core/ip.js'
import { poolsOf } from '../../core/pools.js'
import type { Logger, Store } from '../../core/ports.js'
import type { EndpointId, HostId, LocalEndpoint, Network, NetworkKey } from '../../core/types.js'
import type { AddressBook } from '../../ipam/address-book.js'
import type { AddressPlan } from '../../ipam/address-plan.js'
import type { BlockBook } from '../../ipam/block-book.js'
import { poolSubject } from '../../ipam/subjects.js'
import { type Binding, documents } from '../../state/documents.js'
import type { Identity } from '../../state/identity.js'
import type { Journal } from '../../state/journal.js'
import { keys, type PoolRef, SWARM } from '../../state/keys.js'
import type { NetworkRepository } from '../../state/network-repository.js'
import type { Chore, ChoreHandler } from '../../state/outbox.js'
import type { Publications } from '../../state/publications.js'

export interface ChoreParts {
  readonly store: Store
  readonly book: AddressBook
  readonly blocks: Pick<BlockBook, 'routed'>
  readonly repository: NetworkRepository
  readonly swarm: SwarmState
  readonly publications: Publications
  readonly journal: Journal
  readonly identity: Identity
  readonly vtep: VtepSource
  readonly logger: Logger
}

/** Address plan and networks, with swarm in the place of a host. */
export interface SwarmState {
  readonly plan: AddressPlan
  readonly repository: NetworkRepository
}

/** Filled in as soon as the underlay is known. */
export interface VtepSource {
  current: Ip | undefined
}

export const chores = {
  /** Makes the store say of an endpoint what the journal says: there, or gone. */
  publishEndpoint: (endpoint: Pick<LocalEndpoint, 'id' | 'network'>): Chore => ({
    kind: 'publish-endpoint',
    subject: `endpoint ${endpoint.id}`,
    args: { id: endpoint.id, network: endpoint.network },
  }),
  /** As publishEndpoint; in a swarm its addresses cannot be another's any more. */
  publishNewEndpoint: (endpoint: Pick<LocalEndpoint, 'id' | 'network'>): Chore => ({
    kind: 'publish-endpoint',
    subject: `endpoint ${endpoint.id}`,
    args: { id: endpoint.id, network: endpoint.network, made: 'now' },
  }),
  /** Swarm has removed the network. */
  freeNetwork: (key: NetworkKey): Chore => ({
    kind: 'free-network',
    subject: networkSubject(key),
    args: { key },
  }),
  leaveNetwork: (key: NetworkKey): Chore => ({
    kind: 'leave-network',
    subject: networkSubject(key),
    args: { key },
  }),
  /** A user removed a network of all hosts here; before leaveNetwork, while it is still attached. */
  unpublishNetwork: (key: NetworkKey, name: string): Chore => ({
    kind: 'unpublish-network',
    subject: networkSubject(key),
    args: { key, name, at: new Date().toISOString() },
  }),
  /** Makes the store have a network that this host has. */
  restoreNetwork: ({ dockerNetwork, network }: Binding): Chore => ({
    kind: 'restore-network',
    subject: networkSubject(network.key),
    args: { id: dockerNetwork },
  }),
  /** The same for a subnet. */
  restorePool: (ref: PoolRef): Chore => ({
    kind: 'restore-pool',
    subject: poolSubject(ref),
    args: { space: ref.space, pool: ref.pool },
  }),
  publishHost: (): Chore => ({ kind: 'publish-host', subject: 'host', args: {} }),
} as const

export function networkSubject(key: NetworkKey): string {
  return `network ${key}`
}

/** Handlers of all kinds, those that ipam/ submits too. */
export function choreHandlers(parts: ChoreParts): Readonly<Record<string, ChoreHandler>> {
  const { store, book, repository, publications, swarm, journal, identity, logger } = parts
  const bookOf = (holder: string | undefined): AddressBook => (holder === SWARM ? swarm.plan : book)
  return {
    'publish-endpoint': async ({ id = '', network = '', made = '' }, signal) => {
      const key = keys.endpoint(network, identity.id, id)
      const endpoint = journal.endpoints.get(id)
      if (endpoint === undefined) return void (await store.txn([], [{ delete: key }], signal))
      if (journal.bindings.get(endpoint.dockerNetwork)?.ipam === 'swarm') {
        const others = await sameAddress(store, endpoint, key, signal)
        if (made === '' && others.length > 0) return // it has moved while this host was away
        if (others.length > 0)
          await store.txn(
            [],
            others.map((other) => ({ delete: other })),
            signal,
          )
      }
      await publish(store, endpoint, identity.id, signal)
    },
    'free-network': ({ key = '' }, signal) => freeNetwork(swarm, key, signal),
    'unpublish-network': async ({ key = '', name = '', at = '' }, signal) => {
      const users = await publications.requestRemoval({ key, name }, at, signal)
      if (users.size === 0) return
      const usedBy = Object.fromEntries(users)
      logger.warn({ network: name, usedBy }, 'network is created here again, as others use it')
    },
    'leave-network': async ({ key = '' }, signal) => {
      // Made again on this host before the store could be told: then it stays.
      if (journal.bindingOf(key) === undefined) await repository.detach(key, signal)
    },
    'drop-pool': ({ space = '', pool = '', holder, network }, signal) =>
      holder !== SWARM && isHeld(journal, space, pool as Cidr)
        ? Promise.resolve()
        : bookOf(holder).drop({ space, pool: pool as Cidr }, signal, network),
    'restore-network': async ({ id = '' }, signal) => {
      const binding = journal.bindings.get(id)
      if (binding === undefined) return
      const network = await repository.restore(binding.network, id, signal)
      const now = journal.bindings.get(id)
      if (now === undefined || isSameNetwork(network, now.network)) return
      // Another host was faster, with other VNIs: all must have the same.
      journal.bindings.put({ ...now, network })
      logger.warn(
        { network: id.slice(0, 12), identity: network.identity },
        'network has other VNIs now',
      )
    },
    'restore-pool': ({ space = '', pool = '' }, signal) =>
      isHeld(journal, space, pool as Cidr)
        ? restorePool(parts, { space, pool: pool as Cidr }, signal)
        : Promise.resolve(),
    'release-address': ({ space = '', pool = '', address = '', holder, term }, signal) =>
      bookOf(holder).release({ space, pool: pool as Cidr }, address as Ip, signal, term),
    'publish-host': async (_args, signal) => {
      const vtep = parts.vtep.current
      if (vtep === undefined) return // published as soon as it is known
      const value = documents.host.encode({ ...identity, vtep })
      await store.txn([], [{ put: keys.host(identity.id), value }], signal)
    },
  }
}

function isSameNetwork(a: Network, b: Network): boolean {
  const vnis = ({ segments }: Network): string => segments.map(({ vni }) => vni).join()
  return vnis(a) === vnis(b)
}

/** The pool with its holder, its gateway and the length of its blocks. */
async function restorePool(
  { store, book, blocks, journal, identity }: ChoreParts,
  ref: PoolRef,
  signal: AbortSignal,
): Promise<void> {
  const pool = await store.get(keys.pool(ref), signal)
  const holder = await store.get(keys.holder(ref, identity.id), signal)
  const own = [...journal.blocks.values()].find(
    (block) => block.space === ref.space && block.pool === ref.pool,
  )
  const bindings = [...journal.bindings.values()].filter(
    ({ network }) => network.space === ref.space,
  )
  const subnets = bindings.flatMap(({ network }) => network.segments.flatMap((one) => one.subnets))
  const gateway = subnets.find((subnet) => subnet.pool === ref.pool)?.gateway
  const known = pool && documents.pool.decode(pool.value)
  // A block that was claimed again may have brought back the pool, but not its gateway.
  const hasGateway = known?.gateway !== undefined || gateway === undefined
  const routed = isRouted(journal, ref)
  const isWhole = known !== undefined && hasGateway && (known.routed === true || !routed)
  if (isWhole && holder !== undefined) return
  const held = await book.hold(ref, signal, {
    ...(own === undefined || pool !== undefined ? {} : { former: prefixLength(own.block) }),
    byDockerd: bindings.some(
      ({ ipam, network }) => ipam === 'docker' && poolsOf(network).includes(ref.pool),
    ),
    routed,
  })
  if (routed && held.routed !== true) await blocks.routed.route(ref, signal)
  if (held.gateway === undefined && gateway !== undefined)
    await book.gateway(ref, ipOf(gateway), undefined, signal)
}

/** Keys of other endpoints of the network that have an address of this one. */
async function sameAddress(
  store: Store,
  endpoint: LocalEndpoint,
  own: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { entries } = await store.list(keys.endpoints(endpoint.network), signal)
  return entries
    .filter(({ key, value }) => {
      const other = documents.endpoint.decode(value)
      return key !== own && other?.addresses.some((cidr) => endpoint.addresses.includes(cidr))
    })
    .map(({ key }) => key)
}

/** The pools first: as long as the network is there, this can be done again. */
async function freeNetwork(
  { plan, repository }: SwarmState,
  key: NetworkKey,
  signal: AbortSignal,
): Promise<void> {
  const network = await repository.find(key, signal)
  for (const { subnets } of network?.segments ?? []) {
    for (const { pool } of subnets)
      await plan.drop({ space: network?.space ?? '', pool }, signal, key)
  }
  await repository.detach(key, signal)
}

async function publish(
  store: Store,
  endpoint: LocalEndpoint,
  host: HostId,
  signal: AbortSignal,
): Promise<void> {
  const { id, network, boot, mac, addresses, floating, names } = endpoint
  const value = documents.endpoint.encode({
    ...{ id, network, host, boot, mac, addresses },
    ...(floating === undefined ? {} : { floating }),
    ...(names === undefined ? {} : { names }),
  })
  const key = keys.endpoint(network, host, id)
  // Not into a network that is gone: nobody would ever remove it.
  await store.txn([{ key: keys.network(network), is: 'present' }], [{ put: key, value }], signal)
}

/**
 * Whether a pool is in use by networks of this host; `unbound` from RequestPool to CreateNetwork, or
 * for ever where another driver's network has it.
 */
export function usageOf(journal: Journal, { space, pool }: PoolRef): 'bound' | 'unbound' | 'none' {
  if (!isHeld(journal, space, pool)) return 'none'
  for (const hold of journal.pools.values()) {
    if (hold.space === space && hold.pool === pool && hold.boundTo === undefined) return 'unbound'
  }
  return 'bound'
}

/** Whether the pool's network on this host has routes to blocks. */
export function isRouted(journal: Journal, { space, pool }: PoolRef): boolean {
  for (const hold of journal.pools.values()) {
    if (hold.space === space && hold.pool === pool && hold.routed === true) return true
  }
  return false
}

/** Addresses of a pool that endpoints of this host use, with their endpoints. */
export function usedAddresses(journal: Journal, ref: PoolRef): ReadonlyMap<Ip, EndpointId> {
  const used = new Map<Ip, EndpointId>()
  for (const { id, dockerNetwork, addresses } of journal.endpoints.values()) {
    if (journal.bindings.get(dockerNetwork)?.network.space !== ref.space) continue
    for (const address of addresses) used.set(ipOf(address), id)
  }
  return used
}

/** By a pool that dockerd got from us, or by a network whose addresses come from dockerd's IPAM. */
function isHeld(journal: Journal, space: string, pool: Cidr): boolean {
  const granted = [...journal.pools.values()].some(
    (hold) => hold.space === space && hold.pool === pool,
  )
  const foreign = [...journal.bindings.values()].some(
    ({ ipam, network }) =>
      ipam === 'docker' && network.space === space && poolsOf(network).includes(pool),
  )
  return granted || foreign
}
