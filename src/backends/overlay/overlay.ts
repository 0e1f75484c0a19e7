/**
 * VXLAN overlay: per segment of a network one bridge and one vxlan device in a namespace of its own.
 *
 * A container at 10.20.0.5 pings 10.20.0.7 on another host. Its ARP request reaches br0 through its
 * veth and is flooded to vxlan0, which answers it from its own neighbour table (`proxy`), as every
 * remote endpoint stands there. The echo request then goes to vxlan0 by MAC; its FDB says behind
 * which VTEP that MAC is, and the packet leaves in UDP through the host's namespace, where vxlan0's
 * socket lives. Nothing is learned and nothing is flooded to other hosts: what the store does not
 * know does not exist (docs/design/dataplane.md says why). br0 itself knows the MACs of its
 * containers from the plan, and all else is behind vxlan0; only without source check, where other
 * MACs may be behind a port, it learns.
 */
import { type Ip, ipOf } from '../../core/ip.js'
import { hostLinkName } from '../../core/names.js'
import type { LinkPlan, NeighbourPlan, Part, SourcePlan } from '../../core/plan.js'
import { HOST } from '../../core/plan.js'
import type { Backend } from '../../core/ports.js'
import {
  type Endpoint,
  isBlock,
  type LocalEndpoint,
  type NetworkView,
  type Segment,
  type Underlay,
} from '../../core/types.js'
import { byFamilies } from '../layouts.js'
import { checkMtu, mtuOf, vxlanOverhead } from '../mtu.js'
import { FLOATING, SOURCE_CHECK, VNIS } from '../options.js'
import { bridgeName, portName, sandboxName, vxlanName } from './names.js'
import { routesTo } from './routes.js'
import { segmentOf } from './segments.js'

export const overlay: Backend = {
  name: 'overlay',
  follows: 'endpoints',
  onLink: 'pool',
  takes: [SOURCE_CHECK, FLOATING, VNIS],
  options: [],
  home: sandboxName,
  portOf: portName,
  layout: byFamilies,
  validate: (network, underlay) => checkMtu(network, underlay, vxlanOverhead(underlay)),

  parts(view) {
    const joined = view.local.filter((endpoint) => endpoint.joined)
    const vnis = view.network.segments.map(({ vni }) => vni)
    const strangers: Part = { links: [], vnis }
    if (joined.length === 0) return new Map(view.inUse ? [[HOST, strangers]] : [])
    return new Map([
      [HOST, strangers],
      [sandboxName(view.dockerNetwork), sandbox(view, joined)],
    ])
  },

  attach: ({ network }, endpoint) => ({ routes: routesTo(network, endpoint) }),

  reach: {
    neighbours(network, peer) {
      if (isBlock(peer)) return []
      const dev = vxlanName(segmentOf(network, peer))
      const { mac } = peer
      return ipsOf(peer).map((ip) => ({ dev, ip, mac }))
    },
    fdb(network, peer, { vtep }) {
      return isBlock(peer)
        ? []
        : [{ dev: vxlanName(segmentOf(network, peer)), mac: peer.mac, vtep }]
    },
  },
}

function sandbox(view: NetworkView, joined: readonly LocalEndpoint[]): Part {
  const mtu = mtuOf(view.network, view.underlay, vxlanOverhead(view.underlay))
  const checked = view.network.sourceCheck !== false
  const floating = view.network.floating ?? []
  const ports = [
    ...view.network.segments.flatMap((segment, index) =>
      segmentLinks(segment, index, mtu, view.underlay),
    ),
    ...joined.map((endpoint) => port(endpoint, view, mtu)),
  ]
  const links = ports.map((link) =>
    checked || link.kind === 'bridge' ? link : { ...link, learns: true as const },
  )
  return {
    links,
    residents: joined.flatMap((endpoint) => resident(endpoint, view)),
    ...(checked ? { sources: joined.map(source) } : {}),
    ...(floating.length === 0 ? {} : { floating }),
  }
}

function segmentLinks(
  segment: Segment,
  index: number,
  mtu: number,
  underlay: Underlay,
): LinkPlan[] {
  const addresses = segment.subnets.flatMap((subnet) => subnet.gateway ?? [])
  const master = bridgeName(index)
  return [
    { kind: 'bridge', name: master, mtu, addresses },
    {
      kind: 'vxlan',
      name: vxlanName(index),
      mtu,
      vni: segment.vni,
      port: underlay.port,
      local: underlay.vtep,
      master,
    },
  ]
}

function port(endpoint: Endpoint, view: NetworkView, mtu: number): LinkPlan {
  return {
    kind: 'veth',
    name: portName(endpoint.id),
    mtu,
    master: bridgeName(segmentOf(view.network, endpoint)),
    peer: { name: hostLinkName(endpoint.id), mac: endpoint.mac },
  }
}

function resident(endpoint: LocalEndpoint, { network }: NetworkView): NeighbourPlan[] {
  const dev = bridgeName(segmentOf(network, endpoint))
  return ipsOf(endpoint).map((ip) => ({ dev, ip, mac: endpoint.mac }))
}

function source(endpoint: LocalEndpoint): SourcePlan {
  return { dev: portName(endpoint.id), mac: endpoint.mac, ips: ipsOf(endpoint) }
}

/** Those that it was given, and those that it has announced. */
function ipsOf({ addresses, floating }: Endpoint): readonly Ip[] {
  const given = addresses.map(ipOf)
  return floating === undefined ? given : [...given, ...floating.map(({ ip }) => ip)]
}
