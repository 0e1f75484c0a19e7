/**
 * The cluster's address plan in the store: which pools exist, which hosts use them, which addresses
 * are held. Every decision is one etcd transaction whose guards are the facts that it rests on, so
 * two hosts can never both win. No lease and no clock takes part.
 *
 * Only this file reads or writes /pools, /holders and /addresses.
 */
import { hasCode, TsoverlayError } from '../core/errors.js'
import { type Cidr, type Ip, ipOf, overlaps, withPrefixOf } from '../core/ip.js'
import type { Entry, Guard, Store } from '../core/ports.js'
import type { HostId, NetworkKey } from '../core/types.js'
import { type AddressDocument, documents, type PoolDocument } from '../state/documents.js'
import { keys, lastPart, type PoolRef } from '../state/keys.js'
import { retryConflicts } from '../state/retry.js'
import { isUsable, nextFree } from './candidates.js'
import { exhaustedError, noPoolError, overlapError, unusableError } from './plan-errors.js'

export interface Claim extends PoolRef {
  readonly ip: Ip
  readonly kind: AddressDocument['kind']
  /** swarm's leader: what it holds from another term of its own is granted again */
  readonly term?: string
}

export class AddressPlan {
  readonly #store: Store
  readonly #host: HostId
  /** last address chosen in each pool by this process */
  readonly #cursors = new Map<string, Ip>()
  /** keys of addresses that this process is just taking or giving back */
  readonly #busy = new Set<string>()
  /** keys of addresses that may have been taken: the transaction's answer got lost */
  readonly #doubtful = new Set<string>()

  /** @param host who holds: this host, or SWARM when swarm's leader decides for all hosts */
  constructor(store: Store, host: HostId) {
    this.#store = store
    this.#host = host
  }

