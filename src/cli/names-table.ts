/** Names as people read them: pure. */
import type { NameReport, NameSource } from '../core/admin.js'
import { table } from './tables.js'

export function namesTable(names: readonly NameReport[]): string {
  const head = ['NAME', 'NETWORK', 'ADDRESSES', 'SOURCE', 'NOTE']
  const rows = names.map((row) => [
    row.name,
    row.network || 'all',
    [...new Set(row.sources.flatMap(({ addresses }) => addresses))].join(','),
    sourceOf(row.sources),
    noteOf(row, names),
  ])
  return table([head, ...rows])
}

function sourceOf(sources: readonly NameSource[]): string {
  const texts = sources.map((source) =>
    source.kind === 'static' ? 'static' : `${source.container} on ${source.hostName}`,
  )
  return texts.length <= 3 ? texts.join(', ') : `${texts.slice(0, 3).join(', ')}, …`
}

/** What may surprise: containers that have one name, and a name that people have given to something else. */
function noteOf({ name, network, sources }: NameReport, all: readonly NameReport[]): string {
  const containers = sources.flatMap((source) => (source.kind === 'container' ? source : []))
  const own = containers.filter(({ container }) => container === name)
  const hosts = [...new Set(own.map(({ hostName }) => hostName))].sort()
  const isStatic = all.some(
    (other) =>
      other.name === name && other.network !== network && (network === '' || other.network === ''),
  )
  return [
    ...(own.length > 1 ? [`${own.length} containers of this name: ${hosts.join(', ')}`] : []),
    ...(own.length <= 1 && containers.length > 1
      ? [`shared by ${containers.length} containers`]
      : []),
    ...(isStatic ? ['both a container and added by dns add'] : []),
  ].join('; ')
}
