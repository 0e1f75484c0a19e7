/**
 * Places that stay: what was there before keeps its place, what is new takes one that became free or
 * the next one. So nothing jumps under the pointer when the cluster changes.
 */
export class Slots {
  readonly #slots = new Map<string, number>()

  /** @param ids in the order in which new ones are placed @returns the place of each */
  place(ids: readonly string[]): ReadonlyMap<string, number> {
    const now = new Set(ids)
    for (const id of [...this.#slots.keys()]) if (!now.has(id)) this.#slots.delete(id)
    const taken = new Set(this.#slots.values())
    let free = 0
    for (const id of ids) {
      if (this.#slots.has(id)) continue
      while (taken.has(free)) free++
      this.#slots.set(id, free)
      taken.add(free)
    }
    return this.#slots
  }
}

/** How much there ever was: a row that became lower would move all below it. */
export class HighWater {
  readonly #marks = new Map<string, number>()

  of(id: string, now: number): number {
    const mark = Math.max(now, this.#marks.get(id) ?? 0)
    this.#marks.set(id, mark)
    return mark
  }
}