  /** Pools of one address space, or of all. */
  async pools(space: string | undefined, signal?: AbortSignal): Promise<readonly PoolDocument[]> {
    const prefix = space === undefined ? keys.allPools : keys.pools(space)
    return decodePools((await this.#store.list(prefix, signal)).entries)
  }

  /**
   * Notes that this host uses the pool, making it if it is new.
   * @param only `new`: one that is there already counts as overlapping
   * @throws TsoverlayError POOL_OVERLAP when it overlaps another pool of its space
   */
  hold(ref: PoolRef, signal?: AbortSignal, only?: 'new'): Promise<PoolDocument> {
    return retryConflicts(`pool ${ref.pool}`, signal, async () => {
      const gateKey = keys.poolGate(ref.space)
      // The gate first: whatever changes after this read makes the transaction fail.
      const gate = await this.#store.get(gateKey, signal)
      const pools = await this.pools(ref.space, signal)
      const existing = pools.find((document) => document.pool === ref.pool)
      const clash = pools.find(
        (document) =>
          (document !== existing || only === 'new') && overlaps(document.pool, ref.pool),
      )
      if (clash !== undefined) throw overlapError(ref, clash.pool)
      const document = existing ?? { pool: ref.pool }
      const holderKey = keys.holder(ref, this.#host)
      const held = await this.#store.get(holderKey, signal)
      const holder = { put: holderKey, value: held?.value ?? documents.holder.encode({}) }
      const made = { put: keys.pool(ref), value: documents.pool.encode(document) }
      const { done } = await this.#store.txn(
        [unchanged(gateKey, gate)],
        // The gate is written also by who only joins, so that a removal under way fails.
        [{ put: gateKey, value: ref.pool }, holder, ...(existing ? [] : [made])],
        signal,
      )
      return done ? document : undefined
    })
  }

  /**
   * This host uses the pool no longer; the last one out removes it with all its addresses.
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
      const rest = [{ delete: keys.pool(ref) }, { deletePrefix: keys.addresses(ref) }]
      const { done } = await this.#store.txn(
        [unchanged(gateKey, gate), unchanged(mine, held)],
        [{ put: gateKey, value: ref.pool }, { delete: mine }, ...(last ? rest : [])],
        signal,
      )
      return done ? true : undefined
    })
    this.#cursors.delete(keys.pool(ref))
  }

  /**
   * Takes one given address.
   * @throws TsoverlayError ADDRESS_INVALID outside the pool, ADDRESS_TAKEN naming the holder
   */
  async claim(claim: Claim, signal?: AbortSignal): Promise<void> {
    if (!isUsable(claim.pool, claim.ip)) throw unusableError(claim)
    const key = keys.address(claim, claim.ip)
    try {
      await retryConflicts(`address ${claim.ip}`, signal, async () =>
        (await this.#take(claim, signal)) ? true : this.#settleTaken(claim, signal),
      )
      this.#doubtful.delete(key)
    } catch (error) {
      if (!hasCode(error, 'ADDRESS_TAKEN')) this.#doubtful.add(key)
      throw error
    }
  }

  /** @returns false when somebody has the address or the pool is gone */
  async #take(claim: Claim, signal?: AbortSignal): Promise<boolean> {
    const key = keys.address(claim, claim.ip)
    const guards: readonly Guard[] = [
      { key, is: 'absent' },
      { key: keys.pool(claim), is: 'present' },
    ]
    const value = this.#addressValue(claim)
    return (await this.#store.txn(guards, [{ put: key, value }], signal)).done
  }

  #addressValue({ kind, term }: Claim): string {
    return documents.address.encode({
      host: this.#host,
      kind,
      ...(term === undefined ? {} : { term }),
    })
  }

  /** The address was not free: is it ours to share, is the pool gone, or did the holder just leave? */
  async #settleTaken(claim: Claim, signal?: AbortSignal): Promise<true | undefined> {
    const entry = await this.#store.get(keys.address(claim, claim.ip), signal)
    if (entry === undefined) {
      await this.#mustExist(claim, signal)
      return undefined
    }
    const held = documents.address.decode(entry.value)
    if (held?.kind === 'reserved' && claim.kind === 'reserved') return true
    if (this.#isReplay(claim, held)) return this.#takeOver(claim, entry, signal)
    throw await this.#takenError(claim, held, signal)
  }

  /** Within one term swarm asks twice only for a user's `--ip`, or when it did not get our answer. */
  #isReplay(claim: Claim, held: AddressDocument | undefined): boolean {
    if (claim.term === undefined || held?.host !== this.#host || held.kind === 'reserved')
      return false
    return (held.term ?? '') !== claim.term || this.#doubtful.has(keys.address(claim, claim.ip))
  }

  async #takeOver(claim: Claim, entry: Entry, signal?: AbortSignal): Promise<true | undefined> {
    const guard: Guard = { key: entry.key, is: 'unchanged', revision: entry.revision }
    const write = { put: entry.key, value: this.#addressValue(claim) }
    return (await this.#store.txn([guard], [write], signal)).done ? true : undefined
  }

  async #takenError(
    claim: Claim,
    held: AddressDocument | undefined,
    signal?: AbortSignal,
  ): Promise<TsoverlayError> {
    const record = held && (await this.#store.get(keys.host(held.host), signal))
    const name =
      (record && documents.host.decode(record.value)?.name) ?? held?.host ?? 'another host'
    const where = held?.host === this.#host ? 'this host' : `host ${name}`
    const why =
      held?.kind === 'reserved'
        ? 'is reserved as a gateway or auxiliary address'
        : `is held by a container on ${where}`
    return new TsoverlayError(
      'ADDRESS_TAKEN',
      `address ${claim.ip} of subnet ${claim.pool} ${why}: choose another or leave it out`,
    )
  }

  /**
   * Chooses and takes a free address.
   * @param subPool choose inside this part only
   * @throws TsoverlayError POOL_EXHAUSTED
   */
  allocate(
    ref: PoolRef,
    subPool: Cidr | undefined,
    signal?: AbortSignal,
    term?: string,
  ): Promise<Ip> {
    const cursor = keys.pool(ref)
    let taken: ReadonlySet<string> = new Set()
    return retryConflicts(`an address of ${ref.pool}`, signal, async () => {
      const after = this.#cursors.get(cursor)
      const ip = nextFree({ pool: ref.pool, subPool, after, taken: this.#withBusy(ref, taken) })
      if (ip === undefined) throw exhaustedError(ref, subPool, taken.size)
      this.#cursors.set(cursor, ip)
      const key = keys.address(ref, ip)
      this.#busy.add(key)
      const claim: Claim = { ...ref, ip, kind: 'endpoint', ...(term === undefined ? {} : { term }) }
      const done = await this.#take(claim, signal).finally(() => this.#busy.delete(key))
      if (done) return ip
      // The cursor met a taken address: only now the whole list is worth its price.
      taken = new Set((await this.#store.keys(keys.addresses(ref), signal)).map(lastPart))
      if (!taken.has(ip)) await this.#mustExist(ref, signal)
      return undefined
    })
  }

  #withBusy(ref: PoolRef, taken: ReadonlySet<string>): ReadonlySet<string> {
    const prefix = keys.addresses(ref)
    const busy = [...this.#busy].filter((key) => key.startsWith(prefix))
    return busy.length === 0 ? taken : new Set([...taken, ...busy.map(lastPart)])
  }

  async #mustExist(ref: PoolRef, signal?: AbortSignal): Promise<void> {
    if ((await this.#store.get(keys.pool(ref), signal)) === undefined) throw noPoolError(ref)
  }

  /**
   * Gives an address back; one that this host does not hold, or a reserved one, stays.
   * @param term swarm's leader: one that was asked for in another term, perhaps by a later leader,
   *   stays, too
   */
  async release(ref: PoolRef, ip: Ip, signal?: AbortSignal, term?: string): Promise<void> {
    const key = keys.address(ref, ip)
    // If the answer gets lost the caller comes again, and must not give back what a new container
    // has been given meanwhile: so the address stays busy until a release has surely ended.
    this.#busy.add(key)
    await retryConflicts(`address ${ip}`, signal, async () => {
      const entry = await this.#store.get(key, signal)
      const held = entry && documents.address.decode(entry.value)
      if (entry === undefined || held?.host !== this.#host || held.kind === 'reserved') return true
      if (term !== undefined && (held.term ?? '') !== term) return true
      const guard: Guard = { key, is: 'unchanged', revision: entry.revision }
      return (await this.#store.txn([guard], [{ delete: key }], signal)).done ? true : undefined
    })
    this.#busy.delete(key)
  }

  /**
   * The gateway of a pool: the one given, else the one that the pool has, else its first address.
   * All hosts of the network share it.
   * @throws TsoverlayError as claim
   */
  async gateway(
    ref: PoolRef,
    wanted: Ip | undefined,
    subPool: Cidr | undefined,
    signal?: AbortSignal,
  ): Promise<Ip> {
    const ip = wanted ?? (await this.#knownGateway(ref, subPool, signal))
    await this.claim({ ...ref, ip, kind: 'reserved' }, signal)
    const noted = await this.#noteGateway(ref, ip, signal)
    return wanted ?? noted
  }

  async #knownGateway(ref: PoolRef, subPool: Cidr | undefined, signal?: AbortSignal): Promise<Ip> {
    const entry = await this.#store.get(keys.pool(ref), signal)
    const known = entry && documents.pool.decode(entry.value)?.gateway
    const ip =
      known === undefined ? nextFree({ pool: ref.pool, subPool, taken: new Set() }) : ipOf(known)
    if (ip === undefined) throw exhaustedError(ref, subPool, 0)
    return ip
  }

  /** @returns the gateway that the pool has now: that of the first host that asked */
  #noteGateway(ref: PoolRef, ip: Ip, signal?: AbortSignal): Promise<Ip> {
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

function decodePools(entries: readonly Entry[]): PoolDocument[] {
  return entries.flatMap((entry) => documents.pool.decode(entry.value) ?? [])
}
