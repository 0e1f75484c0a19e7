/** What is waited for, on stderr, when it takes longer than people like to wait in the dark. */
import type { Terminal } from './terminal.js'

const QUIET_MS = 2_000

export class Progress {
  readonly #timer: NodeJS.Timeout
  #told = performance.now()
  #latest: string

  /** @param about `doctor`; @param first what is waited for at first */
  constructor({ err }: Pick<Terminal, 'err'>, about: string, first: string) {
    this.#latest = first
    this.#timer = setInterval(() => {
      if (performance.now() - this.#told < QUIET_MS) return
      this.#told = performance.now()
      err(`${about}: ${this.#latest}\n`)
    }, QUIET_MS / 4)
  }

  /** It is this now. */
  at(latest: string): void {
    this.#latest = latest
  }

  end(): void {
    clearInterval(this.#timer)
  }
}
