/**
 * What routed networks need in a host's own namespace, worked out of dockerds' containers and the
 * store's blocks alone, and compared with what is there.
 */
import { type Cidr, contains, type Ip, ipFromNumber, rangeOf } from '../../src/core/ip.js'
import type { Host } from '../lab/host.js'
import type { Attachment } from './attachments.js'
import { compare } from './compare.js'
import type { HostKernel } from './host-kernel.js'
import type { Owner, RoutedNetwork } from './routed-networks.js'

/** Behind every other one: it counts only while there is no bridge. */
const BLACKHOLE = 'proto 116 metric 4294967040'

type Wanted = Omit<HostKernel, 'mac' | 'peers'>

/** @param networks all routed ones of the lab: what is of none of them should not be there */
export function routedAgainst(
  host: Host,
  networks: readonly RoutedNetwork[],
  all: readonly Attachment[],
  owners: readonly Owner[],
  kernel: HostKernel,
): string[] {
  const wanted = networks.map((network) => wantedOf(host, network, all, owners))
  const tables = ['links', 'routes', 'hops', 'proxies', 'rules'] as const
  return tables.flatMap((table) =>
    compare(
      `${host.name}: ${table}`,
      kernel[table],
      wanted.flatMap((one) => one[table]),
    ),
  )
}

/** Where two hosts have tunnels, each knows the other's MAC. */
export function macsAgainst(
  host: Host,
  kernel: HostKernel,
  others: ReadonlyMap<string, HostKernel>,
): string[] {
  return [...kernel.peers].flatMap(([mac, vtep]) => {
    const own = others.get(vtep)?.mac
    return own === undefined || own === mac
      ? []
      : [`${host.name}: FDB: ${mac} at ${vtep}, whose tunnels have ${own}`]
  })
}

function wantedOf(
  host: Host,
  network: RoutedNetwork,
  all: readonly Attachment[],
  owners: readonly Owner[],
): Wanted {
  const { blocks, subnet } = network
  const own = blocks.filter(({ owner }) => owner.host === host).map(({ range }) => range)
  const routes = own.map((range) => `blackhole ${range} ${BLACKHOLE}`)
  const used = all.filter((one) => one.network === network.name)
  const here = used.filter((one) => one.host === host)
  // A host without a container has no use of it.
  if (here.length === 0) return { links: [], routes, hops: [], proxies: [], rules: [] }
  const bridge = `tsb-${network.key}`
  const lent = lentOf(used, network, owners)
  const others = [
    ...blocks.map(({ range, owner }) => ({ range, owner, first: firstOf(range) })),
    ...lent.map(({ ip, owner }) => ({ range: ip, owner, first: ip })),
  ].filter(({ owner }) => owner.host !== host)
  const ways = others.map((other) => wayTo(host, network, other))
  return {
    links: [
      bridge,
      ...(network.encap === 'never' ? [] : [`tsv-${network.vni}`]),
      ...here.map(({ endpoint }) => `${portOf(endpoint)} in ${bridge}`),
    ],
    routes: [
      ...routes,
      ...own.map(
        (range) => `${range} dev ${bridge} proto kernel scope link src ${firstOf(range, 1n)}`,
      ),
      ...lent
        .filter(({ owner }) => owner.host === host)
        .map(({ ip }) => `${ip} dev ${bridge} proto 116 scope link`),
      ...ways.flatMap(({ route }) => route),
    ],
    hops: ways.flatMap(({ hop }) => hop),
    proxies: lent.filter(({ owner }) => owner.host !== host).map(({ ip }) => `${ip} on ${bridge}`),
    rules: [
      ...here.map(({ endpoint, ip }) => `${portOf(endpoint)} has ${ip}`),
      `${bridge} has ${subnet}`,
    ],
  }
}

const portOf = (endpoint: string): string => `tsp-${endpoint.slice(0, 11)}`

/** Addresses of containers that are in no block of their host: each is a range of its own. */
function lentOf(
  used: readonly Attachment[],
  { blocks }: RoutedNetwork,
  owners: readonly Owner[],
): { readonly ip: string; readonly owner: Owner }[] {
  return used.flatMap(({ host, ip }) => {
    const owner = owners.find((one) => one.host === host)
    const isOwn = blocks.some(
      (block) => block.owner.host === host && contains(block.range as Cidr, ip as Ip),
    )
    return owner === undefined || isOwn ? [] : [{ ip, owner }]
  })
}

/** By the other host itself where both are on one layer 2 and the network says so, else by the tunnel. */
function wayTo(
  host: Host,
  { encap, vni }: RoutedNetwork,
  { range, owner, first }: { range: string; owner: Owner; first: string },
): { readonly route: string[]; readonly hop: string[] } {
  const isNear = owner.host === undefined || owner.host.segment === host.segment
  if (encap !== 'always' && isNear)
    return { route: [`${range} via ${owner.vtep} dev eth0 proto 116`], hop: [] }
  if (encap === 'never') return { route: [], hop: [] }
  return {
    route: [`${range} via ${first} dev tsv-${vni} proto 116 onlink`],
    hop: [`${first} on tsv-${vni} at ${owner.vtep}`],
  }
}

function firstOf(range: string, offset = 0n): string {
  return ipFromNumber(rangeOf(range as Cidr).first + offset, 4)
}
