/**
 * Hears when an endpoint that swallowed packets answers again. The kernel sends the first packet of
 * a connection again after 1, 2, 4, 8 … s, and grpc-js waits for that one attempt: after a minute of
 * silence a client learns up to half a minute late that etcd is back. An attempt of our own every
 * second or so, each taken back in time, learns it at once. It costs nothing while etcd answers.
 */
import { connect } from 'node:net'
import { rest } from '../core/deadline.js'
import { placeOf } from '../core/store-places.js'

/** How long one attempt is given; the pause after one that was refused (milliseconds). */
const ATTEMPT_MS = 1_000
const PAUSE_MS = 500

export class Silence {
  readonly #endpoint: string
  readonly #onEnd: () => void
  #watching: AbortController | undefined

  /**
   * @param endpoint URL
   * @param onEnd called when a connection is made after at least one attempt was not answered
   */
  constructor(endpoint: string, onEnd: () => void) {
    this.#endpoint = endpoint
    this.#onEnd = onEnd
  }

  /** A call timed out: it may be the network. */
  suspect(): void {
    if (this.#watching !== undefined) return
    const watching = new AbortController()
    this.#watching = watching
    void this.#watch(watching.signal).finally(() => {
      if (this.#watching === watching) this.#watching = undefined
    })
  }

  /** A call was answered, or nobody wants to know any more. */
  over(): void {
    this.#watching?.abort()
    this.#watching = undefined
  }

  async #watch(signal: AbortSignal): Promise<void> {
    for (let silent = false; !signal.aborted; silent = true) {
      const accepted = await accepts(this.#endpoint, signal)
      if (signal.aborted) return
      if (accepted && silent) this.#onEnd()
      if (accepted) return
      await rest(PAUSE_MS, signal)
    }
  }
}

/** Whether a connection is made in time; never rejects. */
async function accepts(endpoint: string, signal: AbortSignal): Promise<boolean> {
  const socket = connect(placeOf(endpoint))
  const give = (): unknown => socket.destroy()
  socket.setTimeout(ATTEMPT_MS, give)
  signal.addEventListener('abort', give)
  try {
    return await new Promise<boolean>((resolve) => {
      socket.on('connect', () => resolve(true))
      socket.on('error', () => undefined)
      socket.on('close', () => resolve(false))
    })
  } finally {
    signal.removeEventListener('abort', give)
    socket.destroy()
  }
}
