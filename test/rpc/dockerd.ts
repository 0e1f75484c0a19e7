/** The server with fakes behind it, and a client that puts on the wire what dockerd does. */
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createRpcServer, type RpcServer } from '../../src/rpc/server.js'
import { fakeIpam, fakeLogger, fakeNetwork, type Line, Recorder } from './fake-drivers.js'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly body: unknown
  /** true: sent on a connection that an earlier call had used */
  readonly reused: boolean
}

export interface Bench {
  readonly server: RpcServer
  readonly recorder: Recorder
  readonly lines: Line[]
}

export interface BenchOptions {
  readonly scope?: 'local' | 'global'
  readonly deadlineMs?: number
}

/** A server that does not listen; closed when the test ends. */
export function bench(t: Test, options: BenchOptions = {}): Bench {
  const recorder = new Recorder()
  const lines: Line[] = []
  const server = createRpcServer({
    network: fakeNetwork(recorder, options.scope),
    ipam: fakeIpam(recorder),
    logger: fakeLogger(lines),
    ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
  })
  t.teardown(() => server.close())
  return { server, recorder, lines }
}

/** A server that listens in a directory of the test's own. */
export async function listening(
  t: Test,
  options: BenchOptions = {},
): Promise<Bench & { readonly socket: string; readonly dockerd: Dockerd }> {
  const made = bench(t, options)
  const socket = join(tempDir(t), 'tsoverlay.sock')
  await made.server.listen(socket)
  const dockerd = new Dockerd(socket)
  t.teardown(() => dockerd.close())
  return { ...made, socket, dockerd }
}

/** A directory for the test; t.testdir() has too long a path for a socket. */
export function tempDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'tsoverlay-rpc-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  return dir
}

/** As moby pkg/plugins/client.go and transport/http.go: POST, no Content-Type, kept connections. */
export class Dockerd {
  readonly #socketPath: string
  readonly #agent: Agent

  constructor(socketPath: string, maxSockets = Number.POSITIVE_INFINITY) {
    this.#socketPath = socketPath
    this.#agent = new Agent({ keepAlive: true, maxSockets })
  }

  /** @param body an object is encoded as Go does, with a newline; text goes as it is */
  call(method: string, body?: object | string, verb = 'POST'): Promise<Answer> {
    const text = typeof body === 'object' ? `${JSON.stringify(body)}\n` : (body ?? '')
    return this.send(verb, `/${method}`, { 'Content-Length': Buffer.byteLength(text) }, text)
  }

  send(verb: string, path: string, extra: object, text: string | Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = {
        Host: 'plugin.moby.localhost',
        'User-Agent': 'Go-http-client/1.1',
        Accept: 'application/vnd.docker.plugins.v1.2+json',
        'Accept-Encoding': 'gzip',
        ...extra,
      }
      const options = { socketPath: this.#socketPath, agent: this.#agent, method: verb, path }
      const sent = request({ ...options, headers }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const received = Buffer.concat(chunks).toString('utf8')
          const { statusCode = 0, headers } = response
          const reused = sent.reusedSocket
          resolve({ status: statusCode, headers, text: received, body: parse(received), reused })
        })
      })
      sent.on('error', reject)
      sent.end(text)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The text of the error in both fields, which are all that the body may have; else undefined. */
export function errorOf(body: unknown): string | undefined {
  const { Err, Error: error, ...rest } = Object(body)
  return typeof Err === 'string' && Err === error && Object.keys(rest).length === 0
    ? Err
    : undefined
}
