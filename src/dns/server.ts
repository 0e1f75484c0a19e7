/** Answers the questions for names of one container (docs/design/names-answers.md). */

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { type Socket as Connection, createServer, type Server } from 'node:net'
import type { NamesView } from '../core/names-view.js'
import type { Logger } from '../core/ports.js'
import { answer, failure, type Transport } from './answer.js'
import { LIMITS } from './limits.js'
import { TcpClient } from './tcp-client.js'
import { UpstreamTcp } from './upstream-tcp.js'
import { lookup, type Upstream, UpstreamUdp } from './upstream-udp.js'
import { HEADER, RCODE } from './wire.js'

/** Sockets of a container's namespace. */
export interface ResolverSockets {
  /** bound descriptors, which the resolver owns and closes */
  readonly udp: number
  readonly tcp: number
  /** A new UDP descriptor bound to 127.0.0.12, port chosen by the kernel. @throws */
  openUdp(): number
  /** A new TCP descriptor, not connected. @throws */
  openTcp(): number
}

export interface ResolverOptions {
  readonly sockets: ResolverSockets
  readonly view: NamesView
  readonly upstream?: Upstream
  readonly logger: Logger
}

const DOCKER: Upstream = { host: '127.0.0.11', port: 53 }

type Reply = (message: Buffer | undefined) => void

export class Resolver {
  /** since the start; `lost`: passed on and no answer; `faults`: the view or a socket failed */
  readonly counters = { questions: 0, answered: 0, passed: 0, silent: 0, lost: 0, faults: 0 }
  readonly #o: ResolverOptions
  readonly #udp: Socket
  readonly #tcp: Server
  readonly #connections = new Set<Connection>()
  readonly #upstreamUdp: UpstreamUdp
  readonly #upstreamTcp: UpstreamTcp
  /** descriptors that no socket of node's has taken yet */
  readonly #loose: Set<number>
  #closed = false

  /** One at work; if it cannot work, that is logged. */
  static at(o: ResolverOptions): Resolver {
    const resolver = new Resolver(o)
    resolver.start().catch((error: unknown) => resolver.#fault(error))
    return resolver
  }

  constructor(o: ResolverOptions) {
    const { sockets, upstream = DOCKER } = o
    this.#o = o
    this.#loose = new Set([sockets.udp, sockets.tcp])
    this.#upstreamUdp = new UpstreamUdp(() => sockets.openUdp(), upstream)
    this.#upstreamTcp = new UpstreamTcp(() => sockets.openTcp(), upstream)
    this.#udp = createSocket({ type: 'udp4', lookup: lookup as never })
    this.#udp.on('message', (query, { port, address }) => {
      this.#take(query, 'udp', (message) => this.#send(message, port, address))
    })
    this.#tcp = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket))
    this.#tcp.maxConnections = LIMITS.connections
  }

  /** @throws when a descriptor is not what it should be; `close` is still to be called */
  async start(): Promise<void> {
    const { udp, tcp } = this.#o.sockets
    this.#udp.on('error', (error) => this.#fault(error))
    this.#udp.bind({ fd: udp })
    this.#loose.delete(udp)
    this.#loose.delete(tcp)
    this.#tcp.listen({ fd: tcp })
    await once(this.#tcp, 'listening')
    this.#tcp.on('error', (error) => this.#fault(error))
  }

  /** Questions that wait get no answer. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#upstreamUdp.close()
    this.#upstreamTcp.close()
    for (const socket of this.#connections) socket.destroy()
    await Promise.all([
      new Promise<void>((resolve) => this.#udp.close(() => resolve())),
      new Promise<void>((resolve) => this.#tcp.close(() => resolve())),
    ])
    for (const fd of this.#loose) closeSync(fd)
  }

  #take(query: Buffer, transport: Transport, reply: Reply): void {
    this.counters.questions += 1
    const verdict = this.#verdictOf(query, transport)
    if (verdict.kind === 'answer') {
      this.counters.answered += 1
      reply(verdict.message)
      return
    }
    if (verdict.kind === 'silence') {
      this.counters.silent += 1
      reply(undefined)
      return
    }
    this.counters.passed += 1
    const upstream = transport === 'udp' ? this.#upstreamUdp : this.#upstreamTcp
    upstream.ask(query, (message) => {
      if (message === undefined) this.counters.lost += 1
      reply(message ?? failure(query, RCODE.SERVFAIL))
    })
  }

  #verdictOf(query: Buffer, transport: Transport): ReturnType<typeof answer> {
    try {
      return answer(query, this.#o.view, transport)
    } catch (error) {
      this.#fault(error)
      // as without us
      return { kind: query.length < HEADER ? 'silence' : 'pass' }
    }
  }

  #send(message: Buffer | undefined, port: number, address: string): void {
    if (message === undefined || this.#closed || port === 0) return
    if (this.#udp.getSendQueueCount() >= LIMITS.queued) return
    this.#udp.send(message, port, address, (error) => {
      if (error) this.counters.faults += 1
    })
  }

  #serve(socket: Connection): void {
    this.#connections.add(socket)
    socket.on('close', () => this.#connections.delete(socket))
    new TcpClient(socket, (query, reply) => this.#take(query, 'tcp', reply))
  }

  #fault(error: unknown): void {
    this.counters.faults += 1
    if (this.counters.faults === 1) this.#o.logger.warn({ err: error }, 'names: a question failed')
  }
}
