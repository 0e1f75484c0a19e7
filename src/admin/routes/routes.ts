/** All routes of the admin socket but /metrics, a file for each of what they are about. */
import type { FastifyInstance } from 'fastify'
import { StatusReport } from '../../core/admin/status.js'
import { type AboutResources, aboutRoutes } from './about.js'
import { type ClusterResources, clusterRoutes } from './cluster.js'
import { type DoctorResources, doctorRoutes } from './doctor.js'
import { type EventResources, eventRoutes } from './events.js'
import { type KernelResources, kernelRoutes } from './kernel.js'
import { type NameResources, nameRoutes } from './names.js'
import { type PoolResources, poolRoutes } from './pools.js'
import { says } from './route.js'
import { type TraceResources, traceRoutes } from './trace.js'
import { type TrafficResources, trafficRoutes } from './traffic.js'

export interface Resources
  extends AboutResources,
    ClusterResources,
    DoctorResources,
    EventResources,
    KernelResources,
    NameResources,
    PoolResources,
    TraceResources,
    TrafficResources {
  readonly status: () => StatusReport
}

export function addRoutes(app: FastifyInstance, resources: Resources): void {
  const { status } = resources
  app.get('/status', says({ summary: 'this host', answer: StatusReport }), async () => status())
  clusterRoutes(app, resources)
  nameRoutes(app, resources)
  traceRoutes(app, resources)
  eventRoutes(app, resources)
  doctorRoutes(app, resources)
  kernelRoutes(app, resources)
  poolRoutes(app, resources)
  aboutRoutes(app, resources)
  trafficRoutes(app, resources)
}
