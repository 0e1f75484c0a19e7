/**
 * What is known of docker_gwbridge between two passes: `docker network prune` removes it, and the next
 * container may start a moment later.
 */
import { within } from '../../core/deadline.js'

/** dockerd makes it in less than a tenth of a second. */
const LONGEST_MS = 2_000

export class GatewayWait {
  readonly #make: () => Promise<void>
  #gone = false
  #losses = 0
  #making: Promise<void> | undefined

  /** @param make has it made at once; never rejects */
  constructor(make: () => Promise<void>) {
    this.#make = make
  }

  /** dockerd says that it has been removed. */
  lost(): void {
    this.#gone = true
    this.#losses += 1
  }

  get losses(): number {
    return this.#losses
  }

  /** It was in a list that was asked for when there had been so many losses. */
  found(losses: number): void {
    if (losses === this.#losses) this.#gone = false
  }

  /** Resolves when it is not being made any more. */
  get made(): Promise<void> {
    return this.#making ?? Promise.resolve()
  }

  /** At once where it is there; else it is made, and waited for a while. */
  async ready(): Promise<void> {
    if (!this.#gone) return
    this.#making ??= this.#makeIt().finally(() => {
      this.#making = undefined
    })
    await within(this.#making, LONGEST_MS)
  }

  async #makeIt(): Promise<void> {
    const losses = this.#losses
    await this.#make()
    this.found(losses)
  }
}
