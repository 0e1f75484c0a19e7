/**
 * Looks at things, one by one for each of them and many at once: what is asked for while a look is
 * under way is looked at again after it, and one that failed is tried again.
 */
import { rest } from '../../core/deadline.js'
import { messageOf } from '../../core/errors.js'

/** A look at a container waits for the end of its start, and those of others shall not wait for it. */
const AT_ONCE = 64
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000
/** Tries that failed, before it is worth a word. */
const WORTH_TELLING = 3

export interface LooksOptions {
  /** @throws if it has to be done again */
  readonly look: (id: string, signal: AbortSignal) => Promise<void>
  readonly signal: AbortSignal
  /** told which ones fail again and again, and why */
  readonly onFailed: (failed: ReadonlyMap<string, string>) => void
}

export class Looks {
  readonly #options: LooksOptions
  /** ids that wait for their turn, in order */
  readonly #waiting = new Set<string>()
  readonly #running = new Map<string, Promise<void>>()
  readonly #failed = new Map<string, string>()

  constructor(options: LooksOptions) {
    this.#options = options
  }

  /** Asks for a look that begins after this call. */
  ask(id: string): void {
    if (this.#options.signal.aborted) return
    this.#waiting.add(id)
    this.#next()
  }

  /** Whether a look at it has begun and not ended. */
  isUnderWay(id: string): boolean {
    return this.#running.has(id)
  }

  /** Resolves when none is under way; to be called after `signal` has aborted. */
  async ended(): Promise<void> {
    await Promise.all(this.#running.values())
  }

  #next(): void {
    for (const id of this.#waiting) {
      if (this.#running.size >= AT_ONCE) return
      if (this.#running.has(id)) continue
      const running = this.#run(id).finally(() => {
        this.#running.delete(id)
        this.#next()
      })
      this.#running.set(id, running)
    }
  }

  async #run(id: string): Promise<void> {
    const { look, signal } = this.#options
    let pause = FIRST_RETRY_MS
    for (let tries = 1; !signal.aborted; tries += 1) {
      this.#waiting.delete(id)
      try {
        await look(id, signal)
        return this.#forget(id)
      } catch (error) {
        if (tries >= WORTH_TELLING) this.#tell(id, messageOf(error))
      }
      await rest(pause, signal)
      pause = Math.min(pause * 2, LAST_RETRY_MS)
    }
    this.#waiting.delete(id)
  }

  #tell(id: string, problem: string): void {
    const about = `container ${id.slice(0, 12)}`
    if (this.#failed.get(about) === problem) return
    this.#failed.set(about, problem)
    this.#options.onFailed(this.#failed)
  }

  #forget(id: string): void {
    if (this.#failed.delete(`container ${id.slice(0, 12)}`)) this.#options.onFailed(this.#failed)
  }
}
