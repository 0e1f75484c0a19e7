/** How much goes through containers' ports. */
import type { FastifyInstance } from 'fastify'
import { TrafficReport } from '../../core/admin/traffic.js'
import { says } from './route.js'

export interface TrafficResources {
  readonly traffic: () => Promise<TrafficReport>
}

export function trafficRoutes(app: FastifyInstance, { traffic }: TrafficResources): void {
  app.get(
    '/traffic',
    says({
      summary: "bytes that this host's containers have received and sent",
      answer: TrafficReport,
    }),
    () => traffic(),
  )
}
