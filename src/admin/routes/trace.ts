/** The way of a packet. */
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { Live } from '../../control/trace/live/live.js'
import type { Trace } from '../../control/trace/trace.js'
import { LiveReport } from '../../core/admin/live.js'
import { TraceReport } from '../../core/admin/trace.js'
import { MOST_PROBES } from '../../core/live.js'
import { says } from './route.js'

export interface TraceResources {
  readonly trace: Pick<Trace, 'trace'>
  readonly live: Pick<Live, 'live'>
}

const Question = Type.Object({
  from: Type.String({ minLength: 1 }),
  to: Type.String({ minLength: 1 }),
  port: Type.Optional(Type.String({ pattern: '^[0-9]{1,5}$' })),
  protocol: Type.Optional(Type.Union([Type.Literal('tcp'), Type.Literal('udp')])),
})
interface Query {
  readonly from: string
  readonly to: string
  readonly port?: string
  readonly protocol?: 'tcp' | 'udp'
}

/** Unless told. */
const PROBES = 5

const LiveQuestion = Type.Object({
  from: Type.String({ minLength: 1 }),
  to: Type.String({ minLength: 1 }),
  port: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 65_535, description: 'of TCP; absent: echo requests' }),
  ),
  count: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MOST_PROBES, description: `probes; absent: ${PROBES}` }),
  ),
})
interface LiveQuery {
  readonly from: string
  readonly to: string
  readonly port?: number
  readonly count?: number
}

export function traceRoutes(app: FastifyInstance, { trace, live }: TraceResources): void {
  liveRoute(app, live)
  app.get<{ Querystring: Query }>(
    '/trace',
    says({
      summary: 'the way of a packet from a container to another one, hop by hop',
      answer: TraceReport,
      querystring: Question,
    }),
    ({ query }) => {
      const { from, to, port, protocol } = query
      const load = port === undefined ? 'icmp' : 'tcp'
      return trace.trace({
        ...{ from, to, protocol: protocol ?? load },
        ...(port === undefined ? {} : { port: Number(port) }),
      })
    },
  )
}

function liveRoute(app: FastifyInstance, live: TraceResources['live']): void {
  app.get<{ Querystring: LiveQuery }>(
    '/trace/live',
    says({
      summary: 'sends probes from a container to another one, and says where they are seen last',
      answer: LiveReport,
      querystring: LiveQuestion,
    }),
    ({ query }) => {
      const { from, to, port, count = PROBES } = query
      const load =
        port === undefined ? { protocol: 'icmp' as const } : { protocol: 'tcp' as const, port }
      return live.live({ from, to, count, ...load })
    },
  )
}
