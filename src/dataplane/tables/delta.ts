/**
 * Desired and installed entries of one table, and what lies between them. Pure memory: a table
 * tells the tracker what is wanted, what it read from the kernel and what it has written; the
 * tracker says what is left to do. Idea: Calico felix/deltatracker.
 */
export class DeltaTracker<K, V> {
  readonly #same: (a: V, b: V) => boolean
  #desired: ReadonlyMap<K, V> = new Map()
  #installed = new Map<K, V>()
  readonly #updates = new Map<K, V>()
  readonly #deletions = new Map<K, V>()

  /** @param same whether two values of one key need no write between them */
  constructor(same: (a: V, b: V) => boolean) {
    this.#same = same
  }

  /** Values that are thought installed. */
  get installed(): readonly V[] {
    return [...this.#installed.values()]
  }

  get desired(): readonly V[] {
    return [...this.#desired.values()]
  }

  /** What is wanted under `key`; undefined = nothing. */
  desiredAt(key: K): V | undefined {
    return this.#desired.get(key)
  }

  /** What is thought installed under `key`. */
  installedAt(key: K): V | undefined {
    return this.#installed.get(key)
  }

  setDesired(desired: ReadonlyMap<K, V>): void {
    this.#desired = desired
    this.#recount()
  }

  /**
   * Replaces what is thought installed by what was read.
   * @returns how many entries thought installed were missing or had another value
   */
  setInstalled(installed: ReadonlyMap<K, V>): number {
    let drift = 0
    for (const [key, value] of this.#installed) {
      const now = installed.get(key)
      if (now === undefined || !this.#same(now, value)) drift += 1
    }
    this.#installed = new Map(installed)
    this.#recount()
    return drift
  }

  /** Notes that `key` was written with `value`. */
  wrote(key: K, value: V): void {
    this.#installed.set(key, value)
    this.#recountKey(key)
  }

  /** Notes that `key` is not installed any more. */
  removed(key: K): void {
    this.#installed.delete(key)
    this.#recountKey(key)
  }

  /** Forgets installed entries that went away by our own doing, such as with their device. */
  forget(match: (value: V) => boolean): void {
    for (const [key, value] of this.#installed) {
      if (match(value)) this.#installed.delete(key)
    }
    this.#recount()
  }

  /** Entries to add or replace. A copy: it may be iterated while `wrote` is called. */
  updates(): readonly (readonly [K, V])[] {
    return [...this.#updates]
  }

  /** Installed entries that nobody wants, with their installed values. A copy. */
  deletions(): readonly (readonly [K, V])[] {
    return [...this.#deletions]
  }

  get inSync(): boolean {
    return this.#updates.size === 0 && this.#deletions.size === 0
  }

  #recount(): void {
    this.#updates.clear()
    this.#deletions.clear()
    for (const key of this.#desired.keys()) this.#recountKey(key)
    for (const key of this.#installed.keys()) {
      if (!this.#desired.has(key)) this.#recountKey(key)
    }
  }

  #recountKey(key: K): void {
    const want = this.#desired.get(key)
    const have = this.#installed.get(key)
    this.#updates.delete(key)
    this.#deletions.delete(key)
    if (want === undefined) {
      if (have !== undefined) this.#deletions.set(key, have)
    } else if (have === undefined || !this.#same(have, want)) {
      this.#updates.set(key, want)
    }
  }
}
