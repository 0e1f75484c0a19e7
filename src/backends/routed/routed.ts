/**
 * Routed networks: per host a block of the network's addresses behind a bridge in the host's own
 * namespace, and per other host a route to its block.
 *
 * A container at 10.20.1.5 pings 10.20.2.7 on another host. It has 10.20.1.0/24 on its link and the
 * rest of the network behind 10.20.1.1, which is the bridge. The host forwards by its main table: to
 * the other host itself where both are on one layer 2, else into the tunnel. Adding a container
 * changes nothing on other hosts. docs/backends.md has a picture of each path.
 */
import { type Cidr, familyOf, ipOf, rangeOfOne } from '../../core/ip.js'
import { hostLinkName } from '../../core/names.js'
import { invalidOption } from '../../core/options.js'
import type { BridgeLink, Domain, Part, RoutePlan, VethLink } from '../../core/plan.js'
import { HOST } from '../../core/plan.js'
import { poolsOf } from '../../core/pools.js'
import type { Backend, NoWay } from '../../core/ports.js'
import {
  isBlock,
  type LocalEndpoint,
  type Network,
  type NetworkView,
  type Peer,
  type Underlay,
  type Way,
} from '../../core/types.js'
import { inOne } from '../layouts.js'
import { checkMtu, mtuOf } from '../mtu.js'
import { optionOf, VNIS } from '../options.js'
import { attach } from './attach.js'
import { bridgeAddresses, lentOf } from './gateways.js'
import { bridgeName, portName } from './names.js'
import { ENCAP, EXPOSE, GATEWAY, ISOLATE } from './options.js'
import type { Tunnel } from './tunnel.js'

/** Behind any other route of the same destination: it counts only while the bridge is not there. */
const LAST_METRIC = 0xffff_ff00

/** @param tunnel for hosts that are not on one layer 2; absent: there is none */
export function routed(name: string, tunnel?: Tunnel): Backend {
  const encapOf = (network: Network) => (tunnel === undefined ? 'never' : optionOf(network, ENCAP))
  const overhead = (network: Network, view: Pick<NetworkView, 'underlay'>): number =>
    encapOf(network) === 'never' ? 0 : (tunnel?.overhead(view.underlay) ?? 0)
  const isDirect = (network: Network, peer: Peer, way: Way): boolean =>
    way.dev !== undefined && canBeVia(rangeOf(peer), way) && encapOf(network) !== 'always'
  const isTunnelled = (network: Network, peer: Peer, way: Way): boolean =>
    encapOf(network) !== 'never' && !isDirect(network, peer, way)

  return {
    name,
    follows: 'blocks',
    onLink: 'block',
    takes: tunnel === undefined ? [] : [VNIS],
    options: [GATEWAY, ISOLATE, EXPOSE, ...(tunnel === undefined ? [] : [ENCAP])],
    home: () => HOST,
    portOf: portName,
    layout: inOne,

    validate(network, underlay) {
      refuseUseless(network)
      checkMtu(network, underlay, overhead(network, { underlay }))
      if (encapOf(network) === 'never') refuseFamily(untunnelled(name, tunnel), network, underlay)
    },

    parts(view) {
      const found = part(view, encapOf(view.network) === 'never' ? undefined : tunnel, overhead)
      return new Map(found === undefined ? [] : [[HOST, found]])
    },
    attach,

    reach: {
      routes: (network, peer, way) => {
        const to = rangeOf(peer)
        if (isDirect(network, peer, way)) return [directRoute(to, way)]
        return isTunnelled(network, peer, way) ? (tunnel?.routes(network, to) ?? []) : []
      },
      neighbours: (network, peer, way) =>
        isTunnelled(network, peer, way)
          ? (tunnel?.neighbours(network, rangeOf(peer), way) ?? [])
          : [],
      fdb: (network, peer, way) =>
        isTunnelled(network, peer, way) ? (tunnel?.fdb(network, way) ?? []) : [],
      // In an own block that is on the link of the containers here, which ask for it there.
      proxies: (network, peer) =>
        isBlock(peer) && isOne(peer.range)
          ? [{ dev: bridgeName(network), ip: ipOf(peer.range) }]
          : [],
    },

    hasGateway: (network) => optionOf(network, GATEWAY) === 'bridge',
    unreached: (network, way) =>
      way.dev === undefined && encapOf(network) === 'never' ? untunnelled(name, tunnel) : undefined,
  }
}

