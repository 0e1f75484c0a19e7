/** The program itself: its version, its settings, its log. */
import { release } from 'node:os'
import type { FastifyInstance } from 'fastify'
import { AboutReport, LogReport } from '../../core/admin/about.js'
import { withoutSecrets } from '../../core/secrets.js'
import { settingsOf } from '../../core/settings.js'
import { VERSION } from '../../core/version.js'
import { says } from './route.js'

export interface AboutResources {
  /** the environment with the settings */
  readonly env: Readonly<Record<string, string | undefined>>
  /** the last lines of the log */
  readonly log: { list(): readonly string[] }
}

export function aboutRoutes(app: FastifyInstance, { env, log }: AboutResources): void {
  const since = new Date(Date.now() - process.uptime() * 1_000).toISOString()
  app.get(
    '/about',
    says({ summary: 'the program on this host', answer: AboutReport }),
    async (): Promise<AboutReport> => ({
      version: VERSION,
      node: process.version,
      kernel: release(),
      since,
      settings: settingsOf(env),
    }),
  )
  app.get('/log', says({ summary: 'last lines of the log', answer: LogReport }), async () =>
    log.list().map(withoutSecrets),
  )
}
