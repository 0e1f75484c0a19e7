/** Names that containers of this host can ask for. */
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { NamesReport } from '../../control/names/names-report.js'
import type { StaticNames } from '../../control/names/static-names.js'
import { NameReports, NameWish } from '../../core/admin/names.js'
import { says } from './route.js'

export interface NameResources {
  readonly names: Pick<NamesReport, 'list' | 'lookup'>
  readonly statics: Pick<StaticNames, 'put' | 'remove'>
}

const All = Type.Object({
  ids: Type.Optional(
    Type.Boolean({ description: 'false: without the short ids that each container has' }),
  ),
})
const Lookup = Type.Object({ name: Type.String(), as: Type.Optional(Type.String()) })
const Name = Type.Object({ name: Type.String() })
const Nothing = Type.Unknown({ description: 'nothing of interest' })

export function nameRoutes(app: FastifyInstance, { names, statics }: NameResources): void {
  app.get<{ Querystring: { ids?: boolean } }>(
    '/names',
    says({ summary: 'all names', answer: NameReports, querystring: All }),
    async ({ query }) => names.list(query.ids),
  )
  app.get<{ Querystring: { name: string; as?: string } }>(
    '/names/lookup',
    says({
      summary: 'what a container would be answered',
      answer: NameReports,
      querystring: Lookup,
    }),
    async ({ query }) => names.lookup(query.name, query.as),
  )
  app.put<{ Params: { name: string }; Body: NameWish }>(
    '/names/:name',
    says({
      summary: 'give something that is no container a name',
      answer: Nothing,
      params: Name,
      body: NameWish,
    }),
    ({ params, body }) => statics.put(params.name, body.addresses),
  )
  app.delete<{ Params: { name: string } }>(
    '/names/:name',
    says({
      summary: 'take such a name away',
      answer: Type.Object({ removed: Type.String() }),
      params: Name,
    }),
    async ({ params }) => {
      await statics.remove(params.name)
      return { removed: params.name }
    },
  )
}
