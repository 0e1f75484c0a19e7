import { Type } from 'typebox'
import { oneOf, type Report, text, texts } from './schema.js'

/**
 * Something that has happened in the cluster, a line of GET /events. The first line says that the
 * cluster is watched: what happens from then on is told.
 */
export const EventReport = Type.Object({
  at: text('when this host saw it, ISO 8601'),
  kind: oneOf(
    ['store', 'host', 'network', 'endpoint', 'address', 'trouble'] as const,
    'what it is about; address: a floating one',
  ),
  what: oneOf(
    [
      'watched',
      'lost',
      'back',
      'skipped',
      'up',
      'away',
      'came',
      'removed',
      'changed',
      'made',
      'published',
      'leaving',
      'left',
      'moved',
      'appears',
      'mended',
    ] as const,
    'what has happened to it',
  ),
  name: text('as people know it'),
  id: text("a host's id, a network's key, Docker's id of an endpoint, an address; else empty"),
  host: Type.Optional(text('name of its host')),
  network: Type.Optional(text('name of its network')),
  addresses: Type.Optional(texts('of an endpoint, with prefix length')),
  note: text('more for people; may be empty'),
})
export type EventReport = Report<typeof EventReport>
