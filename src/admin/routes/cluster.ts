/** The cluster as its store has it, and what people order of it. */
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { ClusterView } from '../../control/operator/cluster-view.js'
import type { HostRemoval } from '../../control/operator/host-removal.js'
import { EndpointReports } from '../../core/admin/endpoints.js'
import { HostReports } from '../../core/admin/hosts.js'
import { NetworkReports } from '../../core/admin/networks.js'
import { RemovalLine } from '../../core/admin/removal.js'
import { removalLines } from '../removal.js'
import { says } from './route.js'

export interface ClusterResources {
  readonly cluster: ClusterView
  readonly removal: HostRemoval
}

const OfNetwork = Type.Object({ network: Type.Optional(Type.String()) })
const Host = Type.Object({ host: Type.String() })
const Force = Type.Object({ force: Type.Optional(Type.Literal('1')) })

export function clusterRoutes(app: FastifyInstance, { cluster, removal }: ClusterResources): void {
  app.get('/hosts', says({ summary: 'hosts of the cluster', answer: HostReports }), () =>
    cluster.hosts(),
  )
  app.get('/networks', says({ summary: 'networks of the cluster', answer: NetworkReports }), () =>
    cluster.networks(),
  )
  app.get<{ Querystring: { network?: string } }>(
    '/endpoints',
    says({
      summary: "containers' attachments in the cluster, or in one network",
      answer: EndpointReports,
      querystring: OfNetwork,
    }),
    ({ query }) => cluster.endpoints(query.network),
  )
  app.delete<{ Params: { host: string }; Querystring: { force?: string } }>(
    '/hosts/:host',
    says({
      summary: 'free all that a host which will not come back has',
      answer: RemovalLine,
      params: Host,
      querystring: Force,
      lines: true,
    }),
    async (request, reply) => {
      const force = request.query.force === '1'
      const host = await removal.check(request.params.host, force)
      return reply.type('application/x-ndjson').send(removalLines(removal, host, force))
    },
  )
}
