/** How much goes through containers' ports. */
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { TrafficReport } from '../../core/admin/traffic.js'
import { says } from './route.js'

export interface TrafficResources {
  /**
   * @param host id of the host that is asked; unless told, this one
   * @throws TsoverlayError KERNEL_FAILED, and of another host what Inquiries.ask throws
   */
  readonly traffic: (host: string | undefined) => Promise<TrafficReport>
}

const Whose = Type.Object({ host: Type.Optional(Type.String({ minLength: 1 })) })

export function trafficRoutes(app: FastifyInstance, { traffic }: TrafficResources): void {
  app.get<{ Querystring: { host?: string } }>(
    '/traffic',
    says({
      summary: "bytes that this host's containers have received and sent, or those of another host",
      answer: TrafficReport,
      querystring: Whose,
    }),
    ({ query }) => traffic(query.host),
  )
}
