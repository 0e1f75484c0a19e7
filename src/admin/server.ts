/**
 * The admin interface: HTTP on a unix socket that only root can open, JSON; the same metrics also on
 * METRICS, if that is set.
 */
import { chmod, mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import type { ClusterView } from '../control/cluster-view.js'
import type { HostRemoval } from '../control/host-removal.js'
import type { Status } from '../control/status.js'
import type { ErrorReport, StatusReport } from '../core/admin.js'
import { type ErrorCode, messageOf, TsoverlayError } from '../core/errors.js'
import { metricsRegistry } from './metrics.js'
import { removalLines } from './removal.js'

export interface AdminParts {
  readonly status: () => Status
  readonly cluster: ClusterView
  readonly removal: HostRemoval
}

const HTTP_STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  HOST_UNKNOWN: 404,
  NETWORK_UNKNOWN: 404,
  HOST_ALIVE: 409,
  STORE_UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 503,
}

export class AdminServer {
  readonly #app: FastifyInstance
  readonly #metrics: FastifyInstance

  constructor(parts: AdminParts) {
    const registry = metricsRegistry(parts.status)
    const metrics = (app: FastifyInstance): FastifyInstance =>
      app.get('/metrics', async (_request, reply) =>
        reply.type(registry.contentType).send(await registry.metrics()),
      )
    this.#app = routes(metrics(Fastify()), parts)
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

function routes(app: FastifyInstance, { status, cluster, removal }: AdminParts): FastifyInstance {
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
  return app
}

function refusalOf(error: unknown): { readonly code: string; readonly status: number } {
  if (error instanceof TsoverlayError)
    return { code: error.code, status: HTTP_STATUS[error.code] ?? 500 }
  // Fastify's own refusals, of a malformed request.
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  return { code: status < 500 ? 'REQUEST_INVALID' : 'INTERNAL', status }
}
