/**
 * The use cases behind IpamDriver.*. A pool is held from RequestPool to ReleasePool; between
 * RequestPool and CreateNetwork it is bound to no network yet, and that is how the addresses asked
 * for in this time are known to be the gateway and the auxiliary ones: dockerd sends nothing that
 * would tell an auxiliary address from a container's `--ip` (moby daemon/libnetwork/network.go
 * ipamAllocateVersion).
 */
import { untilAborted } from '../core/deadline.js'
import type {
  GrantedPool,
  IpamDriver,
  RequestAddressRequest,
  RequestPoolRequest,
} from '../core/driver.js'
import { hasCode, TsoverlayError } from '../core/errors.js'
import { type Cidr, contains, familyOf, type Ip, withPrefixOf } from '../core/ip.js'
import { SYNC_OPTION } from '../core/options.js'
import type { Dataplane } from '../core/ports.js'
import { freshSpace } from '../core/spaces.js'
import type { HostId, NetworkKey } from '../core/types.js'
import type { PoolHold } from '../state/documents.js'
import type { Journal } from '../state/journal.js'
import { type PoolRef, SWARM } from '../state/keys.js'
import type { NetworkRepository } from '../state/network-repository.js'
import type { Outbox } from '../state/outbox.js'
import type { AddressBook, Choice, HoldOptions } from './address-book.js'
import { checkAddressSpace, GLOBAL_ADDRESS_SPACE, LOCAL_ADDRESS_SPACE } from './address-space.js'
import { BLOCK_OPTION, checkBlock } from './block-size.js'
import { spaceOf } from './ipam-options.js'
import { PoolChooser } from './pool-chooser.js'
import { checkPool, formatPoolId, type PoolId, parsePoolId, readPoolId } from './pool-id.js'
import type { PoolTurns } from './pool-turns.js'
import { addressSubject, poolSubject } from './subjects.js'
import { claimWanted } from './wanted-address.js'

export interface IpamParts {
  /** of this host; in scope global, of swarm */
  readonly book: AddressBook
  readonly journal: Journal
  readonly outbox: Outbox
  readonly dataplane: Pick<Dataplane, 'routes'>
  readonly scope: 'local' | 'global'
  /** network sync is on: a network without a name is one of its own, with an address space of its own */
  readonly synced: boolean
  readonly repository: Pick<NetworkRepository, 'findReadable'>
  readonly turns: PoolTurns
}

/** Where a pool is to be, and for which network of the cluster network sync asks for it. */
interface Place {
  readonly space: string
  readonly sync?: NetworkKey
}

export class TsoverlayIpam implements IpamDriver {
  readonly localAddressSpace = LOCAL_ADDRESS_SPACE
  readonly globalAddressSpace = GLOBAL_ADDRESS_SPACE
  readonly #parts: IpamParts
  readonly #chooser: PoolChooser

