/** Names as people read them: pure. */
import type { NameReport, NameSource } from '../../core/admin/names.js'
import { table } from './table.js'

/** A name may have hundreds of addresses; --json and `dns lookup` have them all. */
const MOST_SHOWN = 3

export function namesTable(names: readonly NameReport[]): string {
  const head = ['NAME', 'NETWORK', 'ADDRESSES', 'SOURCE', 'NOTE']
  const added = new Set(names.flatMap(({ name, network }) => (network === '' ? name : [])))
  const twice = new Set(
    names.flatMap(({ name, network }) => (network !== '' && added.has(name) ? name : [])),
  )
  const rows = names.map((row) => [
    row.name,
    row.network || 'all',
    some([...new Set(row.sources.flatMap(({ addresses }) => addresses))]),
    some(row.sources.map(textOf)),
    noteOf(row, twice.has(row.name)),
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

/** What may surprise: containers that have one name, and a name that people have given to something else. */
function noteOf({ name, sources }: NameReport, isStaticToo: boolean): string {
  const containers = sources.flatMap((source) => (source.kind === 'container' ? source : []))
  const own = containers.filter(({ container }) => container === name)
  const hosts = [...new Set(own.map(({ hostName }) => hostName))].sort()
  return [
    ...(own.length > 1 ? [`${own.length} containers have this name: ${hosts.join(', ')}`] : []),
    ...(own.length <= 1 && containers.length > 1
      ? [`shared by ${containers.length} containers`]
      : []),
    ...(isStaticToo ? ['of a container, and by dns add'] : []),
  ].join('; ')
}
