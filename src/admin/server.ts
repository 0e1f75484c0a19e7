/**
 * The admin interface: HTTP on a unix socket that only root can open, JSON; the same metrics also on
 * METRICS, if that is set.
 */
import { chmod, mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { NamesReport } from '../control/names/names-report.js'
import type { StaticNames } from '../control/names/static-names.js'
import type { ClusterView } from '../control/operator/cluster-view.js'
import type { HostRemoval } from '../control/operator/host-removal.js'
import type { Status } from '../control/operator/status.js'
import type { ErrorReport, NameWish, StatusReport } from '../core/admin.js'
import { type ErrorCode, messageOf, TsoverlayError } from '../core/errors.js'
import { metricsRegistry } from './metrics.js'
import { removalLines } from './removal.js'

export interface AdminParts {
  readonly status: () => Status
  readonly cluster: ClusterView
  readonly removal: HostRemoval
  readonly names: Pick<NamesReport, 'list' | 'lookup'>
  readonly statics: Pick<StaticNames, 'put' | 'remove'>
}

const HTTP_STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  HOST_UNKNOWN: 404,
  NETWORK_UNKNOWN: 404,
  NAME_UNKNOWN: 404,
  NAME_INVALID: 400,
  ADDRESS_INVALID: 400,
  HOST_ALIVE: 409,
  STORE_UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 503,
}

const LONG_PARAM = 4_096

export class AdminServer {
  readonly #app: FastifyInstance
  readonly #metrics: FastifyInstance

  constructor(parts: AdminParts) {
    const registry = metricsRegistry(parts.status)
    const metrics = (app: FastifyInstance): FastifyInstance =>
      app.get('/metrics', async (_request, reply) =>
        reply.type(registry.contentType).send(await registry.metrics()),
      )
    // A name that is too long is to be refused in our own words.
    const app = Fastify({ routerOptions: { maxParamLength: LONG_PARAM } })
    // Fastify's own is Ajv, which takes a tenth of a second of each start to check two schemas.
    app.setValidatorCompiler(TypeBoxValidatorCompiler)
    this.#app = routes(metrics(app), parts)
    this.#metrics = metrics(Fastify())
  }

  /** Listens on the socket, replacing a stale one; mode 0600. */
  async listen(socketPath: string): Promise<void> {
    await mkdir(dirname(socketPath), { recursive: true, mode: 0o700 })
    await rm(socketPath, { force: true })
    await this.#app.listen({ path: socketPath })
    await chmod(socketPath, 0o600)
  }

  /** Serves /metrics only. */
  async listenMetrics(address: { readonly host: string; readonly port: number }): Promise<void> {
    await this.#metrics.listen(address)
  }

  async close(): Promise<void> {
    await Promise.all([this.#app.close(), this.#metrics.close()])
  }
}

function routes(app: FastifyInstance, parts: AdminParts): FastifyInstance {
  const { status, cluster, removal } = parts
  app.setErrorHandler((error, _request, reply) => {
    const { code, status: http } = refusalOf(error)
    const report: ErrorReport = { code, message: messageOf(error) }
    return reply.code(http).send({ error: report })
  })
  app.get('/status', async (): Promise<Status & StatusReport> => status())
  app.get('/hosts', () => cluster.hosts())
  app.get('/networks', () => cluster.networks())
  app.get<{ Querystring: { network?: string } }>('/endpoints', (request) =>
    cluster.endpoints(request.query.network),
  )
  app.delete<{ Params: { host: string }; Querystring: { force?: string } }>(
    '/hosts/:host',
    async (request, reply) => {
      const force = request.query.force === '1'
      const host = await removal.check(request.params.host, force)
      return reply.type('application/x-ndjson').send(removalLines(removal, host, force))
    },
  )
  nameRoutes(app, parts)
  return app
}

const NAME_WISH = Type.Object({ addresses: Type.Array(Type.String()) })
const LOOKUP = Type.Object({ name: Type.String(), as: Type.Optional(Type.String()) })

function nameRoutes(app: FastifyInstance, { names, statics }: AdminParts): void {
  app.get('/names', async () => names.list())
  app.get<{ Querystring: { name: string; as?: string } }>(
    '/names/lookup',
    { schema: { querystring: LOOKUP } },
    async ({ query }) => names.lookup(query.name, query.as),
  )
  app.put<{ Params: { name: string }; Body: NameWish }>(
    '/names/:name',
    { schema: { body: NAME_WISH } },
    ({ params, body }) => statics.put(params.name, body.addresses),
  )
  app.delete<{ Params: { name: string } }>('/names/:name', async ({ params }) => {
    await statics.remove(params.name)
    return { removed: params.name }
  })
}

function refusalOf(error: unknown): { readonly code: string; readonly status: number } {
  if (error instanceof TsoverlayError)
    return { code: error.code, status: HTTP_STATUS[error.code] ?? 500 }
  // Fastify's own refusals, of a malformed request.
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  return { code: status < 500 ? 'REQUEST_INVALID' : 'INTERNAL', status }
}
