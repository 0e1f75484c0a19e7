/** One connection of a container: its questions in turns with those of others, and bounded. */
import type { Socket } from 'node:net'
import { Framing, framed } from './framing.js'
import { LIMITS } from './limits.js'

/** @param reply called once; undefined: there is no answer */
export type Ask = (query: Buffer, reply: (message: Buffer | undefined) => void) => void

export class TcpClient {
  readonly #socket: Socket
  readonly #ask: Ask
  readonly #framing = new Framing()
  #pending = 0
  #ended = false
  #turn = false

  /** @param socket half open: who has said all still wants the answers */
  constructor(socket: Socket, ask: Ask) {
    this.#socket = socket
    this.#ask = ask
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      this.#framing.feed(chunk)
      this.#work()
    })
    socket.on('drain', () => this.#work())
    socket.on('end', () => {
      this.#ended = true
      this.#work()
    })
    socket.setTimeout(LIMITS.idleMs, () => {
      if (this.#pending === 0) socket.destroy()
    })
  }

  #work(): void {
    if (this.#turn || this.#socket.destroyed) return
    this.#socket.pause()
    for (let n = 0; n < LIMITS.perTurn; n += 1) {
      if (this.#pending >= LIMITS.pendingPerConnection || this.#socket.writableNeedDrain) return
      const query = this.#framing.next()
      if (query === undefined) {
        this.#rest()
        return
      }
      this.#take(query)
    }
    this.#turn = true
    setImmediate(() => {
      this.#turn = false
      this.#work()
    })
  }

  /** All that has come is asked. */
  #rest(): void {
    if (!this.#ended) this.#socket.resume()
    else if (this.#pending === 0) this.#socket.end()
  }

  #take(query: Buffer): void {
    this.#pending += 1
    let isNow = true
    this.#ask(query, (message) => {
      this.#pending -= 1
      if (message !== undefined && this.#socket.writable) this.#socket.write(framed(message))
      if (!isNow) this.#work()
    })
    isNow = false
  }
}
