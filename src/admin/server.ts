/**
 * The admin interface: HTTP on a unix socket that only root can open, JSON; the same metrics also on
 * METRICS, if that is set.
 */
import { chmod, mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import { VERSION_HEADER } from '../core/admin/socket.js'
import { VERSION } from '../core/version.js'
import { metricsRegistry } from './metrics.js'
import { refuse, unknownRoute } from './refusal.js'
import { addRoutes, type Resources } from './routes/routes.js'

const LONG_PARAM = 4_096

export class AdminServer {
  readonly #app: FastifyInstance
  readonly #metrics: FastifyInstance

  constructor(resources: Resources) {
    const registry = metricsRegistry(resources.status)
    const metrics = (app: FastifyInstance): FastifyInstance =>
      app.get('/metrics', async (_request, reply) =>
        reply.type(registry.contentType).send(await registry.metrics()),
      )
    this.#app = adminApp()
    addRoutes(metrics(this.#app), resources)
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

/** An app without routes that checks requests by their schemas, and refuses in our own words. */
export function adminApp(): FastifyInstance {
  // A name that is too long is to be refused in our own words.
  const app = Fastify({ routerOptions: { maxParamLength: LONG_PARAM } })
  // Fastify's own is Ajv, which takes a tenth of a second of each start to check two schemas.
  app.setValidatorCompiler(TypeBoxValidatorCompiler)
  // Schemas of answers are for the document (test/admin/openapi.test.ts); all that is there is said.
  app.setSerializerCompiler(() => JSON.stringify)
  app.addHook('onRequest', async (_request, reply) => {
    reply.header(VERSION_HEADER, VERSION)
  })
  app.setNotFoundHandler(unknownRoute)
  app.setErrorHandler(refuse)
  return app
}
