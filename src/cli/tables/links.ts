/** Links as people read them: pure. */
import type { LinkReport, LinkRow } from '../../core/admin/kernel.js'
import { table } from './table.js'

/** @param all those of all namespaces, for whose the other end of each is */
export function linksTable(links: readonly LinkRow[], all: readonly LinkRow[]): string {
  const owners = new Map(all.map(({ namespace, owner }) => [namespace, owner]))
  const head = ['NAMESPACE', 'WHOSE', 'IFINDEX', 'NAME', 'KIND', 'STATE', 'MTU', 'MASTER', 'PEER']
  const rows = links.map((link) => [
    link.namespace,
    link.network === undefined ? link.owner : `network ${link.network}`,
    ...[link.index, link.name, link.kind || '-', stateOf(link), link.mtu].map(String),
    link.master ?? '-',
    peerOf(link, (namespace) => owners.get(namespace) ?? ''),
  ])
  return table([[...head, 'ADDRESSES'], ...rows.map((row, at) => [...row, cellOf(links[at])])])
}

function cellOf(link: LinkRow | undefined): string {
  return link === undefined ? '' : addressesOf(link)
}

export function addressesOf({ addresses, vxlan }: LinkReport): string {
  const tunnel =
    vxlan === undefined
      ? []
      : [`VNI ${vxlan.vni}, UDP ${vxlan.port}${vxlan.local ? ` from ${vxlan.local}` : ''}`]
  return [...addresses, ...tunnel].join(', ') || '-'
}

/** `up`, `down`, `no carrier`; of a port that its bridge does not use, that. */
export function stateOf({ up, carrier, port }: LinkReport): string {
  if (!up) return 'down'
  if (!carrier) return 'no carrier'
  return port === undefined || port.state === 'forwarding' ? 'up' : `up, ${port.state}`
}

/**
 * The true other end: name and ifindex, and where it is.
 * @param ownerOf of a namespace; empty: not known
 */
export function peerOf({ peer }: LinkReport, ownerOf: (namespace: string) => string): string {
  if (peer === undefined) return '-'
  if (peer.namespace === undefined) return `${peer.index} in no namespace with a file`
  const owner = ownerOf(peer.namespace)
  const where = owner === '' ? peer.namespace : `${peer.namespace}: ${owner}`
  return `${peer.name} (${peer.index}) in ${where}`
}
