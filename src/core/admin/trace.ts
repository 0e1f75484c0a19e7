import { Type } from 'typebox'
import { oneOf, type Report, text, yesNo } from './schema.js'

/** What may be found of one hop; `unknown`: it could not be looked at, or not be read in full. */
const VERDICTS = ['ok', 'warning', 'failed', 'unknown'] as const

/** What is typed, and where, to put a hop right. */
export const Mend = Type.Object({
  host: text('name of the host on which it is typed'),
  command: text('for a shell of root'),
})

/** One thing on the way of a packet. */
export const Hop = Type.Object({
  host: text('name of the host where it is'),
  hop: text('what kind of thing: container, route, fdb, firewall, …'),
  about: text('which one'),
  verdict: oneOf(VERDICTS, 'failed: packets do not get past it'),
  says: text('what was seen; where it is wrong, the cause'),
  back: Type.Optional(yesNo('it is on the way of the answers')),
  mend: Type.Optional(Mend),
})
export type Hop = Report<typeof Hop>

/** In GET /trace: hops in the order in which a packet meets them, then those of its answer. */
export const TraceReport = Type.Object({
  from: text('the container, and its address'),
  to: text('what was asked for, and its address'),
  hops: Type.Array(Hop),
})
export type TraceReport = Report<typeof TraceReport>

/** The first hop that packets do not get past. */
export function brokenAt(hops: readonly Hop[]): Hop | undefined {
  return hops.find(({ verdict }) => verdict === 'failed')
}