/** @throws TsoverlayError OPTION_INVALID for what could have no effect */
function refuseUseless(network: Network): void {
  if (optionOf(network, ISOLATE) === 'on' || optionOf(network, GATEWAY) === 'bridge') return
  throw invalidOption(
    '-o',
    ISOLATE.name,
    'off',
    `off together with -o ${GATEWAY.name}=bridge: by docker_gwbridge a container does not come to other networks`,
  )
}

/** The option by which hosts behind a router are not reached, and what would reach them. */
function untunnelled(name: string, tunnel: Tunnel | undefined): NoWay {
  return tunnel === undefined
    ? { option: 'backend', value: name, instead: 'backend=vxlan' }
    : { option: ENCAP.name, value: 'never', instead: `${ENCAP.name}=cross-subnet` }
}

/** @throws TsoverlayError OPTION_INVALID for IPv6 by next hops that have IPv4 alone */
function refuseFamily(
  { option, value, instead }: NoWay,
  network: Network,
  underlay: Underlay,
): void {
  const ipv6 = poolsOf(network).find((pool) => familyOf(pool) === 6)
  if (ipv6 === undefined || familyOf(underlay.vtep) === 6) return
  throw invalidOption(
    '-o',
    option,
    value,
    `with the subnet ${ipv6} where hosts have IPv6 addresses (ADVERTISE), as each is the next hop to its containers; or ${instead}`,
  )
}

function part(
  view: NetworkView,
  tunnel: Tunnel | undefined,
  overhead: (network: Network, view: NetworkView) => number,
): Part | undefined {
  const { network } = view
  const own = view.blocks.map((to): RoutePlan => ({ to, dev: '', metric: LAST_METRIC }))
  if (!view.inUse) return own.length === 0 ? undefined : { links: [], routes: own }
  const mtu = mtuOf(network, view.underlay, overhead(network, view))
  const dev = bridgeName(network)
  const bridge: BridgeLink = { kind: 'bridge', name: dev, mtu, addresses: bridgeAddresses(view) }
  const joined = view.local.filter((endpoint) => endpoint.joined)
  const tunnels = tunnel?.links(view, mtu) ?? []
  const lent = lentOf(view).map((address): RoutePlan => ({ to: rangeOfOne(ipOf(address)), dev }))
  return {
    links: [bridge, ...tunnels, ...joined.map((each) => port(each, dev, mtu))],
    routes: [...lent, ...own],
    sources: joined.map(({ id, mac, addresses }) => ({
      dev: portName(id),
      mac,
      ips: addresses.map(ipOf),
    })),
    ...(tunnel === undefined ? {} : { vnis: network.segments.map(({ vni }) => vni) }),
    domain: domain(view, dev, tunnels[0]?.name),
  }
}

function port({ id, mac }: LocalEndpoint, master: string, mtu: number): VethLink {
  return { kind: 'veth', name: portName(id), mtu, master, peer: { name: hostLinkName(id), mac } }
}

function domain(
  { network, local }: NetworkView,
  bridge: string,
  tunnel: string | undefined,
): Domain {
  return {
    bridge,
    ...(tunnel === undefined ? {} : { tunnel }),
    ranges: poolsOf(network),
    open: optionOf(network, ISOLATE) === 'off',
    exposed: optionOf(network, EXPOSE) === 'on' && !network.internal,
    masquerade: optionOf(network, GATEWAY) === 'bridge' && !network.internal,
    published: local.flatMap(({ joined, published }) => (joined ? (published ?? []) : [])),
  }
}

/** Of a container it is its first address, as peers of routed networks are blocks. */
function rangeOf(peer: Peer): Cidr {
  if (isBlock(peer)) return peer.range
  const [first] = peer.addresses
  return first === undefined ? ('' as Cidr) : rangeOfOne(ipOf(first))
}

function directRoute(to: Cidr, { vtep: via, dev = '', mtu }: Way): RoutePlan {
  return { to, via, dev, ...(mtu === undefined ? {} : { mtu }) }
}

function isOne(range: Cidr): boolean {
  return range === rangeOfOne(ipOf(range))
}

/** IPv4 behind an IPv6 next hop works (RFC 5549, RTA_VIA), the other way round does not. */
function canBeVia(range: Cidr, { vtep }: Way): boolean {
  return familyOf(range) === 4 || familyOf(vtep) === 6
}
