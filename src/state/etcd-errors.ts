/**
 * What a failed call to etcd means. The client library turns gRPC errors into classes of its own
 * and drops the status code, but keeps grpc-js's text, which starts with it: `14 UNAVAILABLE: …`.
 */
import { messageOf, TsoverlayError } from '../core/errors.js'

/** gRPC status codes that matter here (grpc/doc/statuscodes.md). */
const CANCELLED = 1
const UNKNOWN = 2
const DEADLINE_EXCEEDED = 4
const NOT_FOUND = 5
const PERMISSION_DENIED = 7
const INTERNAL = 13
const UNAVAILABLE = 14
const UNAUTHENTICATED = 16

export interface Failure {
  /** gRPC status; UNKNOWN for an error that did not come from gRPC */
  readonly code: number
  readonly detail: string
}

/** @returns the status of an error thrown by a call; etcd3 puts `Lease ` before one of its texts */
export function failureOf(error: unknown): Failure {
  const text = messageOf(error)
  const match = /^(?:Lease )?(\d+) [A-Z_]+: ([\s\S]*)$/.exec(text)
  if (match === null) return { code: UNKNOWN, detail: text }
  return { code: Number(match[1]), detail: match[2] ?? '' }
}

/** The connection or the member is at fault: another endpoint, or the same one later, may answer. */
export function isTrouble(failure: Failure): boolean {
  return [CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE].includes(failure.code)
}

export function isTimeout(failure: Failure): boolean {
  return failure.code === DEADLINE_EXCEEDED
}

/** The lease that was named is gone (`rpctypes.ErrLeaseNotFound`). */
export function isLeaseGone(failure: Failure): boolean {
  return failure.code === NOT_FOUND && failure.detail.includes('lease not found')
}

/** The token has run out or etcd has forgotten it; such a request was never applied. */
export function isTokenStale(failure: Failure): boolean {
  return (
    failure.code === UNAUTHENTICATED || failure.detail.includes('revision of auth store is old')
  )
}

/**
 * True only if the request surely never left this host: no connection was there to carry it. These
 * are texts of grpc-js's pickers and deadlines, and etcd3's of a closed client; one that does not match counts as sent.
 */
export function isUnsent(failure: Failure): boolean {
  return [
    'No connection established',
    'Name resolution failed',
    'Waiting for LB pick',
    'Channel closed before call started',
    'client was already closed',
  ].some((text) => failure.detail.includes(text))
}

/** True if nobody listened: an etcd that restarts, or one that is not there at all. */
export function isRefused(failure: Failure): boolean {
  return isUnsent(failure) && failure.detail.includes('ECONNREFUSED')
}

/** The detail that tells why, for the causes an operator can act on. First match wins. */
const CAUSES: ReadonlyArray<readonly [RegExp, string]> = [
  [/ECONNREFUSED/, 'connection refused'],
  [/EHOSTUNREACH|ENETUNREACH/, 'no route to it'],
  [/Name resolution failed|ENOTFOUND|EAI_AGAIN/, 'its name does not resolve'],
  [/certificate|SSL|TLS|altnames|EPROTO/i, 'TLS failed'],
  [/ECONNRESET|EPIPE|ECONNABORTED|dropped|socket hang up|Failed to connect/i, 'connection lost'],
]

/** @returns a phrase such as `connection refused` or `TLS failed (self-signed certificate)` */
export function causeOf(failure: Failure, hasUser: boolean): string {
  const detail = tidy(failure.detail)
  if (isTimeout(failure)) return 'timed out'
  if (isLeaseGone(failure)) return 'lease not found, it has run out'
  if (/user name is empty/.test(detail)) {
    return 'authentication needed: set STORE_USER and STORE_PASSWORD_FILE'
  }
  if (isTokenStale(failure) || /authentication failed|auth token/.test(detail)) {
    return `authentication failed for STORE_USER (${detail})`
  }
  if (failure.code === PERMISSION_DENIED) {
    return `permission denied${hasUser ? ' for STORE_USER' : ''} (${detail})`
  }
  const cause = CAUSES.find(([pattern]) => pattern.test(detail))
  if (cause === undefined) return detail
  return cause[1] === 'TLS failed' ? `TLS failed (${detail})` : cause[1]
}

/** Drops grpc-js's wrapping: `No connection established. Last error: Error: … (2025-…Z)`. */
function tidy(detail: string): string {
  return detail
    .replace(/^No connection established\. Last error: /, '')
    .replace(/^(Error: )+/, '')
    .replace(/ \(\d{4}-\d\d-\d\dT[^)]*\)/, '')
    .replace(/\. Resolution note: *$/, '')
    .trim()
}

/**
 * @param action what was tried: `get /hosts/a`
 * @param store who could not be reached: `etcd at http://10.0.0.10:2379 (setting STORE)`
 */
export function unavailable(
  action: string,
  store: string,
  cause: string,
  error?: unknown,
): TsoverlayError {
  return new TsoverlayError('STORE_UNAVAILABLE', `${store} failed to ${action}: ${cause}`, error)
}
