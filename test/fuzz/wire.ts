/** HTTP on a unix socket, well formed and not. Whatever is asked has to be answered in time. */
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'

/** The plugin answers in 9.5 s at most (docs/design/rpc.md); the rest is for a busy machine. */
const ANSWER_MS = 20_000

export interface Answer {
  readonly status: number
  readonly text: string
}

export interface Sent {
  readonly verb: string
  readonly path: string
  readonly body: string | Buffer
}

/** No answer in time, or the connection ended without one. */
export class Unanswered extends Error {}

export class Wire {
  readonly socketPath: string
  #agent = new Agent({ keepAlive: true })
  readonly #held = new Set<Socket>()

  constructor(socketPath: string) {
    this.socketPath = socketPath
  }

  /** One request as dockerd makes it, on a kept connection. @throws Unanswered */
  send({ verb, path, body }: Sent): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = { Host: 'plugin.moby.localhost', 'Content-Length': Buffer.byteLength(body) }
      const { socketPath } = this
      const asked = request({ socketPath, agent: this.#agent, method: verb, path, headers })
      const timer = setTimeout(() => asked.destroy(new Error('no answer in time')), ANSWER_MS)
      const fail = (error: Error): void => {
        clearTimeout(timer)
        reject(new Unanswered(error.message))
      }
      asked.on('error', fail)
      asked.on('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', fail)
        response.on('end', () => {
          clearTimeout(timer)
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ status: response.statusCode ?? 0, text })
        })
      })
      asked.end(body)
    })
  }

  /**
   * Writes bytes on a connection of their own and reads until there are `count` answers or the other
   * end closes. @throws Unanswered when neither happens in time
   */
  raw(parts: readonly Buffer[], count: number): Promise<readonly Answer[]> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.socketPath)
      let received = ''
      const end = (): void => {
        clearTimeout(timer)
        socket.destroy()
        resolve(answersIn(received))
      }
      const timer = setTimeout(() => {
        socket.destroy()
        reject(new Unanswered(`${answersIn(received).length} of ${count} answers in time`))
      }, ANSWER_MS)
      socket.setEncoding('latin1').on('data', (text: string) => {
        received += text
        if (answersIn(received).length >= count) end()
      })
      socket.on('error', () => undefined)
      socket.on('close', end)
      void writeAll(socket, parts)
    })
  }

  /** Writes bytes and cuts the connection, at once or, `later`, with release(). */
  async cut(parts: readonly Buffer[], later: boolean): Promise<void> {
    const socket = connect(this.socketPath)
    socket.on('error', () => undefined)
    socket.resume()
    await writeAll(socket, parts)
    if (later) this.#held.add(socket)
    else socket.destroy()
  }

  /** Ends all connections. */
  release(): void {
    for (const socket of this.#held) socket.destroy()
    this.#held.clear()
    this.#agent.destroy()
    this.#agent = new Agent({ keepAlive: true })
  }
}

/** A request as bytes; `headers` replaces its usual ones. */
export function bytesOf({ verb, path, body }: Sent, headers?: string): Buffer {
  const length = `Content-Length: ${Buffer.byteLength(body)}`
  const head = `${verb} ${path} HTTP/1.1\r\nHost: a\r\n${headers ?? length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.from(body)])
}

async function writeAll(socket: Socket, parts: readonly Buffer[]): Promise<void> {
  for (const part of parts) {
    await new Promise<void>((resolve) => socket.write(part, () => resolve()))
  }
}

/** The complete answers at the beginning of what was received, each with its Content-Length. */
function answersIn(received: string): Answer[] {
  const found: Answer[] = []
  for (let rest = received; ; ) {
    const head = rest.indexOf('\r\n\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(rest)?.[1])
    if (head < 0 || Number.isNaN(status)) return found
    const length = Number(/^content-length: (\d+)/im.exec(rest.slice(0, head))?.[1] ?? 0)
    const text = rest.slice(head + 4, head + 4 + length)
    if (text.length < length) return found
    if (status !== 100) found.push({ status, text })
    rest = rest.slice(head + 4 + length)
  }
}
