import { Type } from 'typebox'
import { ErrorReport } from './error.js'
import { type Report, text } from './schema.js'

/** What the removal of a host has taken out of the store. */
export const RemovalCounts = Type.Object({
  asks: Type.Integer(),
  networks: Type.Integer(),
  endpoints: Type.Integer(),
  pools: Type.Integer(),
  blocks: Type.Integer(),
  addresses: Type.Integer(),
})
export type RemovalCounts = Report<typeof RemovalCounts>

/** A line of DELETE /hosts/<host>, which answers one JSON document a line; the last one is no progress. */
export const RemovalLine = Type.Union([
  Type.Object({ progress: text('what is removed now') }),
  Type.Object({ removed: text('id of the host'), name: Type.String(), freed: RemovalCounts }),
  Type.Object({ error: ErrorReport }),
])
export type RemovalLine = Report<typeof RemovalLine>
