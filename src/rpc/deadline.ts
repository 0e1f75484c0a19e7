/**
 * An upper bound for each call. dockerd has no timeout for v1 plugins and holds the container's
 * lock while it waits, so a handler that hangs hangs `docker stop` with it.
 *
 * At the deadline the call's signal aborts: the use case undoes what it half did and ends. One that
 * does not end within GRACE_MS of that is answered for anyway; its real outcome is only logged.
 * Nothing else aborts a call. In particular not a client that goes away: dockerd will repeat the
 * call, and finds it done.
 */
import { messageOf, TsoverlayError } from '../core/errors.js'
import type { Logger } from '../core/ports.js'

/** What a use case has to undo itself after its signal has aborted, in milliseconds. */
export const GRACE_MS = 500

type Work<T> = (signal: AbortSignal) => Promise<T>

export class Deadlines {
  readonly #ms: number
  readonly #logger: Logger
  readonly #running = new Set<(reason: string) => void>()

  /** @param ms time until a call's signal aborts, in milliseconds */
  constructor(ms: number, logger: Logger) {
    this.#ms = ms
    this.#logger = logger
  }

  /**
   * @returns what `work` returns
   * @throws what `work` throws; TsoverlayError DEADLINE_EXCEEDED, naming `method`, when `work` ends
   *   by the abort or does not end
   */
  async run<T>(method: string, work: Work<T>): Promise<T> {
    const controller = new AbortController()
    const abort = (reason: string): void =>
      controller.abort(new TsoverlayError('DEADLINE_EXCEEDED', `${method} ${reason}`))
    const timer = setTimeout(abort, this.#ms, `was not done within ${this.#ms} ms`)
    this.#running.add(abort)
    try {
      return await this.#answer(method, controller.signal, work)
    } finally {
      clearTimeout(timer)
      this.#running.delete(abort)
    }
  }

  /** Aborts all calls under way as if their deadlines had come. */
  abortAll(reason: string): void {
    for (const abort of this.#running) abort(reason)
  }

  #answer<T>(method: string, signal: AbortSignal, work: Work<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let grace: NodeJS.Timeout | undefined
      let answered = false
      signal.addEventListener('abort', () => {
        grace = setTimeout(() => {
          answered = true
          reject(signal.reason)
        }, GRACE_MS)
      })
      const end = (outcome: string, settle: () => void): void => {
        clearTimeout(grace)
        if (answered) this.#logger.warn({ method, outcome }, 'rpc call ended after its answer')
        else settle()
      }
      start(work, signal).then(
        (value) => end('ok', () => resolve(value)),
        (error: unknown) => end(messageOf(error), () => reject(named(error, signal))),
      )
    })
  }
}

/** A throw before the first await is a rejection too. */
async function start<T>(work: Work<T>, signal: AbortSignal): Promise<T> {
  return await work(signal)
}

/** Libraries end an aborted call with an AbortError of their own, which names no method. */
function named(error: unknown, signal: AbortSignal): unknown {
  const aborted = signal.aborted && error instanceof Error && error.name === 'AbortError'
  return aborted ? signal.reason : error
}
