/**
 * Text of a request body to JSON, and what to say when it does not fit its schema.
 *
 * An empty body is a case of its own: dockerd reuses the buffer of a call that it repeats after a
 * broken connection, and the second attempt is sent with nothing in it (moby
 * pkg/plugins/client.go callWithRetry).
 */
import type { FastifySchemaValidationError } from 'fastify'
import { messageOf, TsoverlayError } from '../core/errors.js'

/**
 * @returns undefined for an empty body; null members are left out, as Go means "nothing" by them
 * @throws TsoverlayError REQUEST_INVALID when the text is not JSON
 */
export function parseBody(method: string, text: string): unknown {
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text, withoutNull)
  } catch (error) {
    const message = `the body of ${method} is not JSON: ${messageOf(error)}`
    throw new TsoverlayError('REQUEST_INVALID', message, error)
  }
}

/** In a list null stays, for the schema to refuse: leaving it out would shift the others. */
function withoutNull(this: unknown, _key: string, value: unknown): unknown {
  return value === null && !Array.isArray(this) ? undefined : value
}

/** The error for a body that is not there although the method needs one. */
export function emptyBody(method: string): TsoverlayError {
  return new TsoverlayError(
    'REQUEST_INVALID',
    `${method} came with an empty body, as dockerd sends when it repeats a call; the call must be made anew`,
  )
}

/** The error for a body that its schema refuses: names the field, its value and what is allowed. */
export function misfit(
  method: string,
  body: unknown,
  errors: readonly FastifySchemaValidationError[],
): TsoverlayError {
  const { instancePath = '', message = 'does not fit' } = errors[0] ?? {}
  const path = instancePath.split('/').slice(1).map(unescapePointer)
  const field = path.length === 0 ? 'the body' : path.join('.')
  const value = shorten(JSON.stringify(path.reduce(member, body)))
  return new TsoverlayError('REQUEST_INVALID', `${method}: ${field} is ${value}, but ${message}`)
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

/** RFC 6901, section 4 */
function unescapePointer(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~')
}

function shorten(json: string | undefined): string {
  if (json === undefined) return 'absent'
  return json.length > 80 ? `${json.slice(0, 80)}…` : json
}
