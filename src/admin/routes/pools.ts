/** Pools of addresses. */
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { PoolsView } from '../../control/operator/pools-view.js'
import { PoolReports } from '../../core/admin/pools.js'
import { says } from './route.js'

export interface PoolResources {
  readonly pools: Pick<PoolsView, 'pools'>
}

const Wanted = Type.Object({ pool: Type.Optional(Type.String()) })

export function poolRoutes(app: FastifyInstance, { pools }: PoolResources): void {
  app.get<{ Querystring: { pool?: string } }>(
    '/pools',
    says({
      summary: 'pools of addresses, or one: a CIDR, or those of a network',
      answer: PoolReports,
      querystring: Wanted,
    }),
    ({ query }) => pools.pools(query.pool),
  )
}
