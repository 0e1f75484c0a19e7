/**
 * What is not well on this host, for `status` and for the log. Each part of the program reports all
 * that it knows of at once, under its own name; what it no longer names is well again.
 */
import type { Logger } from '../../core/ports.js'

export interface Problem {
  /** which part of the program says so: `mtu`, `hosts`, `ranges` */
  readonly part: string
  /** what it is about, for people: a host, a network, a container */
  readonly about: string
  /** what is wrong and what to do */
  readonly problem: string
}

export class Problems {
  readonly #logger: Logger
  readonly #known = new Map<string, ReadonlyMap<string, string>>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /**
   * Replaces what the part has reported before; one log line for what is new and what is over.
   * @param problems what it is about → what is wrong
   */
  report(part: string, problems: ReadonlyMap<string, string>): void {
    const before = this.#known.get(part) ?? new Map<string, string>()
    for (const [about, problem] of problems) {
      if (before.get(about) !== problem) this.#logger.warn({ part, about, problem }, 'not well')
    }
    for (const about of before.keys()) {
      if (!problems.has(about)) this.#logger.info({ part, about }, 'well again')
    }
    this.#known.set(part, new Map(problems))
  }

  /** In the order of the parts' first reports. */
  list(): readonly Problem[] {
    return [...this.#known].flatMap(([part, problems]) =>
      [...problems].map(([about, problem]) => ({ part, about, problem })),
    )
  }
}
