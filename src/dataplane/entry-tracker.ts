/**
 * As DeltaTracker (delta.ts), for tables of 100,000 entries by device and key. It remembers only
 * where the kernel differs from what is wanted: an entry that is as wanted takes no memory here, and
 * a plan that changes a few costs a few.
 */
import type { EntrySet } from '../core/plan.js'

type Keyed<E> = ReadonlyMap<string, ReadonlyMap<string, E | undefined>>

/** What is wanted at one place; undefined: nothing, so what is there goes. */
export interface Task<E> {
  readonly key: string
  readonly want: E | undefined
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
  /** where the kernel differs: device → key → what it has there, undefined for nothing */
  #differing = new Map<string, Map<string, E | undefined>>()

  constructor(options: Options<E>) {
    this.#options = options
    this.#desired = new ListedEntries([], options.keyOf)
  }

  desiredAt(dev: string, key: string): E | undefined {
    return this.#desired.get(dev, key)
  }

  /** A set that was given before is looked at for its changes only. */
  setDesired(entries: readonly E[] | EntrySet<E>): void {
    this.#follow()
    if (entries === this.#desired) return
    const former = this.#desired
    this.#desired = isList(entries) ? new ListedEntries(entries, this.#options.keyOf) : entries
    this.#desired.takeChanges()
    for (const entry of former) this.#compare(entry.dev, this.#options.keyOf(entry), entry)
    for (const entry of this.#desired) {
      const key = this.#options.keyOf(entry)
      if (former.get(entry.dev, key) === undefined) this.#compare(entry.dev, key, undefined)
    }
  }

  /**
   * Replaces what is thought installed by what was read.
   * @returns how many entries thought installed were missing or had another value
   */
  setInstalled(found: Keyed<E>): number {
    const former = this.#differing
    let drift = 0
    const judge = (have: E | undefined, now: E | undefined): void => {
      if (have !== undefined && !this.#isSame(have, now)) drift += 1
    }
    this.#differing = new Map()
    for (const want of this.#desired) {
      const { dev } = want
      const key = this.#options.keyOf(want)
      const now = found.get(dev)?.get(key)
      const known = former.get(dev)
      judge(known?.has(key) === true ? known.get(key) : want, now)
      if (!this.#isSame(now, want)) this.#note(dev, key, now)
    }
    for (const [dev, key, have] of cells(former)) {
      if (this.#desired.get(dev, key) === undefined) judge(have, found.get(dev)?.get(key))
    }
    for (const [dev, key, now] of cells(found)) {
      if (this.#desired.get(dev, key) === undefined) this.#note(dev, key, now)
    }
    return drift
  }

  /** Notes that the kernel has `entry` at the key, undefined for nothing. */
  wrote(dev: string, key: string, entry: E | undefined): void {
    if (this.#isSame(entry, this.#desired.get(dev, key))) this.#differing.get(dev)?.delete(key)
    else this.#note(dev, key, entry)
  }

  /** Forgets what was installed on a device that went away by our own doing. */
  forget(dev: string): void {
    for (const key of [...(this.#differing.get(dev)?.keys() ?? [])]) this.wrote(dev, key, undefined)
    for (const entry of this.#desired) {
      if (entry.dev === dev) this.#note(dev, this.#options.keyOf(entry), undefined)
    }
  }

  /** Devices on which something is left to do. */
  get devices(): readonly string[] {
    return [...this.#differing].filter(([, keys]) => keys.size > 0).map(([dev]) => dev)
  }

  /** What is left to do on a device. `wrote` may be called meanwhile. */
  *tasks(dev: string): Generator<Task<E>> {
    for (const key of this.#differing.get(dev)?.keys() ?? []) {
      yield { key, want: this.#desired.get(dev, key) }
    }
  }

  /** Works in what the set in use tells of its changes. */
  #follow(): void {
    for (const [dev, key, former] of cells(this.#desired.takeChanges())) {
      this.#compare(dev, key, former)
    }
  }

  /** @param former what was wanted before */
  #compare(dev: string, key: string, former: E | undefined): void {
    const known = this.#differing.get(dev)
    this.wrote(dev, key, known?.has(key) === true ? known.get(key) : former)
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
