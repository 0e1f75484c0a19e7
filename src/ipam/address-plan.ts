/**
 * Each address decided in the store, for scope global: the leader of a swarm decides for all nodes,
 * and changes hosts. One transaction demands that the address is free, so two hosts can never both
 * win. No lease and no clock takes part.
 */
import { hasCode, type TsoverlayError } from '../core/errors.js'
import { type Cidr, type Ip, withPrefixOf } from '../core/ip.js'
import type { Entry, Guard, Store } from '../core/ports.js'
import type { HostId, NetworkKey } from '../core/types.js'
import { type AddressDocument, documents, type PoolDocument } from '../state/documents.js'
import { keys, lastPart, type PoolRef } from '../state/keys.js'
import { retryConflicts } from '../state/retry.js'
import type { AddressBook, Choice, Claim, HoldOptions } from './address-book.js'
import { isUsable, nextFree } from './candidates.js'
import { exhaustedError, noPoolError, RESERVED, takenError, unusableError } from './ipam-errors.js'
import { PoolRegister } from './pool-register.js'

export class AddressPlan implements AddressBook {
  readonly #store: Store
  readonly #host: HostId
  readonly #register: PoolRegister
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
    this.#register = new PoolRegister(store, host)
  }

  pools(space: string | undefined, signal?: AbortSignal): Promise<readonly PoolDocument[]> {
    return this.#register.pools(space, signal)
  }

  hold(ref: PoolRef, signal?: AbortSignal, options?: HoldOptions): Promise<PoolDocument> {
    return this.#register.hold(ref, signal, options)
  }

  /** Each address is asked of the store when it is wanted. */
  async prepare(): Promise<void> {}

  /** @param network the one that swarm has bound the pool to; bound to another, it stays */
  async drop(ref: PoolRef, signal?: AbortSignal, network?: NetworkKey): Promise<void> {
    await this.#register.drop(ref, signal, network)
    this.#cursors.delete(keys.pool(ref))
  }

  /** The store decides on each. */
  async claimNow(): Promise<boolean> {
    return false
  }

  async claim(claim: Claim, signal?: AbortSignal): Promise<void> {
    if (!isUsable(claim.pool, claim.ip)) throw unusableError(claim.pool, claim.ip)
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
    const why = held?.kind === 'reserved' ? RESERVED : `is held by a container on ${where}`
    return takenError(claim.pool, claim.ip, why)
  }

  /** Whatever was given out stays so until it is released. */
  async confirm(): Promise<void> {}

  onLink({ pool }: PoolRef, ip: Ip): Cidr {
    return withPrefixOf(ip, pool)
  }

  async allocate(choices: readonly Choice[], signal?: AbortSignal, term?: string): Promise<Cidr> {
    let full: unknown
    for (const choice of choices) {
      try {
        return this.onLink(choice, await this.#allocate(choice, signal, term))
      } catch (error) {
        if (!hasCode(error, 'POOL_EXHAUSTED')) throw error
        full ??= error
      }
    }
    throw full
  }

  #allocate({ subPool, ...ref }: Choice, signal?: AbortSignal, term?: string): Promise<Ip> {
    const cursor = keys.pool(ref)
    let taken: ReadonlySet<string> = new Set()
    return retryConflicts(`an address of ${ref.pool}`, signal, async () => {
      const after = this.#cursors.get(cursor)
      const ip = nextFree({ pool: ref.pool, subPool, after, taken: this.#withBusy(ref, taken) })
      if (ip === undefined) throw exhaustedError(ref, subPool, `${taken.size} are taken`)
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

  releaseNow(): boolean {
    return false
  }

  /** @param term one that was asked for in another term, perhaps by a later leader, stays, too */
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

  async gateway(
    ref: PoolRef,
    wanted: Ip | undefined,
    subPool: Cidr | undefined,
    signal?: AbortSignal,
  ): Promise<Ip> {
    const ip = wanted ?? (await this.#register.knownGateway(ref, subPool, signal))
    await this.claim({ ...ref, ip, kind: 'reserved' }, signal)
    const noted = await this.#register.noteGateway(ref, ip, signal)
    return wanted ?? noted
  }
}
