/** All routes of the admin socket but /metrics, a file for each of what they are about. */
import type { FastifyInstance } from 'fastify'
import { StatusReport } from '../../core/admin/status.js'
import { TrafficReport } from '../../core/admin/traffic.js'
import { type ClusterResources, clusterRoutes } from './cluster.js'
import { type EventResources, eventRoutes } from './events.js'
import { type NameResources, nameRoutes } from './names.js'
import { type PoolResources, poolRoutes } from './pools.js'
import { says } from './route.js'

export interface Resources extends ClusterResources, EventResources, NameResources, PoolResources {
  readonly status: () => StatusReport
  readonly traffic: () => Promise<TrafficReport>
}

export function addRoutes(app: FastifyInstance, resources: Resources): void {
  const { status, traffic } = resources
  app.get('/status', says({ summary: 'this host', answer: StatusReport }), async () => status())
  app.get(
    '/traffic',
    says({ summary: "bytes that this host's containers have received and sent", answer: TrafficReport }),
    () => traffic(),
  )
  clusterRoutes(app, resources)
  nameRoutes(app, resources)
  eventRoutes(app, resources)
  poolRoutes(app, resources)
}
