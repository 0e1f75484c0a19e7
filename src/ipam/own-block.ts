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
import { Recent, type Returned } from './recent.js'
import { addressesAside, containerRange } from './routed-block.js'

export interface OwnBlockParts {
  readonly ref: PoolRef
  readonly block: Cidr
  /** a subnet of its own: some of its addresses are no container's */
  readonly routed: boolean
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
  readonly routed: boolean
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
  /** nobody's, as the block is a subnet */
  readonly #aside: ReadonlySet<Ip>
  /** held ones that were not chosen by us: whoever had one will ask for it again */
  readonly #asked = new Set<Ip>()
  /** endpoints that had an address last, by their names */
  readonly #names = new Map<Ip, string>()
  readonly #recent = new Recent()
  #passed = 0

  constructor(parts: OwnBlockParts, hold?: BlockHold) {
    this.#parts = parts
    this.ref = { space: parts.ref.space, pool: parts.ref.pool }
    this.block = parts.block
    this.routed = parts.routed
    this.touched = parts.now()
    this.#aside = new Set(parts.routed ? addressesAside(parts.block).keys() : [])
    const { first, last } = parts.routed
      ? containerRange(parts.block)
      : usableRange(parts.ref.pool, parts.block)
    this.#first = first
    this.#size = last < first ? 0 : Number(last - first) + 1
    if (hold === undefined) return
    this.#passed = hold.passed
    this.#takeUp(hold)
  }

  /** The time in which nobody ran counts for nothing: dockerd may have been away as long. */
  #takeUp(hold: BlockHold): void {
    this.#takeUpResting(hold)
    for (const ip of hold.out) this.#outside.set(ip, {})
    for (const [ip, name] of Object.entries(hold.names ?? {})) this.#names.set(ip as Ip, name)
    // Containers do not outlive the boot of their host.
    const latest = Math.max(0, ...this.#resting.values()) + 1
    const asked = new Set(hold.asked ?? hold.held)
    const isSameBoot = hold.boot === this.#parts.boot
    for (const ip of hold.held) {
      if (isSameBoot) this.#held.set(ip, this.touched)
      else this.#resting.set(ip, latest)
      if (isSameBoot && asked.has(ip)) this.#asked.add(ip)
      if (!isSameBoot && !asked.has(ip)) this.#recent.add(ip, this.touched)
    }
  }

  #takeUpResting({ resting }: BlockHold): void {
    for (const { ip, at } of resting) this.#resting.set(ip, at)
    const returned = resting.flatMap(({ ip, age }) => (age === undefined ? [] : [{ ip, age }]))
    for (const { ip, age } of returned.sort((a, b) => b.age - a.age))
      this.#recent.add(ip, this.touched - age)
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
    // The network's gateway may be such an address, and is outside, too.
    const both = [...this.#aside].filter((ip) => this.#outside.has(ip)).length
    return this.#size - this.#held.size - this.#outside.size + both
  }

  /** The number of the latest release. */
  get lastRelease(): number {
    return Math.max(0, ...this.#resting.values())
  }

  /** No container's, as the block is a subnet of its own. */
  isAside(ip: Ip): boolean {
    return this.#aside.has(ip)
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

  /** A free address that a container has just given back and may want again. */
  returned(subPool?: Cidr): Returned | undefined {
    if (this.free <= 0) return undefined
    return this.#recent.next(this.#parts.now(), (ip) => this.#isFree(ip) && inside(subPool, ip))
  }

  /** The free address that the endpoint of that name had last. */
  ofName(name: string, subPool?: Cidr): Ip | undefined {
    for (const [ip, each] of this.#names)
      if (each === name && this.#isFree(ip) && inside(subPool, ip)) return ip
    return undefined
  }

  /**
   * @param chosen by us, for an endpoint of that name; absent: it was asked for
   * @returns false when it is not free to take
   */
  take(ip: Ip, chosen?: { readonly name?: string | undefined }): boolean {
    if (!this.#isFree(ip)) return false
    this.#held.set(ip, this.#parts.now())
    this.#unrest(ip)
    if (chosen === undefined) this.#asked.add(ip)
    if (chosen?.name !== undefined) this.#names.set(ip, chosen.name)
    this.save()
    return true
  }

  /** @param at number of this release */
  putBack(ip: Ip, at: number): void {
    if (!this.#held.delete(ip)) return
    this.#resting.set(ip, at)
    // One that was asked for is kept for whoever asks for it again, as long as there are others.
    if (!this.#asked.delete(ip)) this.#recent.add(ip, this.#parts.now())
    this.save()
  }

  /** Not ours to hand out from now on. @returns false when we have handed it out */
  putOutside(ip: Ip, who: Outside): boolean {
    if (this.#held.has(ip)) return false
    this.#outside.set(ip, who)
    this.#unrest(ip)
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
      this.#unrest(ip)
    }
    if (!same) this.save()
  }

  /** Handed out without our knowing: an endpoint uses it. */
  adopt(ip: Ip): void {
    this.#held.set(ip, this.#parts.now())
    this.#asked.add(ip)
    this.#unrest(ip)
  }

  /** The name goes with the next one that has it. */
  #unrest(ip: Ip): void {
    this.#resting.delete(ip)
    this.#recent.delete(ip)
    this.#names.delete(ip)
  }

  save(): void {
    const now = this.#parts.now()
    this.touched = now
    this.#parts.save({
      ...this.ref,
      block: this.block,
      ...(this.routed ? { routed: true } : {}),
      boot: this.#parts.boot,
      passed: this.#passed,
      held: [...this.#held.keys()],
      asked: [...this.#asked],
      ...(this.#names.size === 0 ? {} : { names: Object.fromEntries(this.#names) }),
      resting: [...this.#resting].map(([ip, at]) => {
        const age = this.#recent.age(ip, now)
        return age === undefined ? { ip, at } : { ip, at, age }
      }),
      out: [...this.#outside.keys()],
    })
  }

  has(ip: Ip): boolean {
    return contains(this.block, ip)
  }

  #isFree(ip: Ip): boolean {
    if (this.suspended) return false
    return !this.#held.has(ip) && !this.#outside.has(ip) && !this.#aside.has(ip)
  }

  #at(index: number): Ip {
    return ipFromNumber(this.#first + BigInt(index), familyOf(this.block))
  }
}

function inside(subPool: Cidr | undefined, ip: Ip): boolean {
  return subPool === undefined || contains(subPool, ip)
}
