/** HTTP on the admin socket. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { ErrorReport } from '../core/admin.js'
import { messageOf } from '../core/errors.js'

/** The plugin answers a listing within its store's deadline, or says that it cannot. */
const SILENCE_MS = 30_000

export class AdminClient {
  readonly #socketPath: string

  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  /** @throws Error with what the plugin answers, or why it does not */
  async get<T>(path: string): Promise<T> {
    const response = await this.#request('GET', path)
    return JSON.parse(await text(response)) as T
  }

  /** Sends a JSON document. @throws as get */
  async put(path: string, document: unknown): Promise<void> {
    const response = await this.#request('PUT', path, JSON.stringify(document))
    await text(response)
  }

  /** The lines of an answer that comes bit by bit. @throws as get */
  async *delete<T>(path: string): AsyncGenerator<T> {
    const response = await this.#request('DELETE', path)
    for await (const line of createInterface({ input: response })) {
      if (line !== '') yield JSON.parse(line) as T
    }
  }

  async #request(method: string, path: string, body?: string): Promise<IncomingMessage> {
    const sent = request({ socketPath: this.#socketPath, method, path, timeout: SILENCE_MS })
    sent.on('timeout', () => sent.destroy(new Error('no answer')))
    if (body !== undefined) sent.setHeader('content-type', 'application/json')
    sent.end(body)
    let response: IncomingMessage
    try {
      const answer: readonly IncomingMessage[] = await once(sent, 'response')
      const [first] = answer
      if (first === undefined) throw new Error('no answer')
      response = first
    } catch (error) {
      throw new Error(unreachable(this.#socketPath, error), { cause: error })
    }
    if (response.statusCode === 200) return response
    throw new Error(refusal(await text(response), response.statusCode))
  }
}

function unreachable(path: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EACCES') return `only root may use the admin socket ${path}`
  const isAway = code === 'ENOENT' || code === 'ECONNREFUSED'
  if (!isAway) return `the plugin does not answer on ${path}: ${messageOf(error)}`
  return `the plugin does not run on this host: nothing listens on ${path}; docker plugin enable starts it, --socket names another path`
}

function refusal(body: string, status: number | undefined): string {
  try {
    const { error } = JSON.parse(body) as { error?: Partial<ErrorReport> }
    if (typeof error?.message === 'string') return error.message
  } catch {
    // told below, as it is
  }
  return `the plugin answered with status ${status}: ${body.slice(0, 200)}`
}
