/** What was asked, how it was answered, and everything that must not be. */
export class Ledger {
  readonly seed: number
  readonly violations: string[] = []
  /** answers by kind of action, then by status; `cut` where none was waited for */
  readonly counts = new Map<string, Map<string, number>>()
  #requests = 0

  constructor(seed: number) {
    this.seed = seed
  }

  get requests(): number {
    return this.#requests
  }

  /** @returns the number of a request that is about to be sent */
  next(): number {
    this.#requests += 1
    return this.#requests
  }

  count(kind: string, outcome: string): void {
    const outcomes = this.counts.get(kind) ?? new Map<string, number>()
    this.counts.set(kind, outcomes)
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }

  /** @param what the request in words */
  violation(request: number, what: string, problem: string): void {
    const shown = what.length > 600 ? `${what.slice(0, 600)}…` : what
    this.violations.push(`seed ${this.seed}, request ${request}, ${shown}: ${problem}`)
  }
}
