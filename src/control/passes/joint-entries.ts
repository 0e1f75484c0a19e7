/**
 * Entries of several networks in one place as one set. A device is one network's, but for routes,
 * which several have by one device of the host: keys are told apart, as pools do not overlap.
 */
import type { EntrySet } from '../../core/plan.js'

type Changes<E> = Map<string, Map<string, E | undefined>>

export class JointEntries<E extends { readonly dev: string }> implements EntrySet<E> {
  readonly #keyOf: (entry: E) => string
  /** by network */
  #sets: ReadonlyMap<string, EntrySet<E>> = new Map()
  #fixed: ReadonlyMap<string, E> = new Map()
  /** what was changed by others coming and going, not by what changes in one of them */
  #changes: Changes<E> = new Map()

  constructor(keyOf: (entry: E) => string) {
    this.#keyOf = keyOf
  }

  /**
   * @param sets of each network what leads to other hosts
   * @param fixed entries beside them
   */
  set(sets: ReadonlyMap<string, EntrySet<E>>, fixed: readonly E[]): void {
    for (const [name, former] of this.#sets) if (sets.get(name) !== former) this.#leave(former)
    for (const [name, next] of sets) if (this.#sets.get(name) !== next) this.#enter(next)
    this.#setFixed(new Map(fixed.map((entry) => [this.#idOf(entry), entry])))
    this.#sets = sets
  }

  #leave(former: EntrySet<E>): void {
    // first what it still had to tell: that was there before all else
    this.#noteAll(former.takeChanges())
    for (const entry of former) this.#note(entry.dev, this.#keyOf(entry), entry)
  }

  #enter(next: EntrySet<E>): void {
    next.takeChanges()
    for (const entry of next) this.#note(entry.dev, this.#keyOf(entry), undefined)
  }

  #setFixed(now: ReadonlyMap<string, E>): void {
    for (const [id, entry] of this.#fixed) {
      if (now.get(id) !== entry) this.#note(entry.dev, this.#keyOf(entry), entry)
    }
    for (const [id, entry] of now) {
      if (!this.#fixed.has(id)) this.#note(entry.dev, this.#keyOf(entry), undefined)
    }
    this.#fixed = now
  }

  get(dev: string, key: string): E | undefined {
    const fixed = this.#fixed.get(`${dev} ${key}`)
    if (fixed !== undefined) return fixed
    for (const set of this.#sets.values()) {
      const entry = set.get(dev, key)
      if (entry !== undefined) return entry
    }
    return undefined
  }

  takeChanges(): ReadonlyMap<string, ReadonlyMap<string, E | undefined>> {
    for (const set of this.#sets.values()) this.#noteAll(set.takeChanges())
    const changes = this.#changes
    this.#changes = new Map()
    return changes
  }

  *[Symbol.iterator](): Generator<E> {
    yield* this.#fixed.values()
    for (const set of this.#sets.values()) yield* set
  }

  #noteAll(changes: ReadonlyMap<string, ReadonlyMap<string, E | undefined>>): void {
    for (const [dev, keys] of changes) {
      for (const [key, former] of keys) this.#note(dev, key, former)
    }
  }

  /** Of several changes of one key the first says what stood there. */
  #note(dev: string, key: string, former: E | undefined): void {
    const keys = this.#changes.get(dev) ?? new Map<string, E | undefined>()
    this.#changes.set(dev, keys)
    if (!keys.has(key)) keys.set(key, former)
  }

  #idOf(entry: E): string {
    return `${entry.dev} ${this.#keyOf(entry)}`
  }
}
