/**
 * Which pools exist and which hosts use them. Every decision is one etcd transaction whose guards
 * are the facts that it rests on. Only this file writes /pools and /holders.
 */
import { type Cidr, type Ip, ipOf, overlaps, withPrefixOf } from '../core/ip.js'
import type { Change, Entry, Guard, Store } from '../core/ports.js'
import type { HostId, NetworkKey } from '../core/types.js'
import { documents, type PoolDocument } from '../state/documents.js'
import { keys, type PoolRef } from '../state/keys.js'
import { retryConflicts, unreadableError } from '../state/retry.js'
import type { HoldOptions } from './address-book.js'
import { blockLength } from './block-size.js'
import { nextFree } from './candidates.js'
import { exhaustedError, noPoolError, otherBlockError, overlapError } from './ipam-errors.js'
import { routedLength } from './routed-block.js'

export interface StoredPool {
  readonly document: PoolDocument
  /** of its key: whoever claims a block demands that the pool is cut as it was then */
  readonly revision: number
}

export class PoolRegister {
  readonly #store: Store
  readonly #host: HostId

  constructor(store: Store, host: HostId) {
    this.#store = store
    this.#host = host
  }

  /** Pools of one address space, or of all. */
  async pools(space: string | undefined, signal?: AbortSignal): Promise<readonly PoolDocument[]> {
    const prefix = space === undefined ? keys.allPools : keys.pools(space)
    const { entries } = await this.#store.list(prefix, signal)
    return entries.flatMap((entry) => documents.pool.decode(entry.value) ?? [])
  }

  /** @throws TsoverlayError POOL_UNKNOWN */
  async pool(ref: PoolRef, signal?: AbortSignal): Promise<StoredPool> {
    const entry = await this.#store.get(keys.pool(ref), signal)
    const document = entry && documents.pool.decode(entry.value)
    if (entry === undefined || document === undefined) throw noPoolError(ref)
    return { document, revision: entry.revision }
  }

  /** As AddressBook.hold. */
  hold(ref: PoolRef, signal?: AbortSignal, options: HoldOptions = {}): Promise<PoolDocument> {
    return retryConflicts(`pool ${ref.pool}`, signal, async () => {
      const gateKey = keys.poolGate(ref.space)
      // The gate first: whatever changes after this read makes the transaction fail.
      const gate = await this.#store.get(gateKey, signal)
      const pools = await this.pools(ref.space, signal)
      const existing = pools.find((document) => document.pool === ref.pool)
      refuseOverlap(ref, options.only === 'new' ? pools : pools.filter((one) => one !== existing))
      refuseOtherBlock(existing, options)
      const document = existing ?? this.#newPool(ref, options)
      const holderKey = keys.holder(ref, this.#host)
      const held = await this.#store.get(holderKey, signal)
      const holder = { put: holderKey, value: held?.value ?? documents.holder.encode({}) }
      const made = { put: keys.pool(ref), value: documents.pool.encode(document) }
      const { done } = await this.#store.txn(
        // A pool that was seen after the gate may have been removed with it in between.
        [unchanged(gateKey, gate), { key: keys.pool(ref), is: existing ? 'present' : 'absent' }],
        // The gate is written also by who only joins, so that a removal under way fails.
        [{ put: gateKey, value: ref.pool }, holder, ...(existing ? [] : [made])],
        signal,
      )
      if (!done) await this.#refuseUnreadable(ref, signal)
      return done ? document : undefined
    })
  }

