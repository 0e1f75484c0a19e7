/**
 * What a change of a record of the store means to people: pure, but for the names and the whereabouts
 * that it remembers. `former` and `present` are the record before and after; undefined: none.
 */
import type { EventReport } from '../../core/admin/events.js'
import { poolsOf } from '../../core/pools.js'
import type { Host, HostId, Network, NetworkKey } from '../../core/types.js'
import type { Publication, TroublesDocument } from '../../state/documents.js'
import type { KnownNames } from './known-names.js'

/** An event but for its time. */
export type Happening = Omit<EventReport, 'at'>

export function hostChange(
  former: Host | undefined,
  present: Host | undefined,
): readonly Happening[] {
  const host = present ?? former
  if (host === undefined) return []
  const about = { kind: 'host', name: host.name, id: host.id } as const
  if (former === undefined) return [{ ...about, what: 'came', note: host.vtep }]
  if (present === undefined) return [{ ...about, what: 'removed', note: '' }]
  if (former.vtep !== present.vtep)
    return [{ ...about, what: 'changed', note: `${former.vtep} → ${present.vtep}` }]
  if (former.boot !== present.boot) return [{ ...about, what: 'changed', note: 'has booted' }]
  return []
}

export function presenceChange(id: HostId, isUp: boolean, names: KnownNames): readonly Happening[] {
  return [{ kind: 'host', what: isUp ? 'up' : 'away', name: names.host(id), id, note: '' }]
}

export function networkChange(
  key: NetworkKey,
  former: Network | undefined,
  present: Network | undefined,
  names: KnownNames,
): readonly Happening[] {
  const about = { kind: 'network', name: names.network(key), id: key } as const
  if (former === undefined && present !== undefined)
    return [{ ...about, what: 'made', note: `${present.backend} ${poolsOf(present).join(' ')}` }]
  if (present === undefined) return [{ ...about, what: 'removed', note: '' }]
  return []
}

export function publicationChange(
  former: Publication | undefined,
  present: Publication | undefined,
  names: KnownNames,
): readonly Happening[] {
  if (present === undefined) return []
  const about = { kind: 'network', name: present.name, id: present.key } as const
  const told: Happening[] = []
  if (former === undefined) told.push({ ...about, what: 'published', note: 'to all hosts' })
  const [before, after] = [wishOf(former), wishOf(present)]
  if (before === undefined && after !== undefined)
    told.push({ ...about, what: 'leaving', note: `removed on ${names.host(after.host)}` })
  return told
}

function wishOf(publication: Publication | undefined) {
  return publication?.removal ?? publication?.unwanted
}

export function troubleChange(
  former: TroublesDocument | undefined,
  present: TroublesDocument | undefined,
): readonly Happening[] {
  const host = present?.name ?? former?.name ?? ''
  return troublesBetween(former?.networks ?? {}, present?.networks ?? {}).map((told) => ({
    ...told,
    host,
    network: told.name,
  }))
}

/** @param former and @param present what it is about → what is wrong */
export function troublesBetween(
  former: Readonly<Record<string, string>>,
  present: Readonly<Record<string, string>>,
): readonly Happening[] {
  const about = (name: string) => ({ kind: 'trouble', name, id: '' }) as const
  return [
    ...Object.entries(present)
      .filter(([name, problem]) => former[name] !== problem)
      .map(([name, note]) => ({ ...about(name), what: 'appears', note }) as const),
    ...Object.entries(former)
      .filter(([name]) => present[name] === undefined)
      .map(([name, note]) => ({ ...about(name), what: 'mended', note }) as const),
  ]
}
