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
import { TsoverlayError } from '../../core/errors.js'
import { familyOf, type Ip, ipOf } from '../../core/ip.js'
import { bridgeName, hostLinkName, portName, sandboxName, vxlanName } from '../../core/names.js'
import { invalidOption } from '../../core/options.js'
import type { FdbPlan, LinkPlan, NeighbourPlan, Part, SourcePlan } from '../../core/plan.js'
import type { Backend } from '../../core/ports.js'
import type { Endpoint, LocalEndpoint, NetworkView, Segment, Underlay } from '../../core/types.js'
import { segmentOf } from './segments.js'

const MTU_OPTION = 'com.docker.network.driver.mtu'
/** The least that every link must carry: RFC 791 (every host takes it) and RFC 8200 section 5. */
const SMALLEST_MTU = { 4: 576, 6: 1280 } as const

/** Outer Ethernet (14), IP (20 or 40), UDP (8) and VXLAN (8) headers: RFC 7348 section 5. */
function overhead(underlay: Underlay): number {
  return familyOf(underlay.vtep) === 4 ? 50 : 70
}

export const overlay: Backend = {
  name: 'overlay',
  overhead,

  validate(network, underlay) {
    const largest = underlay.mtu - overhead(underlay)
    const pools = network.segments.flatMap(({ subnets }) => subnets.map(({ pool }) => pool))
    const ipv6 = pools.find((pool) => familyOf(pool) === 6)
    const smallest = SMALLEST_MTU[ipv6 === undefined ? 4 : 6]
    const mtu = network.mtu ?? largest
    if (mtu >= smallest && mtu <= largest) return
    const carries = `this host's underlay carries ${underlay.mtu} bytes, of which the encapsulation takes ${overhead(underlay)}`
    if (largest < smallest) {
      throw new TsoverlayError(
        'POOL_INVALID',
        `subnet ${ipv6 ?? pools[0]} is not usable on this host: it needs an MTU of ${smallest} at least, and ${carries}`,
      )
    }
    const why = ipv6 === undefined ? '' : ', and IPv6 needs 1280'
    throw invalidOption(
      '-o',
      MTU_OPTION,
      String(mtu),
      `${smallest} to ${largest}: ${carries}${why}`,
    )
  },

  home: sandboxName,

  part(view): Part | undefined {
    const joined = view.local.filter((endpoint) => endpoint.joined)
    if (joined.length === 0) return undefined
    const mtu = view.network.mtu ?? view.underlay.mtu - overhead(view.underlay)
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
  },

  neighbours(network, peer): readonly NeighbourPlan[] {
    const dev = vxlanName(segmentOf(network, peer))
    const { mac } = peer
    return ipsOf(peer).map((ip) => ({ dev, ip, mac }))
  },

  fdb(network, peer, vtep): readonly FdbPlan[] {
    return [{ dev: vxlanName(segmentOf(network, peer)), mac: peer.mac, vtep }]
  },
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
