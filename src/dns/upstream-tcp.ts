/** Questions for Docker's resolver by TCP: a connection each, as most programs do it. */
import { Socket } from 'node:net'
import { Framing, framed } from './framing.js'
import { LIMITS } from './limits.js'
import type { Done, Upstream } from './upstream-udp.js'

/** Where Docker's resolver sees us, and the rule that leads questions to us lets us pass. */
const FROM = '127.0.0.12'

export class UpstreamTcp {
  readonly #open: () => number
  readonly #upstream: Upstream
  readonly #sockets = new Set<Socket>()

  /** @param open makes a descriptor that is not connected */
  constructor(open: () => number, upstream: Upstream) {
    this.#open = open
    this.#upstream = upstream
  }

  /** Who asks sees to it that it is not too often. */
  ask(query: Buffer, done: Done): void {
    let socket: Socket
    try {
      socket = new Socket({ fd: this.#open() })
    } catch {
      done(undefined)
      return
    }
    this.#sockets.add(socket)
    const framing = new Framing()
    let answer: Buffer | undefined
    socket.on('data', (chunk) => {
      framing.feed(chunk)
      answer ??= framing.next()
      if (answer !== undefined) socket.destroy()
    })
    socket.on('error', () => socket.destroy())
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      this.#sockets.delete(socket)
      done(answer)
    })
    socket.setTimeout(LIMITS.answerMs, () => socket.destroy())
    socket.connect({ ...this.#upstream, localAddress: FROM })
    socket.write(framed(query))
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
