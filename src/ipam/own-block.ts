/**
 * One block of this host: which of its addresses are handed out, which rest after a release, and
 * which are not ours to give (reserved for all, or lent to another host). Synchronous, and in the
 * journal before it answers: nobody else decides here.
 */
import { type Cidr, contains, familyOf, type Ip, ipFromNumber } from '../core/ip.js'
import type { HostId } from '../core/types.js'
import type { AddressDocument, BlockHold } from '../state/documents.js'
import type { PoolRef } from '../state/keys.js'
import { usableRange } from './candidates.js'

export interface OwnBlockParts {
  readonly ref: PoolRef
  readonly block: Cidr
  readonly boot: string
  /** writes the journal */
  readonly save: (hold: BlockHold) => void
  /** milliseconds, never going back */
  readonly now: () => number
}

/** Who has an address that is not ours to give; undefined where the store was not asked yet. */
export type Outside = AddressDocument | { readonly host?: HostId; readonly kind?: undefined }

export class OwnBlock {
  readonly ref: PoolRef
  readonly block: Cidr
  /** revision of the block's key; undefined until the store has confirmed it since the start */
  revision: number | undefined
  /** a transaction on it had no answer: what is outside may not shrink before a new look */
  doubtful = false
  /** the store does not call it ours, and it is not settled yet whose it is: nothing is handed out */
  suspended = false
  /** when it last handed out or took back something */
  touched: number
  readonly #parts: OwnBlockParts
  readonly #first: bigint
  readonly #size: number
  readonly #held = new Map<Ip, number>()
  readonly #resting = new Map<Ip, number>()
  readonly #outside = new Map<Ip, Outside>()
  #passed = 0

  constructor(parts: OwnBlockParts, hold?: BlockHold) {
    this.#parts = parts
    this.ref = { space: parts.ref.space, pool: parts.ref.pool }
    this.block = parts.block
    this.touched = parts.now()
    const { first, last } = usableRange(parts.ref.pool, parts.block)
    this.#first = first
    this.#size = last < first ? 0 : Number(last - first) + 1
    if (hold === undefined) return
    this.#passed = hold.passed
    for (const { ip, at } of hold.resting) this.#resting.set(ip, at)
    for (const ip of hold.out) this.#outside.set(ip, {})
    // Containers do not outlive the boot of their host.
    const latest = Math.max(0, ...this.#resting.values()) + 1
    for (const ip of hold.held) {
      if (hold.boot === parts.boot) this.#held.set(ip, this.touched)
      else this.#resting.set(ip, latest)
    }
  }

  get held(): ReadonlyMap<Ip, number> {
    return this.#held
  }

  /** Number of usable addresses, held ones included. */
  get size(): number {
    return this.#size
  }

  get free(): number {
    if (this.suspended) return 0
    return this.#size - this.#held.size - this.#outside.size
  }

  /** The number of the latest release. */
  get lastRelease(): number {
    return Math.max(0, ...this.#resting.values())
  }

  outside(ip: Ip): Outside | undefined {
    return this.#outside.get(ip)
  }

  /** A free address that was never used. */
  fresh(subPool?: Cidr): Ip | undefined {
    if (this.free <= 0) return undefined
    for (; this.#passed < this.#size; this.#passed += 1) {
      const ip = this.#at(this.#passed)
      if (this.#isFree(ip) && !this.#resting.has(ip) && inside(subPool, ip)) return ip
    }
    return undefined
  }

  /** The free address that was released longest ago; else any that the search passed by. */
  rested(subPool?: Cidr): { readonly ip: Ip; readonly at: number } | undefined {
    if (this.free <= 0) return undefined
    for (const [ip, at] of this.#resting) {
      if (this.#isFree(ip) && inside(subPool, ip)) return { ip, at }
    }
    for (let index = 0; index < this.#size; index += 1) {
      const ip = this.#at(index)
      if (this.#isFree(ip) && inside(subPool, ip)) return { ip, at: 0 }
    }
    return undefined
  }

  /** @returns false when it is not free to take */
  take(ip: Ip): boolean {
    if (!this.#isFree(ip)) return false
    this.#held.set(ip, this.#parts.now())
    this.#resting.delete(ip)
    this.save()
    return true
  }

  /** @param at number of this release */
  putBack(ip: Ip, at: number): void {
    if (!this.#held.delete(ip)) return
    this.#resting.set(ip, at)
    this.save()
  }

  /** Not ours to hand out from now on. @returns false when we have handed it out */
  putOutside(ip: Ip, who: Outside): boolean {
    if (this.#held.has(ip)) return false
    this.#outside.set(ip, who)
    this.#resting.delete(ip)
    this.save()
    return true
  }

  /** What the store says is outside: nothing else is. */
  setOutside(all: ReadonlyMap<Ip, Outside>, at: number): void {
    this.doubtful = false
    const same =
      all.size === this.#outside.size && [...all.keys()].every((ip) => this.#outside.has(ip))
    for (const ip of this.#outside.keys()) if (!all.has(ip)) this.#resting.set(ip, at)
    this.#outside.clear()
    for (const [ip, who] of all) {
      this.#outside.set(ip, who)
      this.#resting.delete(ip)
    }
    if (!same) this.save()
  }

  /** Handed out without our knowing: an endpoint uses it. */
  adopt(ip: Ip): void {
    this.#held.set(ip, this.#parts.now())
    this.#resting.delete(ip)
  }

  save(): void {
    this.touched = this.#parts.now()
    this.#parts.save({
      ...this.ref,
      block: this.block,
      boot: this.#parts.boot,
      passed: this.#passed,
      held: [...this.#held.keys()],
      resting: [...this.#resting].map(([ip, at]) => ({ ip, at })),
      out: [...this.#outside.keys()],
    })
  }

  has(ip: Ip): boolean {
    return contains(this.block, ip)
  }

  #isFree(ip: Ip): boolean {
    if (this.suspended) return false
    return !this.#held.has(ip) && !this.#outside.has(ip)
  }

  #at(index: number): Ip {
    return ipFromNumber(this.#first + BigInt(index), familyOf(this.block))
  }
}

function inside(subPool: Cidr | undefined, ip: Ip): boolean {
  return subPool === undefined || contains(subPool, ip)
}
