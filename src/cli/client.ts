/** HTTP on the admin socket. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ErrorReport } from '../core/admin/error.js'
import { VERSION_HEADER } from '../core/admin/socket.js'
import { messageOf } from '../core/errors.js'
import { VERSION } from '../core/version.js'

/** The plugin answers a listing within its store's deadline, or says that it cannot. */
const SILENCE_MS = 30_000
/** A plugin that dockerd has just enabled listens for us a moment later. */
const START_MS = 1_500
const LOOK_MS = 50

/** Nobody listens on the admin socket, or who listens goes away before it answers. */
export class PluginAway extends Error {}

export interface Patience {
  /** how long it is tried where nobody listens */
  readonly patienceMs?: number
  /** how long an answer may take */
  readonly silenceMs?: number
}

export class AdminClient {
  readonly #socketPath: string
  readonly #silenceMs: number
  readonly #patientUntil: number

  constructor(
    socketPath: string,
    { patienceMs = START_MS, silenceMs = SILENCE_MS }: Patience = {},
  ) {
    this.#socketPath = socketPath
    this.#silenceMs = silenceMs
    this.#patientUntil = performance.now() + patienceMs
  }

  /** @throws Error with what the plugin answers, or why it does not */
  async get<T>(path: string): Promise<T> {
    const response = await this.#request('GET', path)
    return JSON.parse(await text(response)) as T
  }

  /** An answer that is no JSON. @throws as get */
  async text(path: string): Promise<string> {
    return text(await this.#request('GET', path))
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

  /**
   * The lines of an answer that ends with the signal, or with the plugin. There may be none for long.
   * @throws as get
   */
  async *follow<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
    const response = await this.#request('GET', path)
    response.socket.setTimeout(0)
    const lines = createInterface({ input: response })
    // What breaks off has ended.
    response.on('error', () => undefined).once('close', () => lines.close())
    signal.addEventListener('abort', () => response.destroy(), { once: true })
    for await (const line of lines) yield JSON.parse(line) as T
  }

  async #request(method: string, path: string, body?: string): Promise<IncomingMessage> {
    const response = await this.#patiently(() => this.#send(method, path, body))
    if (response.statusCode === 200) return response
    throw new Error(refusal(await text(response), response) + otherVersion(response))
  }

  /** Again and again in the CLI's first moments, where nobody listens (yet). */
  async #patiently(send: () => Promise<IncomingMessage>): Promise<IncomingMessage> {
    for (;;) {
      try {
        return await send()
      } catch (error) {
        if (!isAway(error) || performance.now() > this.#patientUntil) throw this.#unreachable(error)
        await sleep(LOOK_MS)
      }
    }
  }

  #unreachable(error: unknown): Error {
    const says = unreachable(this.#socketPath, error)
    const isGone = isAway(error) || codeOf(error) === 'ECONNRESET' || codeOf(error) === 'EPIPE'
    return isGone ? new PluginAway(says, { cause: error }) : new Error(says, { cause: error })
  }

  async #send(method: string, path: string, body?: string): Promise<IncomingMessage> {
    // A connection of one's own saves what an agent does first, a tenth of the CLI's start.
    const createConnection = () => connect(this.#socketPath)
    const sent = request({ createConnection, method, path, timeout: this.#silenceMs })
    sent.on('timeout', () => sent.destroy(new Error('no answer')))
    if (body !== undefined) sent.setHeader('content-type', 'application/json')
    sent.end(body)
    const answer: readonly IncomingMessage[] = await once(sent, 'response')
    const [response] = answer
    if (response === undefined) throw new Error('no answer')
    return response
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** Nobody listens. */
function isAway(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ECONNREFUSED'
}

function unreachable(path: string, error: unknown): string {
  if (codeOf(error) === 'EACCES') return `only root may use the admin socket ${path}`
  if (!isAway(error)) return `the plugin does not answer on ${path}: ${messageOf(error)}`
  return `the plugin does not run on this host: nothing listens on ${path}; docker plugin enable starts it, --socket names another path`
}

/** A plugin that does not know what it is asked for may be of another version. */
function otherVersion({ headers }: IncomingMessage): string {
  const version = headers[VERSION_HEADER]
  if (version === VERSION) return ''
  return ` (the plugin is of ${version === undefined ? 'another version' : `version ${version}`}, this command of ${VERSION}: /run/tsoverlay/cli is of the plugin's)`
}

function refusal(body: string, { statusCode }: IncomingMessage): string {
  try {
    const { error } = JSON.parse(body) as { error?: Partial<ErrorReport> }
    if (typeof error?.message === 'string') return error.message
  } catch {
    // told below, as it is
  }
  return `the plugin answered with status ${statusCode}: ${body.slice(0, 200)}`
}