  async #refuseUnreadable(ref: PoolRef, signal?: AbortSignal): Promise<void> {
    const entry = await this.#store.get(keys.pool(ref), signal)
    if (entry !== undefined && documents.pool.decode(entry.value) === undefined)
      throw unreadableError(entry.key)
  }

  #newPool({ pool }: PoolRef, { block, former, byDockerd, routed }: HoldOptions): PoolDocument {
    const dockerd = byDockerd === true ? { dockerd: this.#host } : {}
    const marks = { ...(block !== undefined && { given: true }), ...(routed && { routed }) }
    const usual = routed === true ? routedLength({ pool }) : blockLength({ pool })
    return { pool, block: block ?? former ?? usual, ...marks, ...dockerd }
  }

  /**
   * What makes the pool a routed one: its blocks have another length from then on.
   * @returns undefined when it is one
   * @throws TsoverlayError POOL_UNKNOWN, POOL_INVALID, OPTION_INVALID
   */
  async routing(ref: PoolRef, signal?: AbortSignal): Promise<Change | undefined> {
    const { document, revision } = await this.pool(ref, signal)
    if (document.routed === true) return undefined
    const key = keys.pool(ref)
    const value = documents.pool.encode({
      ...document,
      block: routedLength(document),
      routed: true,
    })
    return { guards: [{ key, is: 'unchanged', revision }], writes: [{ put: key, value }] }
  }

  /** Makes it a routed pool, unless it is one. @throws TsoverlayError as routing */
  async route(ref: PoolRef, signal?: AbortSignal): Promise<void> {
    await retryConflicts(`pool ${ref.pool}`, signal, async () => {
      const change = await this.routing(ref, signal)
      if (change === undefined) return true
      return (await this.#store.txn(change.guards, change.writes, signal)).done ? true : undefined
    })
  }

  /**
   * As AddressBook.drop.
   * @param network the one that swarm has bound the pool to; bound to another, it stays
   */
  async drop(ref: PoolRef, signal?: AbortSignal, network?: NetworkKey): Promise<void> {
    await retryConflicts(`pool ${ref.pool}`, signal, async () => {
      const gateKey = keys.poolGate(ref.space)
      const gate = await this.#store.get(gateKey, signal)
      const holders = await this.#store.keys(keys.holders(ref), signal)
      const mine = keys.holder(ref, this.#host)
      const held = await this.#store.get(mine, signal)
      if (held !== undefined && documents.holder.decode(held.value)?.network !== network)
        return true
      const last = holders.every((key) => key === mine)
      const rest = [
        { delete: keys.pool(ref) },
        { deletePrefix: keys.addresses(ref) },
        { deletePrefix: keys.blocks(ref) },
      ]
      const pools = last ? await this.#store.keys(keys.pools(ref.space), signal) : []
      const empty = last && pools.every((key) => key === keys.pool(ref))
      const { done } = await this.#store.txn(
        [unchanged(gateKey, gate), unchanged(mine, held)],
        [
          // The gate of an empty space can go: whoever has seen it fails, who has not finds no pool.
          empty ? { delete: gateKey } : { put: gateKey, value: ref.pool },
          { delete: mine },
          ...(last ? rest : []),
        ],
        signal,
      )
      return done ? true : undefined
    })
  }

  /** The gateway that the pool has, else its first usable address. */
  async knownGateway(ref: PoolRef, subPool: Cidr | undefined, signal?: AbortSignal): Promise<Ip> {
    const entry = await this.#store.get(keys.pool(ref), signal)
    const known = entry && documents.pool.decode(entry.value)?.gateway
    const ip =
      known === undefined ? nextFree({ pool: ref.pool, subPool, taken: new Set() }) : ipOf(known)
    if (ip === undefined) throw exhaustedError(ref, subPool, '0 are taken')
    return ip
  }

  /** @returns the gateway that the pool has now: that of the first host that asked */
  noteGateway(ref: PoolRef, ip: Ip, signal?: AbortSignal): Promise<Ip> {
    const key = keys.pool(ref)
    return retryConflicts(`pool ${ref.pool}`, signal, async () => {
      const entry = await this.#store.get(key, signal)
      const document = entry && documents.pool.decode(entry.value)
      if (entry === undefined || document === undefined) throw noPoolError(ref)
      if (document.gateway !== undefined) return ipOf(document.gateway)
      const value = documents.pool.encode({ ...document, gateway: withPrefixOf(ip, ref.pool) })
      const guard: Guard = { key, is: 'unchanged', revision: entry.revision }
      return (await this.#store.txn([guard], [{ put: key, value }], signal)).done ? ip : undefined
    })
  }
}

/** Holds as long as the key is as it was read. */
export function unchanged(key: string, entry: Entry | undefined): Guard {
  return entry === undefined
    ? { key, is: 'absent' }
    : { key, is: 'unchanged', revision: entry.revision }
}

function refuseOverlap(ref: PoolRef, pools: readonly PoolDocument[]): void {
  const clash = pools.find(({ pool }) => overlaps(pool, ref.pool))
  if (clash !== undefined) throw overlapError(ref, clash.pool)
}

function refuseOtherBlock(
  existing: PoolDocument | undefined,
  { block, former }: HoldOptions,
): void {
  const wanted = block ?? former
  if (existing === undefined || wanted === undefined) return
  const length = blockLength(existing)
  if (length !== wanted) throw otherBlockError(existing.pool, length, wanted)
}
