/** Namespaces as people read them: pure. */
import type { NamespaceReport } from '../../core/admin/kernel.js'
import { addressesOf, peerOf, stateOf } from './links.js'
import { table } from './table.js'

export function namespacesTable(namespaces: readonly NamespaceReport[]): string {
  const head = ['NAMESPACE', 'KIND', 'WHOSE', 'NETWORKS', 'LINKS']
  const rows = namespaces.map((one) => [
    one.aliases.length === 0 ? one.name : `${one.name} (${one.aliases.join(', ')})`,
    one.kind,
    whoseOf(one),
    networksOf(one).join(', ') || '-',
    one.problem ?? String(one.links.length),
  ])
  return table([head, ...rows])
}

export function namespaceText(one: NamespaceReport): string {
  const facts: readonly (readonly [string, string])[] = [
    ['namespace', one.name],
    ['file', [one.path || '-', ...one.aliases].join(', ')],
    ['inode', String(one.inode)],
    ['whose', `${one.owner} (${one.kind})`],
    ...one.containers.map(({ id, name }) => ['container', `${name} ${id.slice(0, 12)}`] as const),
    ['networks', networksOf(one).join(', ') || '-'],
    ...(one.problem === undefined ? [] : [['problem', one.problem] as const]),
  ]
  const head = ['IFINDEX', 'NAME', 'KIND', 'STATE', 'MTU', 'MAC', 'MASTER', 'PEER', 'ADDRESSES']
  const rows = one.links.map((link) => [
    ...[link.index, link.name, link.kind || '-', stateOf(link), link.mtu].map(String),
    link.mac ?? '-',
    link.master ?? '-',
    peerOf(link, () => ''),
    addressesOf(link),
  ])
  const width = Math.max(...facts.map(([what]) => what.length))
  const lines = facts.map(([what, text]) => `${what.padEnd(width)}  ${text}\n`)
  return `${lines.join('')}\n${table([head, ...rows])}`
}

/** Containers of the host's own namespace are those with --network host. */
function whoseOf({ kind, owner, containers }: NamespaceReport): string {
  const more = kind === 'host' ? containers.map(({ name }) => name).join(', ') : ''
  return more === '' ? owner : `${owner}; with --network host: ${more}`
}

function networksOf({ network, containers }: NamespaceReport): readonly string[] {
  const all = containers.flatMap(({ networks }) => networks)
  return [...new Set(network === undefined ? all : [network, ...all])]
}
