/** Names as people read them: pure. */
import type { NameReport, NameSource } from '../../core/admin/names.js'
import { table } from './table.js'

/** A name may have hundreds of addresses; --json and `dns lookup` have them all. */
const MOST_SHOWN = 3
const SHORT_ID = /^[0-9a-f]{12}$/

/** @param withIds also rows of short ids, which each container has */
export function namesTable(names: readonly NameReport[], withIds: boolean): string {
  const head = ['NAME', 'NETWORK', 'ADDRESSES', 'SOURCE', 'NOTE']
  const both = inBoth(names)
  const rows = names
    .filter((row) => withIds || !SHORT_ID.test(row.name) || isOwnOfSome(row))
    .map((row) => [
      row.name,
      row.network || 'all',
      some([...new Set(row.sources.flatMap(({ addresses }) => addresses))]),
      some(row.sources.map(textOf)),
      noteOf(row, both),
    ])
  return table([head, ...rows])
}

/** What one name is answered with, each holder in a line. */
export function lookupTable(names: readonly NameReport[]): string {
  const head = ['NAME', 'NETWORK', 'ADDRESSES', 'SOURCE']
  const rows = names.flatMap(({ name, network, sources }) =>
    sources.map((source) => [name, network || 'all', source.addresses.join(', '), textOf(source)]),
  )
  return table([head, ...rows])
}

function some(texts: readonly string[]): string {
  const shown = texts.slice(0, MOST_SHOWN).join(', ')
  return texts.length <= MOST_SHOWN ? shown : `${shown} and ${texts.length - MOST_SHOWN} more`
}

function textOf(source: NameSource): string {
  return source.kind === 'static' ? 'dns add' : `${source.container} on ${source.hostName}`
}

function isOwnOfSome({ name, sources }: NameReport): boolean {
  return sources.some((source) => source.kind === 'static' || source.container === name)
}

/** Names of containers that people have given to something else, too. */
function inBoth(names: readonly NameReport[]): ReadonlySet<string> {
  const statics = new Set(names.filter(({ network }) => network === '').map(({ name }) => name))
  const both = names.filter(({ name, network }) => network !== '' && statics.has(name))
  return new Set(both.map(({ name }) => name))
}

/** What may surprise: containers that have one name, and a name that people have given to something else. */
function noteOf({ name, sources }: NameReport, both: ReadonlySet<string>): string {
  const containers = sources.flatMap((source) => (source.kind === 'container' ? source : []))
  const own = containers.filter(({ container }) => container === name)
  const hosts = [...new Set(own.map(({ hostName }) => hostName))].sort()
  return [
    ...(own.length > 1 ? [`${own.length} containers have this name: ${hosts.join(', ')}`] : []),
    ...(own.length <= 1 && containers.length > 1
      ? [`shared by ${containers.length} containers`]
      : []),
    ...(both.has(name) ? ['of a container, and by dns add'] : []),
  ].join('; ')
}
