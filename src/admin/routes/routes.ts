/** All routes of the admin socket but /metrics, a file for each of what they are about. */
import type { FastifyInstance } from 'fastify'
import { StatusReport } from '../../core/admin/status.js'
import { type ClusterResources, clusterRoutes } from './cluster.js'
import { type DoctorResources, doctorRoutes } from './doctor.js'
import { type EventResources, eventRoutes } from './events.js'
import { type NameResources, nameRoutes } from './names.js'
import { says } from './route.js'

export interface Resources
  extends ClusterResources,
    DoctorResources,
    EventResources,
    NameResources {
  readonly status: () => StatusReport
}

export function addRoutes(app: FastifyInstance, resources: Resources): void {
  const { status } = resources
  app.get('/status', says({ summary: 'this host', answer: StatusReport }), async () => status())
  clusterRoutes(app, resources)
  nameRoutes(app, resources)
  eventRoutes(app, resources)
  doctorRoutes(app, resources)
}
