/**
 * What looks dead may be in the making. So it counts as dead when it looked so in several rounds one
 * after the other, and for some time by a clock that no operator can set.
 */
export interface SightingRules {
  readonly rounds: number
  /** between the first of these rounds and the last (milliseconds) */
  readonly ms: number
  /** milliseconds, never going back */
  readonly now: () => number
}

interface Sighting {
  readonly times: number
  readonly since: number
}

export class Sightings {
  readonly #rules: SightingRules
  #suspects: ReadonlyMap<string, Sighting> = new Map()

  constructor(rules: SightingRules) {
    this.#rules = rules
  }

  /** True while something looked dead in the latest round. */
  get any(): boolean {
    return this.#suspects.size > 0
  }

  /**
   * Begins a round. What is not named in it is forgotten.
   * @returns notes that this one looks dead; true when it is
   */
  round(): (id: string) => boolean {
    const { rounds, ms, now } = this.#rules
    const before = this.#suspects
    const seen = new Map<string, Sighting>()
    this.#suspects = seen
    return (id) => {
      const known = before.get(id)
      const sighting = { times: (known?.times ?? 0) + 1, since: known?.since ?? now() }
      const isDead = sighting.times >= rounds && now() - sighting.since >= ms
      if (!isDead) seen.set(id, sighting)
      return isDead
    }
  }
}
