/**
 * Endpoints by texts that they have. There may be 100,000: they are read in by and by, with turns for
 * others in between, and a question that comes meanwhile looks at the rest one by one.
 */
import { inTurns } from '../../core/turns.js'
import type { Endpoint } from '../../core/types.js'
import { TextTable } from './text-table.js'

/** A question that comes meanwhile reads in for so long (ms): many at once are not slow for long. */
const PART_MS = 5
/** So many between two looks at the clock. */
const LOOK_EVERY = 64

export class EndpointIndex {
  readonly #textsOf: (endpoint: Endpoint) => readonly string[]
  readonly #table = new TextTable()
  /** not read in yet, the last first */
  readonly #rest: Endpoint[]
  /** those of them that are not to be read in any more; others may be among them */
  readonly #gone = new Set<Endpoint>()

  /** @param all from then on `add` and `remove` follow them */
  constructor(all: Iterable<Endpoint>, textsOf: (endpoint: Endpoint) => readonly string[]) {
    this.#textsOf = textsOf
    this.#rest = [...all]
    // Never rejects; a few are read in when this returns.
    void inTurns(this.#unread(), (endpoint) => this.add(endpoint))
  }

  add(endpoint: Endpoint): void {
    for (const text of this.#textsOf(endpoint)) this.#table.add(text, endpoint)
  }

  /** Of that very object; one that is not in is left alone. */
  remove(endpoint: Endpoint): void {
    for (const text of this.#textsOf(endpoint)) this.#table.remove(text, endpoint)
    if (this.#rest.length > 0) this.#gone.add(endpoint)
  }

  /** All that have the text. */
  with(text: string): readonly Endpoint[] {
    if (this.#rest.length > 0) this.#readPart()
    const has = (endpoint: Endpoint): boolean => this.#textsOf(endpoint).includes(text)
    const found = this.#table.candidates(text).filter(has)
    if (this.#rest.length === 0) return found
    const unread = this.#rest.filter((endpoint) => has(endpoint) && !this.#gone.has(endpoint))
    return [...new Set([...found, ...unread])]
  }

  #readPart(): void {
    const end = performance.now() + PART_MS
    let count = 0
    for (const endpoint of this.#unread()) {
      this.add(endpoint)
      count += 1
      if (count % LOOK_EVERY === 0 && performance.now() >= end) return
    }
  }

  *#unread(): Generator<Endpoint> {
    for (;;) {
      const endpoint = this.#rest.pop()
      if (endpoint === undefined) break
      if (!this.#gone.delete(endpoint)) yield endpoint
    }
    this.#gone.clear()
  }
}
