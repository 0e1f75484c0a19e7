/** What is between a container and other hosts, link by link, as a tree: pure. */
import type { LinkRow, LinksReport, WayReport } from '../../core/admin/kernel.js'
import { stateOf } from './links.js'

interface Node {
  readonly text: string
  /** names and numbers by which it is found */
  readonly is: readonly string[]
  readonly under: readonly Node[]
}

/** What a way carries is counted from so many on. */
const MOST_SHOWN = 2

/** @param match name or ifindex of a link, a container or network: trees without it are left out */
export function linkTree(report: LinksReport, match?: string): string {
  const trees = containers(report).filter((tree) => match === undefined || has(tree, match))
  return (
    trees.map((tree) => lines(tree, '', '').join('\n')).join('\n\n') + (trees.length ? '\n' : '')
  )
}

/** Namespaces with ends of veth pairs that are not of the host or a network. */
function containers(report: LinksReport): readonly Node[] {
  const namespaces = new Map<string, LinkRow[]>()
  for (const link of report.links) {
    if (link.kind !== 'veth' || isMiddle(link)) continue
    const list = namespaces.get(link.namespace)
    if (list === undefined) namespaces.set(link.namespace, [link])
    else list.push(link)
  }
  return [...namespaces].map(([namespace, links]) => ({
    text: `${links[0]?.owner}  (namespace ${namespace})`,
    is: [namespace, ...(links[0]?.owner.split(', ') ?? [])],
    under: links.map((link) => containerEnd(link, report)),
  }))
}

/** A port of a bridge is on the way, and what is the host's own is no container's. */
function isMiddle({ master, namespace }: LinkRow): boolean {
  return master !== undefined || namespace === 'host'
}

function containerEnd(link: LinkRow, report: LinksReport): Node {
  const { name, index, mac, mtu, peer } = link
  const parts = [globalOf(link), mac ?? '', `mtu ${mtu}`, trouble(link)]
  const other = report.links.find(
    (one) => one.namespace === peer?.namespace && one.name === peer.name,
  )
  const text = `${name} (${index})  ${some(parts)}`
  const under = other === undefined ? [lost(link)] : [hostEnd(other, report)]
  return { text, is: [name, `${index}`], under }
}

function lost({ peer }: LinkRow): Node {
  return { text: `${peer?.index}: in no namespace with a file`, is: [`${peer?.index}`], under: [] }
}

function hostEnd(link: LinkRow, report: LinksReport): Node {
  const { name, index, master, namespace, owner, network } = link
  const where = network === undefined ? owner : `network ${network}`
  const port = master === undefined ? 'port of no bridge' : `port of ${master}`
  const bridge = report.links.find((one) => one.namespace === namespace && one.name === master)
  return {
    text: `${name} (${index})  ${some([port, trouble(link), `in ${namespace}: ${where}`])}`,
    is: [name, `${index}`, ...(network === undefined ? [] : [network])],
    under: bridge === undefined ? [] : [bridgeNode(bridge, report)],
  }
}

function bridgeNode(bridge: LinkRow, report: LinksReport): Node {
  const { name, index } = bridge
  const tunnels = report.links.filter((one) => isTunnelOf(one, bridge))
  const ways = waysOf(bridge, report).filter(
    ({ dev }) => !tunnels.some((tunnel) => tunnel.name === dev),
  )
  return {
    text: `${name} (${index})  ${some([globalOf(bridge), trouble(bridge)])}`,
    is: [name, `${index}`],
    under: [
      ...tunnels.map((tunnel) => tunnelNode(tunnel, report)),
      ...ways.map((way) => wayNode(way, `${way.dev}: `)),
    ],
  }
}

/** A port of the bridge, or in the host's namespace the one of the same network. */
function isTunnelOf(link: LinkRow, bridge: LinkRow): boolean {
  if (link.kind !== 'vxlan' || link.namespace !== bridge.namespace) return false
  return (
    link.master === bridge.name ||
    (bridge.network !== undefined && link.network === bridge.network && link.master === undefined)
  )
}

function tunnelNode(tunnel: LinkRow, report: LinksReport): Node {
  const { name, index, vxlan } = tunnel
  const from = vxlan?.local === undefined ? '' : ` from ${vxlan.local}`
  const text = `VNI ${vxlan?.vni}, UDP ${vxlan?.port}${from}`
  return {
    text: `${name} (${index})  ${some([text, trouble(tunnel)])}`,
    is: [name, `${index}`],
    under: waysOf(tunnel, report)
      .filter(({ dev }) => dev === name)
      .map((way) => wayNode(way, '')),
  }
}

function waysOf({ namespace, network }: LinkRow, { ways }: LinksReport): readonly WayReport[] {
  return ways.filter((way) => way.namespace === namespace && way.network === network)
}

function wayNode({ to, host, carries }: WayReport, before: string): Node {
  const what = carries.length <= MOST_SHOWN ? carries.join(', ') : `${carries.length} entries`
  return { text: `${before}${to}  ${host || 'no host of the cluster'}: ${what}`, is: [], under: [] }
}

function globalOf({ addresses }: LinkRow): string {
  return addresses.filter((address) => !address.startsWith('fe80:')).join(', ')
}

function trouble(link: LinkRow): string {
  const state = stateOf(link)
  return state === 'up' ? '' : state.toUpperCase()
}

function some(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('  ')
}

function has({ is, under }: Node, match: string): boolean {
  return is.includes(match) || under.some((node) => has(node, match))
}

function lines({ text, under }: Node, first: string, rest: string): readonly string[] {
  return [
    `${first}${text}`,
    ...under.flatMap((node, at) => {
      const isLast = at === under.length - 1
      return lines(node, `${rest}${isLast ? '└─ ' : '├─ '}`, `${rest}${isLast ? '   ' : '│  '}`)
    }),
  ]
}
