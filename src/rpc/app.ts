/**
 * The HTTP side of the plugin protocol, without a socket: routes, bodies, errors, log lines.
 * moby pkg/plugins/client.go and transport/http.go are the other end; docs/design/rpc.md lists
 * where it differs from an ordinary HTTP client.
 */
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { messageOf, TsoverlayError } from '../core/errors.js'
import type { Logger } from '../core/ports.js'
import { emptyBody, misfit, parseBody } from './body.js'
import type { Deadlines } from './deadline.js'
import type { Method } from './method.js'

/** moby pkg/plugins/transport/transport.go VersionMimetype */
const CONTENT_TYPE = 'application/vnd.docker.plugins.v1.2+json'
/** Bytes. The largest real body, CreateNetwork with many aux addresses, stays far below. */
const BODY_LIMIT = 1024 * 1024

declare module 'fastify' {
  interface FastifyRequest {
    /** by performance.now(); fastify's own clock runs only with its own logger */
    startedAt: number
  }
}

interface AppParts {
  readonly methods: readonly Method[]
  readonly deadlines: Deadlines
  readonly logger: Logger
  /** true once the server is to end: connections then close with their next answer */
  readonly closing: () => boolean
  /** told of each call with how long it took (s), and whether it succeeded */
  readonly onAnswered?: ((method: string, seconds: number, isDone: boolean) => void) | undefined
  /** told of each call that fails */
  readonly onRefused?: ((method: string) => void) | undefined
}

/** A fastify instance that answers all of `methods`, and 404 to everything else. */
export function createApp(parts: AppParts): FastifyInstance {
  const app = Fastify({
    bodyLimit: BODY_LIMIT,
    // Paths that no router can read. The cast closes generics that fastify's type leaves open.
    frameworkErrors: (_error, request, reply) =>
      notFound(parts.logger, request, reply as FastifyReply),
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.decorateRequest('startedAt', 0)
  app.addHook('onRequest', async (request) => {
    request.startedAt = performance.now()
  })
  acceptAnyBody(app)
  app.setValidatorCompiler(TypeBoxValidatorCompiler)
  app.setSerializerCompiler(({ schema }) => strictSerializer(schema as TSchema))
  for (const method of parts.methods) addRoute(app, method, parts.deadlines)
  answerErrors(app, parts.logger)
  app.addHook('onSend', async (request, reply) => {
    if (!request.is404)
      parts.onAnswered?.(methodOf(request), secondsOf(request), reply.statusCode === 200)
    reply.header('content-type', CONTENT_TYPE)
    if (parts.closing()) reply.header('connection', 'close')
    if (reply.statusCode === 200) {
      parts.logger.debug({ ...callFields(request), outcome: 'ok' }, 'rpc call')
    } else if (!request.is404) parts.onRefused?.(methodOf(request))
  })
  return app
}

/**
 * dockerd sends no Content-Type, which fastify answers with 415 by itself. The text is parsed in
 * a hook and not by the content type parser: whose errors close the connection.
 */
function acceptAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => done(null, text))
  app.addHook('preValidation', async (request) => {
    if (request.is404) return
    const text = typeof request.body === 'string' ? request.body : ''
    request.body = parseBody(methodOf(request), text)
    const needsBody = request.routeOptions.schema?.body !== undefined
    if (needsBody && request.body === undefined) throw emptyBody(methodOf(request))
  })
}

function addRoute(app: FastifyInstance, method: Method, deadlines: Deadlines): void {
  const { name, request, response } = method
  app.post(`/${name}`, {
    schema: { ...(request === undefined ? {} : { body: request }), response: { 200: response } },
    handler: ({ body }) => deadlines.run(name, (signal) => method.call(body, signal)),
  })
}

/** JSON as it is, once checked: an answer that does not fit is a mistake of ours, and a failure. */
function strictSerializer(schema: TSchema): (data: unknown) => string {
  const validator = Compile(schema)
  return (data) => {
    if (validator.Check(data)) return JSON.stringify(data)
    const { instancePath, message } = validator.Errors(data)[0] ?? {}
    throw new TypeError(`the answer's ${instancePath || 'body'} ${message}`)
  }
}

/** NetworkDriver's client reads Err, IpamDriver's Error; neither repeats a call on a status. */
function answerErrors(app: FastifyInstance, logger: Logger): void {
  app.setNotFoundHandler((request, reply) => notFound(logger, request, reply))
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const fields = callFields(request)
    const known = toKnown(error, request)
    if (known !== undefined) {
      logger.warn({ ...fields, outcome: known.message, code: known.code }, 'rpc call failed')
      return reply.code(500).send(errorBody(known.message))
    }
    logger.error({ ...fields, outcome: 'crashed', err: error }, 'rpc call crashed')
    const message = `${methodOf(request)} failed unexpectedly (${messageOf(error)}); the plugin's log has more`
    return reply.code(500).send(errorBody(message))
  })
}

/** Our error, or what fastify found wrong with the request as one; undefined for a defect. */
function toKnown(error: FastifyError, request: FastifyRequest): TsoverlayError | undefined {
  if (error instanceof TsoverlayError) return error
  const method = methodOf(request)
  if (error?.validation !== undefined) return misfit(method, request.body, error.validation)
  if (error?.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const message = `the body of ${method} is larger than ${BODY_LIMIT} bytes`
    return new TsoverlayError('REQUEST_INVALID', message, error)
  }
  // Nobody reads the answer: the connection ended before the body did.
  const cut = error?.code === 'ECONNRESET' && request.raw.destroyed
  if (!cut && !error?.code?.startsWith('FST_ERR_CTP_')) return undefined
  return new TsoverlayError('REQUEST_INVALID', `${method}: ${error.message}`, error)
}

/** 404 means "method not implemented" to dockerd (moby pkg/plugins/client.go IsNotFound). */
function notFound(logger: Logger, request: FastifyRequest, reply: FastifyReply): void {
  const message = `${request.method} ${request.url.slice(0, 80)} is not a method of this plugin`
  logger.warn({ method: request.url.slice(0, 80), outcome: message }, 'rpc method unknown')
  reply.code(404).send(errorBody(message))
}

function errorBody(message: string): object {
  return { Err: message, Error: message }
}

function methodOf(request: FastifyRequest): string {
  return (request.routeOptions.url ?? request.url).slice(1)
}

function secondsOf(request: FastifyRequest): number {
  return (performance.now() - request.startedAt) / 1_000
}

/** What every log line of a call has. Ids are cut to 12 characters, as docker shows them. */
function callFields(request: FastifyRequest): object {
  const { NetworkID, EndpointID, PoolID } = Object(request.body)
  return {
    method: methodOf(request),
    ...(typeof NetworkID === 'string' ? { network: NetworkID.slice(0, 12) } : {}),
    ...(typeof EndpointID === 'string' ? { endpoint: EndpointID.slice(0, 12) } : {}),
    ...(typeof PoolID === 'string' ? { pool: PoolID } : {}),
    ms: Math.round(performance.now() - request.startedAt),
  }
}