  constructor(parts: IpamParts) {
    this.#parts = parts
    this.#chooser = new PoolChooser({
      ...parts,
      hold: (ref, signal, options) =>
        parts.outbox.making([poolSubject(ref)], signal, () => this.#hold(ref, signal, options)),
      optionsFor: blockOption,
    })
  }

  async requestPool(request: RequestPoolRequest, signal: AbortSignal): Promise<GrantedPool> {
    checkAddressSpace(request.addressSpace)
    const named = spaceOf(request.options)
    const range = request.pool === undefined ? undefined : checkPool(request.pool, request.subPool)
    if (this.#isBookkeeping(request.addressSpace)) return this.#keepBooks(request, named, range)
    const { space, sync } = await this.#placeOf(named, request, signal)
    const pool = range?.pool ?? (await this.#chooser.choose(space, request, signal))
    const id: PoolId = {
      addressSpace: request.addressSpace,
      space,
      pool,
      ...(range?.subPool ? { subPool: range.subPool } : {}),
    }
    this.#refuseInUse(id)
    await this.#parts.turns.begin(pool, formatPoolId(id))
    try {
      return await this.#parts.outbox.making([poolSubject(id)], signal, async () => {
        await this.#hold(id, signal, blockOption(request, pool))
        await this.#prepare(id, signal)
        return this.#grant(id, sync)
      })
    } catch (error) {
      this.#parts.turns.end(pool)
      throw error
    }
  }

  /** @throws TsoverlayError NETWORK_UNKNOWN when network sync is late */
  async #placeOf(
    named: string,
    { options }: RequestPoolRequest,
    signal: AbortSignal,
  ): Promise<Place> {
    const { scope, synced, repository } = this.#parts
    const sync = options[SYNC_OPTION]
    if (scope === 'global') return { space: named }
    if (sync === undefined) return { space: named === '' && synced ? freshSpace() : named }
    const network = await repository.findReadable(sync, signal)
    if (network !== undefined) return { space: network.space, sync }
    throw new TsoverlayError(
      'NETWORK_UNKNOWN',
      `the cluster has no network ${sync} (any more): leave out --ipam-opt ${SYNC_OPTION}, which is for network sync only`,
    )
  }

  async releasePool(poolId: string): Promise<void> {
    const id = readPoolId(poolId)
    const hold = this.#parts.journal.pools.get(poolId)
    if (id === undefined || hold === undefined) return
    // dockerd releases a network's pools before it deletes the network, which then drops them. When
    // the network stays, it is the rollback of a second one that asked for the same subnet.
    if (hold.boundTo !== undefined && this.#parts.journal.bindings.get(hold.boundTo)) return
    if (hold.boundTo === undefined) this.#parts.turns.end(hold.pool)
    // A network of swarm lets go of its pools with FreeNetwork.
    if (hold.term === undefined) this.#parts.journal.pools.delete(poolId)
    if (!this.#isBookkeeping(id.addressSpace)) this.#drop(hold)
  }

  /** Holds the pool in the plan; what remains of a failed try is removed as soon as the store answers. */
  async #hold(ref: PoolRef, signal: AbortSignal, options?: HoldOptions): Promise<void> {
    try {
      await this.#parts.book.hold(ref, signal, options)
    } catch (error) {
      // The answer of a transaction may have been lost.
      if (!hasCode(error, 'POOL_OVERLAP', 'OPTION_INVALID')) this.#drop(ref)
      throw error
    }
  }

  /** The first container must not need the store. */
  async #prepare(id: PoolId, signal: AbortSignal): Promise<void> {
    try {
      await this.#parts.book.prepare(id, signal)
    } catch (error) {
      this.#drop(id)
      throw error
    }
  }

  #drop({ space, pool }: PoolRef): void {
    const subject = poolSubject({ space, pool })
    const args = { space, pool, ...this.#holder }
    void this.#parts.outbox.submit({ kind: 'drop-pool', subject, args })
  }

  async requestAddress(request: RequestAddressRequest, signal: AbortSignal): Promise<Cidr> {
    const id = this.#now(parsePoolId(request.poolId))
    if (this.#isBookkeeping(id.addressSpace)) return this.#agentAddress(id, request)
    await this.#awaitPool(id, request.poolId, signal)
    if (!request.gateway && request.address === undefined) {
      const { term } = request.replay ? this.#term(request.poolId) : {}
      return this.#parts.book.allocate(this.#choices(request, id), signal, term)
    }
    return this.#decide(id, request, signal)
  }

  /**
   * Until what would take the pool away is done. Of a pool that this host holds nothing does, so a
   * chore that waits for etcd is no reason to refuse a container.
   */
  async #awaitPool(id: PoolId, poolId: string, signal: AbortSignal): Promise<void> {
    const { journal, outbox, scope } = this.#parts
    if (scope === 'local' && journal.pools.get(poolId) !== undefined) return
    await untilAborted(outbox.settled(poolSubject(id)), signal, `pool ${id.pool}`)
  }

  async releaseAddress(poolId: string, address: Ip): Promise<void> {
    const read = readPoolId(poolId)
    if (read === undefined || this.#isBookkeeping(read.addressSpace)) return
    const id = this.#now(read)
    // It may have come from another subnet of the network, but dockerd names the first one's id.
    const own = this.#choices({ poolId }, id).find(({ pool }) => contains(pool, address))
    if (own === undefined) return
    const { space, pool } = own
    if (this.#parts.book.releaseNow({ space, pool }, address)) return
    void this.#parts.outbox.submit({
      kind: 'release-address',
      subject: addressSubject({ space, pool }, address),
      args: { space, pool, address, ...this.#holder, ...this.#term(poolId) },
    })
  }

  /** With the space that the pool is in now: CreateNetwork may have moved it (control/records/pool-moves.ts). */
  #now(id: PoolId): PoolId {
    const space = this.#parts.journal.pools.get(formatPoolId(id))?.space ?? id.space
    return { ...id, space }
  }

  /**
   * Where an address may come from: the pool, and when that is full the network's other ones of the
   * same family. dockerd never asks for those (libnetwork knows its own "no address left" only by
   * identity, which a plugin's answer lacks), but takes what we answer.
   */
  #choices(of: { poolId: string; name?: string }, id: PoolId): readonly Choice[] {
    const { poolId, name } = of
    const { journal } = this.#parts
    const network = journal.pools.get(poolId)?.boundTo
    const others = [...journal.pools.values()].filter(
      (hold) =>
        network !== undefined &&
        hold.boundTo === network &&
        hold.id !== poolId &&
        familyOf(hold.pool) === familyOf(id.pool),
    )
    return [id, ...others].map(({ space, pool, subPool }) => ({ space, pool, subPool, name }))
  }

  async #decide(id: PoolId, request: RequestAddressRequest, signal: AbortSignal): Promise<Cidr> {
    const { book, journal, outbox } = this.#parts
    const { address } = request
    const term = request.replay ? this.#term(request.poolId) : {}
    if (request.gateway || address === undefined)
      return withPrefixOf(await book.gateway(id, address, id.subPool, signal), id.pool)
    const hold = journal.pools.get(request.poolId)
    const unbound = hold !== undefined && hold.boundTo === undefined
    const kind = unbound && !request.replay ? 'reserved' : 'endpoint'
    await claimWanted(book, outbox, { ...id, ip: address, kind, ...term }, signal)
    return kind === 'reserved' ? withPrefixOf(address, id.pool) : book.onLink(id, address)
  }

  /** In scope global it is swarm that holds, whichever node leads it. */
  get #holder(): { readonly holder?: HostId } {
    return this.#parts.scope === 'global' ? { holder: SWARM } : {}
  }

  #term(poolId: string): { readonly term?: string } {
    if (this.#parts.scope === 'local') return {}
    return { term: this.#parts.journal.pools.get(poolId)?.term ?? '' }
  }

  /**
   * In a swarm the leader decides with the global address space, and each node repeats the decision
   * to its own IPAM with the local one (moby daemon/cluster, reference in docs/design/rpc.md).
   */
  #isBookkeeping(addressSpace: string): boolean {
    return this.#parts.scope === 'global' && addressSpace === LOCAL_ADDRESS_SPACE
  }

  #keepBooks(
    request: RequestPoolRequest,
    space: string,
    range: { pool: Cidr } | undefined,
  ): GrantedPool {
    if (range === undefined) {
      throw new TsoverlayError(
        'POOL_INVALID',
        'with SCOPE=global a node-local network needs --subnet: swarm chooses subnets on its leader only',
      )
    }
    return this.#grant({ addressSpace: request.addressSpace, space, pool: range.pool })
  }

  #agentAddress(id: PoolId, request: RequestAddressRequest): Cidr {
    if (request.address === undefined) {
      throw new TsoverlayError(
        'ADDRESS_INVALID',
        `no address given for ${id.pool}: with SCOPE=global, swarm's leader chooses addresses`,
      )
    }
    return withPrefixOf(request.address, id.pool)
  }

  #grant(id: PoolId, sync?: NetworkKey): GrantedPool {
    const hold: PoolHold = {
      id: formatPoolId(id),
      space: id.space,
      pool: id.pool,
      ...(id.subPool === undefined ? {} : { subPool: id.subPool }),
      ...(sync === undefined ? {} : { sync }),
    }
    if (this.#parts.journal.pools.get(hold.id) === undefined) this.#parts.journal.pools.put(hold)
    return { id: hold.id, pool: id.pool }
  }

  #refuseInUse(id: PoolId): void {
    const user = [...this.#parts.journal.pools.values()].find(
      (hold) => hold.pool === id.pool && hold.space === id.space && hold.boundTo !== undefined,
    )
    if (user === undefined || this.#parts.scope === 'global') return
    throw new TsoverlayError(
      'POOL_IN_USE',
      `subnet ${id.pool} is already used on this host by network ${user.boundTo?.slice(0, 12)}: choose another --subnet, or give the network an address space of its own with --ipam-opt network=NAME and -o network=NAME`,
    )
  }
}

/** @throws TsoverlayError OPTION_INVALID */
function blockOption(request: RequestPoolRequest, pool: Cidr): HoldOptions {
  const block = checkBlock(request.options[BLOCK_OPTION], pool)
  return block === undefined ? {} : { block }
}
