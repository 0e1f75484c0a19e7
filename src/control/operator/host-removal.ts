/**
 * Frees all that a host which will not come back has in the store. Each step is a transaction of its
 * own that does nothing a second time, and the host's record goes last: a removal that was cut off is
 * finished by asking for it again.
 *
 * Every transaction demands that the host has not announced itself (`/alive/<host>`). A host that
 * starts announces itself before it looks at its blocks, so either the removal stops, or the host
 * sees what it took. docs/design/ipam.md tells what a host does that comes back afterwards.
 */
import type { RemovalCounts } from '../../core/admin/removal.js'
import { TsoverlayError } from '../../core/errors.js'
import type { Entry, Store } from '../../core/ports.js'
import type { HostId, NetworkKey } from '../../core/types.js'
import { BlockRegister } from '../../ipam/block-register.js'
import { PoolRegister } from '../../ipam/pool-register.js'
import { documents } from '../../state/documents.js'
import { GuardedStore } from '../../state/guarded-store.js'
import { attachmentOf, keys, lastPart, type PoolRef, poolOfKey } from '../../state/keys.js'
import { NetworkRepository } from '../../state/network-repository.js'

export interface RemovedHost {
  readonly id: HostId
  readonly name: string
}

interface Belongings {
  readonly networks: readonly NetworkKey[]
  readonly pools: readonly PoolRef[]
  readonly counts: Omit<RemovalCounts, 'asks'>
}

export class HostRemoval {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /**
   * The host that is meant, if it may be removed.
   * @param host name or id
   * @param force also while it announces itself
   * @throws TsoverlayError HOST_UNKNOWN, HOST_ALIVE, STORE_UNAVAILABLE
   */
  async check(host: string, force: boolean): Promise<RemovedHost> {
    const found = await this.#find(host)
    const alive = (await this.#store.get(keys.alive(found.id))) !== undefined
    if (alive && !force) throw aliveError(found)
    return found
  }

  /**
   * Removes it, step by step.
   * @param host what `check` has returned
   * @param report told before each step, for people
   * @throws TsoverlayError HOST_ALIVE when it comes back meanwhile, STORE_UNAVAILABLE; asked again, the
   * removal goes on
   */
  async remove(
    host: RemovedHost,
    force: boolean,
    report: (progress: string) => void,
  ): Promise<RemovalCounts> {
    const absent = { key: keys.alive(host.id), is: 'absent' } as const
    const store = force
      ? this.#store
      : new GuardedStore(this.#store, absent, () => aliveError(host))
    // What it may have sent before its end fails from here on.
    await store.txn([], [{ delete: keys.hostGate(host.id) }])
    report('requests for addresses')
    // First of all: what is not asked for any more cannot be granted behind our back.
    const asks = await dropAsks(store, host.id)
    const { networks, pools, counts } = await belongingsOf(store, host.id)
    const repository = new NetworkRepository(store, host.id)
    for (const [at, key] of networks.entries()) {
      report(`network ${at + 1} of ${networks.length}`)
      await repository.detach(key)
    }
    const blocks = new BlockRegister(store, host.id)
    const register = new PoolRegister(store, host.id)
    for (const [at, ref] of pools.entries()) {
      report(`subnet ${at + 1} of ${pools.length}`)
      await blocks.giveAllBack(ref)
      await register.drop(ref)
    }
    report('its record')
    const own = [keys.ranges(host.id), keys.troubles(host.id), keys.host(host.id)]
    await store.txn(
      [],
      own.map((key) => ({ delete: key })),
    )
    return { asks, ...counts }
  }

  async #find(wanted: string): Promise<RemovedHost> {
    const { entries } = await this.#store.list(keys.hosts)
    const hosts = entries.flatMap(({ value }) => documents.host.decode(value) ?? [])
    const [found, other] = hosts.filter(({ id, name }) => id === wanted || name === wanted)
    if (other !== undefined) throw ambiguousError(wanted, hosts)
    if (found !== undefined) return { id: found.id, name: found.name }
    // A record that got lost, or that cannot be read, is no reason to keep the rest for ever.
    const { networks, pools } = await belongingsOf(this.#store, wanted)
    if (networks.length + pools.length > 0) return { id: wanted, name: wanted }
    const names = hosts.map(({ name }) => name).sort()
    throw new TsoverlayError(
      'HOST_UNKNOWN',
      `the cluster has no host "${wanted}": it has ${names.join(', ') || 'none'}`,
    )
  }
}

function aliveError({ id, name }: RemovedHost): TsoverlayError {
  return new TsoverlayError(
    'HOST_ALIVE',
    `host ${name} (${id}) runs: stop it or its plugin and try again 15 seconds later, or give --force`,
  )
}

function ambiguousError(
  wanted: string,
  hosts: readonly { readonly id: HostId; readonly name: string }[],
): TsoverlayError {
  const ids = hosts.filter(({ name }) => name === wanted).map(({ id }) => id)
  return new TsoverlayError(
    'HOST_UNKNOWN',
    `several hosts are called "${wanted}": give the id of one of them, ${ids.sort().join(' or ')}`,
  )
}

/** Those that it sent, and those that it has not answered. */
async function dropAsks(store: Store, host: HostId): Promise<number> {
  const { entries } = await store.list(keys.allAsks)
  const its = entries.filter(
    ({ key, value }) =>
      key.startsWith(keys.asks(host)) || documents.ask.decode(value)?.from === host,
  )
  for (const { key } of its) await store.txn([], [{ delete: key }])
  return its.length
}

async function belongingsOf(store: Store, host: HostId): Promise<Belongings> {
  const [attached, endpoints, holders, blocks, addresses] = await Promise.all([
    store.keys(keys.allAttachments),
    store.keys(keys.allEndpoints),
    store.keys(keys.allHolders),
    store.list(keys.allBlocks),
    store.list(keys.allAddresses),
  ])
  const isIts = (key: string): boolean => attachmentOf(key).host === host
  const used = endpoints.filter(isIts)
  const networks = [...attached.filter(isIts), ...used].map((key) => attachmentOf(key).network)
  const owned = blocks.entries.filter(({ value }) => documents.block.decode(value)?.host === host)
  const lent = addresses.entries.filter((entry) => isLentTo(entry, host))
  const held = holders.filter((key) => lastPart(key) === host)
  const refs = [...held, ...owned.map(({ key }) => key), ...lent.map(({ key }) => key)]
  const pools = new Map(refs.map(poolOfKey).map((ref) => [keys.pool(ref), ref]))
  const keysOfNetworks = [...new Set(networks)]
  return {
    networks: keysOfNetworks,
    pools: [...pools.values()],
    counts: {
      networks: keysOfNetworks.length,
      endpoints: used.length,
      pools: pools.size,
      blocks: owned.length,
      addresses: lent.length,
    },
  }
}

/** Reserved ones are all hosts'. */
function isLentTo({ value }: Entry, host: HostId): boolean {
  const document = documents.address.decode(value)
  return document?.host === host && document.kind === 'endpoint'
}
