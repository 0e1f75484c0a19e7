/**
 * As DeltaTracker (delta.ts), for tables of 100,000 entries by device and key. It remembers only
 * where the kernel differs from what is wanted: an entry that is as wanted takes no memory here, and
 * a plan that changes a few costs a few.
 */
import type { EntrySet } from '../../core/plan.js'
import { inTurns } from '../../core/turns.js'

type Keyed<E> = ReadonlyMap<string, ReadonlyMap<string, E | undefined>>

/** What is wanted at one place; undefined: nothing, so what is there goes. */
export interface Task<E> {
  readonly key: string
  readonly want: E | undefined
  /** what is thought to be there */
  readonly have: E | undefined
}

interface Options<E extends { readonly dev: string }> {
  /** What identifies an entry on its device. */
  keyOf(entry: E): string
  /** Whether no write is needed between two entries of one key. */
  same(a: E, b: E): boolean
}

export class EntryTracker<E extends { readonly dev: string }> {
  readonly #options: Options<E>
  #desired: EntrySet<E>
  /** the set that `settle` has worked in last */
  #settled: EntrySet<E>
  /** where the kernel differs: device → key → what it has there, undefined for nothing */
  #differing = new Map<string, Map<string, E | undefined>>()

  constructor(options: Options<E>) {
    this.#options = options
    this.#desired = new ListedEntries([], options.keyOf)
    this.#settled = this.#desired
  }

  desiredAt(dev: string, key: string): E | undefined {
    return this.#desired.get(dev, key)
  }

  /** Whether any entry that is wanted fits. */
  wants(fits: (entry: E) => boolean): boolean {
    for (const entry of this.#desired) {
      if (fits(entry)) return true
    }
    return false
  }

  /** To be followed by `settle`, at the latest before something is read or done. */
  setDesired(entries: readonly E[] | EntrySet<E>): void {
    this.#desired = isList(entries) ? new ListedEntries(entries, this.#options.keyOf) : entries
  }

  /** Works in what was set: of a set that was there before its changes only. */
  async settle(): Promise<void> {
    const [former, desired] = [this.#settled, this.#desired]
    this.#settled = desired
    await inTurns(cells(former.takeChanges()), ([dev, key, was]) => this.#compare(dev, key, was))
    if (former === desired) return
    desired.takeChanges()
    await inTurns(former, (entry) => {
      this.#compare(entry.dev, this.#options.keyOf(entry), entry)
    })
    await inTurns(desired, (entry) => {
      const key = this.#options.keyOf(entry)
      if (former.get(entry.dev, key) === undefined) this.#compare(entry.dev, key, undefined, entry)
    })
  }

  /**
   * Replaces what is thought installed by what was read.
   * @param isThere whether a device is: what went with one is counted as the device, and not again
   * @returns how many entries thought installed were missing or had another value
   */
  async setInstalled(
    found: Keyed<E>,
    isThere: (dev: string) => boolean = () => true,
  ): Promise<number> {
    const former = this.#differing
    let drift = 0
    const judge = (dev: string, have: E | undefined, now: E | undefined): void => {
      if (have !== undefined && !this.#isSame(have, now) && isThere(dev)) drift += 1
    }
    this.#differing = new Map()
    await inTurns(this.#desired, (want) => {
      const { dev } = want
      const key = this.#options.keyOf(want)
      const now = found.get(dev)?.get(key)
      const known = former.get(dev)
      judge(dev, known?.has(key) === true ? known.get(key) : want, now)
      if (!this.#isSame(now, want)) this.#note(dev, key, now)
    })
    await inTurns(cells(former), ([dev, key, have]) => {
      if (this.#desired.get(dev, key) === undefined) judge(dev, have, found.get(dev)?.get(key))
    })
    await inTurns(cells(found), ([dev, key, now]) => {
      if (this.#desired.get(dev, key) === undefined) this.#note(dev, key, now)
    })
    return drift
  }

  /** Notes that a task was done: the kernel has what is wanted. */
  done(dev: string, key: string): void {
    this.#differing.get(dev)?.delete(key)
  }

  /** Forgets what was installed on a device that went away by our own doing. */
  forget(dev: string): void {
    const keys = this.#differing.get(dev)
    for (const key of [...(keys?.keys() ?? [])]) {
      if (this.#desired.get(dev, key) === undefined) keys?.delete(key)
    }
    for (const entry of this.#desired) {
      if (entry.dev === dev) this.#note(dev, this.#options.keyOf(entry), undefined)
    }
  }

  /** Devices on which something is left to do. */
  get devices(): readonly string[] {
    return [...this.#differing].filter(([, keys]) => keys.size > 0).map(([dev]) => dev)
  }

  /** What is left to do on a device. `done` may be called meanwhile. */
  *tasks(dev: string): Generator<Task<E>> {
    for (const [key, have] of this.#differing.get(dev) ?? []) {
      yield { key, want: this.#desired.get(dev, key), have }
    }
  }

  /** @param former what was wanted before */
  #compare(
    dev: string,
    key: string,
    former: E | undefined,
    want = this.#desired.get(dev, key),
  ): void {
    const known = this.#differing.get(dev)
    const have = known?.has(key) === true ? known.get(key) : former
    if (this.#isSame(have, want)) known?.delete(key)
    else this.#note(dev, key, have)
  }

  #note(dev: string, key: string, have: E | undefined): void {
    const keys = this.#differing.get(dev) ?? new Map<string, E | undefined>()
    this.#differing.set(dev, keys.set(key, have))
  }

  #isSame(a: E | undefined, b: E | undefined): boolean {
    return a === undefined || b === undefined ? a === b : this.#options.same(a, b)
  }
}

/** The entries of a plan that names them one by one; it never changes. */
class ListedEntries<E extends { readonly dev: string }> implements EntrySet<E> {
  readonly #entries = new Map<string, Map<string, E>>()

  constructor(list: readonly E[], keyOf: (entry: E) => string) {
    for (const entry of list) {
      const keys = this.#entries.get(entry.dev) ?? new Map<string, E>()
      this.#entries.set(entry.dev, keys.set(keyOf(entry), entry))
    }
  }

  get(dev: string, key: string): E | undefined {
    return this.#entries.get(dev)?.get(key)
  }

  takeChanges(): Keyed<E> {
    return NO_CHANGES
  }

  *[Symbol.iterator](): Generator<E> {
    for (const keys of this.#entries.values()) yield* keys.values()
  }
}

const NO_CHANGES: ReadonlyMap<string, never> = new Map<string, never>()

function isList<E>(entries: readonly E[] | EntrySet<E>): entries is readonly E[] {
  return Array.isArray(entries)
}

function* cells<E>(keyed: Keyed<E>): Generator<readonly [string, string, E | undefined]> {
  for (const [dev, keys] of keyed) {
    for (const [key, value] of keys) yield [dev, key, value]
  }
}
