/** How a request is refused. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorReport } from '../core/admin/error.js'
import { type ErrorCode, messageOf, TsoverlayError } from '../core/errors.js'

const HTTP_STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  HOST_UNKNOWN: 404,
  NETWORK_UNKNOWN: 404,
  POOL_UNKNOWN: 404,
  NAME_UNKNOWN: 404,
  NAME_INVALID: 400,
  ADDRESS_INVALID: 400,
  HOST_ALIVE: 409,
  STORE_UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 503,
}

/** Fastify's error handler. */
export function refuse(
  error: unknown,
  _request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { code, status } = refusalOf(error)
  const report: ErrorReport = { code, message: messageOf(error) }
  return reply.code(status).send({ error: report })
}

/** Fastify's handler of what no route takes. */
export function unknownRoute({ method, url }: FastifyRequest, reply: FastifyReply): FastifyReply {
  const message = `the plugin has no ${method} ${url.replace(/\?.*/, '')}`
  const report: ErrorReport = { code: 'REQUEST_INVALID', message }
  return reply.code(404).send({ error: report })
}

function refusalOf(error: unknown): { readonly code: string; readonly status: number } {
  if (error instanceof TsoverlayError)
    return { code: error.code, status: HTTP_STATUS[error.code] ?? 500 }
  // Fastify's own refusals, of a malformed request.
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  return { code: status < 500 ? 'REQUEST_INVALID' : 'INTERNAL', status }
}
