/** Questions for Docker's resolver by UDP. */
import { createSocket, type Socket } from 'node:dgram'
import { LIMITS } from './limits.js'
import { HEADER, headerOf, questionOf } from './wire.js'

export interface Upstream {
  readonly host: string
  readonly port: number
}
/** Docker's answer as it came, with the asker's id; undefined: there is none, and none will come. */
export type Done = (message: Buffer | undefined) => void

interface Pending {
  readonly query: Buffer
  readonly done: Done
  /** it was sent a second time, by another socket */
  readonly again: boolean
}

/** Without a turn of the loop for each packet; `connect` is done when it returns. */
export function lookup(
  host: string,
  _options: unknown,
  found: (error: null, address: string, family: number) => void,
): void {
  found(null, host, 4)
}

export class UpstreamUdp {
  readonly #open: () => number
  readonly #upstream: Upstream
  readonly #channels = new Set<Channel>()
  #current: Channel | undefined
  #closed = false

  /** @param open makes a bound descriptor */
  constructor(open: () => number, upstream: Upstream) {
    this.#open = open
    this.#upstream = upstream
  }

  ask(query: Buffer, done: Done): void {
    this.#ask({ query, done, again: false })
  }

  close(): void {
    this.#closed = true
    for (const channel of this.#channels) channel.close()
  }

  #ask(pending: Pending): void {
    let count = 0
    for (const channel of this.#channels) count += channel.size
    if (this.#closed || count >= LIMITS.pending) {
      pending.done(undefined)
      return
    }
    try {
      this.#current ??= this.#renew()
      this.#current.ask(pending)
    } catch {
      // no descriptor to be had
      pending.done(undefined)
    }
  }

  #renew(): Channel {
    const channel = new Channel(this.#open(), this.#upstream, {
      old: () => {
        if (this.#current === channel) this.#current = undefined
      },
      closed: (left) => {
        this.#channels.delete(channel)
        for (const pending of left) {
          // dockerd was started again and has another port, perhaps
          if (pending.again) pending.done(undefined)
          else this.#ask({ ...pending, again: true })
        }
      },
    })
    this.#channels.add(channel)
    return channel
  }
}

interface Ends {
  /** no more questions */
  old(): void
  /** @param refused what nobody took */
  closed(refused: readonly Pending[]): void
}

/** One socket, for some seconds. */
class Channel {
  readonly #socket: Socket
  readonly #ends: Ends
  readonly #pending = new Map<number, Pending>()
  #timer: NodeJS.Timeout
  #old = false
  #closed = false
  // who could guess it is in the container itself
  #id = Math.floor(Math.random() * 65_536)

  constructor(fd: number, upstream: Upstream, ends: Ends) {
    this.#ends = ends
    this.#socket = createSocket({ type: 'udp4', lookup: lookup as never })
    this.#socket.on('error', () => this.#refused())
    this.#socket.on('message', (message) => this.#take(message))
    this.#socket.bind({ fd })
    // connected, so that the kernel tells when nobody is there, and others cannot answer
    this.#socket.connect(upstream.port, upstream.host)
    this.#timer = setTimeout(() => this.#retire(), LIMITS.channelMs)
  }

  get size(): number {
    return this.#pending.size
  }

  ask(pending: Pending): void {
    do this.#id = (this.#id + 1) & 0xffff
    while (this.#pending.has(this.#id))
    this.#pending.set(this.#id, pending)
    this.#socket.send(withId(pending.query, this.#id), (error) => {
      if (error) this.#refused()
    })
  }

  close(refused: readonly Pending[] = []): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#timer)
    this.#pending.clear()
    this.#socket.close()
    this.#ends.old()
    this.#ends.closed(refused)
  }

  #take(message: Buffer): void {
    if (message.length < HEADER) return
    const id = message.readUInt16BE(0)
    const pending = this.#pending.get(id)
    if (pending === undefined || !isAnswer(pending.query, message)) return
    this.#pending.delete(id)
    pending.done(withId(message, pending.query.readUInt16BE(0)))
    if (this.#old && this.#pending.size === 0) this.close()
  }

  #retire(): void {
    this.#old = true
    this.#ends.old()
    if (this.#pending.size === 0) this.close()
    // whoever asked has given up by then
    else this.#timer = setTimeout(() => this.close(), LIMITS.answerMs)
  }

  #refused(): void {
    this.close([...this.#pending.values()])
  }
}

/** Whether it answers that question; an error may leave it out. */
export function isAnswer(query: Buffer, message: Buffer): boolean {
  const [asked, header] = [headerOf(query), headerOf(message)]
  if (!header.isResponse || header.opcode !== asked.opcode) return false
  if (header.questions === 0 || asked.questions === 0) return true
  const [one, other] = [questionOf(query), questionOf(message)]
  if (one === undefined || other === undefined) return one === other
  const isSame = one.name.toLowerCase() === other.name.toLowerCase()
  return isSame && one.type === other.type && one.class === other.class
}

function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message)
  copy.writeUInt16BE(id, 0)
  return copy
}
