/** The page's questions, taken to the admin socket of this host's agent. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type { ErrorReport } from '../../core/admin/error.js'
import { messageOf } from '../../core/errors.js'
import type { Passed } from './passages.js'

/** As long as the agent waits for its store, and some more. */
const SILENCE_MS = 30_000
/** What the page shows when nobody listens on the socket; no code of the agent's own. */
export const AGENT_AWAY = 'AGENT_AWAY'

/**
 * Answers with what the agent answers. Listings have an ETag, so that the page reads only what has
 * changed; lines go on one by one until the page hangs up. An agent that is away is status 502.
 * @param tag the page's If-None-Match
 */
export async function passOn(
  { path, lines }: Passed,
  socketPath: string,
  tag: string | undefined,
  response: ServerResponse,
): Promise<void> {
  const ended = new AbortController()
  response.once('close', () => ended.abort())
  try {
    const answer = await ask(socketPath, path, lines ? 0 : SILENCE_MS, ended.signal)
    await (lines && answer.statusCode === 200
      ? flow(answer, response)
      : reply(answer, tag, response))
  } catch (error) {
    if (ended.signal.aborted) return
    if (response.headersSent) response.destroy()
    else say(response, 502, { code: AGENT_AWAY, message: away(socketPath, error) })
  }
}

/** Answers in the admin socket's own form of a refusal. */
export function say(response: ServerResponse, status: number, error: ErrorReport): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ error }))
}

async function ask(
  socketPath: string,
  path: string,
  timeout: number,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const sent = request({ socketPath, path, timeout, signal })
  sent.on('timeout', () => sent.destroy(new Error('no answer')))
  sent.end()
  const [answer]: readonly IncomingMessage[] = await once(sent, 'response')
  if (answer === undefined) throw new Error('no answer')
  return answer
}

async function flow(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.flushHeaders()
  await pipeline(answer, response)
}

async function reply(
  answer: IncomingMessage,
  known: string | undefined,
  response: ServerResponse,
): Promise<void> {
  const body = await buffer(answer)
  const status = answer.statusCode ?? 502
  const tag = `"${createHash('sha256').update(body).digest('base64url')}"`
  if (status === 200 && known === tag) {
    response.writeHead(304, { etag: tag }).end()
    return
  }
  response.writeHead(status, { 'content-type': 'application/json', etag: tag })
  response.end(body)
}

function away(socketPath: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EACCES') return `only root may use the admin socket ${socketPath}`
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return `the plugin does not run on this host: nothing listens on ${socketPath}`
  }
  return `the plugin does not answer on ${socketPath}: ${messageOf(error)}`
}
