/**
 * The admin interface: HTTP on a unix socket that only root can open, read-only, JSON; the same
 * metrics also on METRICS, if that is set.
 */
import { chmod, mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Status } from '../control/status.js'
import { metricsRegistry } from './metrics.js'

export class AdminServer {
  readonly #app: FastifyInstance
  readonly #metrics: FastifyInstance

  constructor(status: () => Status) {
    const registry = metricsRegistry(status)
    const metrics = (app: FastifyInstance): FastifyInstance =>
      app.get('/metrics', async (_request, reply) =>
        reply.type(registry.contentType).send(await registry.metrics()),
      )
    this.#app = metrics(Fastify().get('/status', async () => status()))
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
