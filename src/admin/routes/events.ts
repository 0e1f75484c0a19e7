/** What happens in the cluster. */
import type { FastifyInstance } from 'fastify'
import type { Events } from '../../control/events/events.js'
import { EventReport } from '../../core/admin/events.js'
import { eventLines } from '../event-lines.js'
import { says } from './route.js'

export interface EventResources {
  readonly events: Events
}

export function eventRoutes(app: FastifyInstance, { events }: EventResources): void {
  const closing = new AbortController()
  // Else the server would wait for those who watch.
  app.addHook('preClose', async () => closing.abort())
  app.get(
    '/events',
    says({
      summary: 'what happens in the cluster from now on, until the client leaves',
      answer: EventReport,
      lines: true,
    }),
    async (_request, reply) => {
      await events.check()
      return reply.type('application/x-ndjson').send(eventLines(events, closing.signal))
    },
  )
}
