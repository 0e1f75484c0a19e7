/** What this host's kernel has. */
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { Insight } from '../../control/insight/insight.js'
import { ENTRY_TABLES, EntriesReport, type EntryTable } from '../../core/admin/entries.js'
import { LinksReport, NamespaceReports } from '../../core/admin/kernel.js'
import { says } from './route.js'

export interface KernelResources {
  readonly insight: Pick<Insight, 'namespaces' | 'links' | 'entries'>
}

const Links = Type.Object({
  match: Type.Optional(Type.String({ description: 'ifindex or name' })),
  ways: Type.Optional(Type.Literal('1', { description: 'also what leads to other hosts' })),
})
const Table = Type.Object({ table: Type.Enum(ENTRY_TABLES) })
const OfNetwork = Type.Object({ network: Type.String() })

export function kernelRoutes(app: FastifyInstance, { insight }: KernelResources): void {
  app.get(
    '/namespaces',
    says({
      summary: "this host's network namespaces, and whose each is",
      answer: NamespaceReports,
    }),
    () => insight.namespaces(),
  )
  app.get<{ Querystring: { match?: string; ways?: '1' } }>(
    '/links',
    says({ summary: 'links of all namespaces', answer: LinksReport, querystring: Links }),
    ({ query }) => insight.links(query.match, query.ways === '1'),
  )
  app.get<{ Params: { table: EntryTable }; Querystring: { network: string } }>(
    '/entries/:table',
    says({
      summary: "a network's entries in the kernel, beside what they should be",
      answer: EntriesReport,
      params: Table,
      querystring: OfNetwork,
    }),
    ({ params, query }) => insight.entries(params.table, query.network),
  )
}
