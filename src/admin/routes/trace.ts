/** The way of a packet. */
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { Trace } from '../../control/trace/trace.js'
import { TraceReport } from '../../core/admin/trace.js'
import { says } from './route.js'

export interface TraceResources {
  readonly trace: Pick<Trace, 'trace'>
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

export function traceRoutes(app: FastifyInstance, { trace }: TraceResources): void {
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
