/**
 * VXLAN as Flannel uses it: one device per network, which learns nothing and answers nobody. Per
 * other host there is a route whose gateway is the first address of that host's block, a PERMANENT
 * neighbour for the gateway and an FDB entry for the neighbour's MAC (flannel
 * pkg/backend/vxlan/vxlan_network.go).
 */
import { familyOf, ipOf, rangeOfOne } from '../../core/ip.js'
import type { Mac } from '../../core/mac.js'
import type { Network, Way } from '../../core/types.js'
import { vxlanOverhead } from '../mtu.js'
import { tunnelMac, tunnelName } from './names.js'
import type { Tunnel } from './tunnel.js'

/** A hash each, asked for with each change and each of the kernel's notices. */
const macs = new WeakMap<Way, Mac>()

function macBy(way: Way): Mac {
  const known = macs.get(way) ?? tunnelMac(way.host)
  macs.set(way, known)
  return known
}

/** A block has no host bits: its address is its first one. */
export const vxlan: Tunnel = {
  overhead: vxlanOverhead,

  links({ network, underlay, self, blocks }, mtu) {
    const { port, vtep: local } = underlay
    // What the host itself sends through the tunnel comes from there, so that it is answered that way.
    const addresses = [4, 6].flatMap((family) => {
      const block = blocks.find((each) => familyOf(each) === family)
      return block === undefined ? [] : [rangeOfOne(ipOf(block))]
    })
    return network.segments.slice(0, 1).map(({ vni }) => ({
      kind: 'vxlan' as const,
      name: tunnelName({ vni }),
      mtu,
      vni,
      port,
      local,
      mac: tunnelMac(self),
      addresses,
    }))
  },

  routes: (network, to) =>
    devices(network).map((dev) => ({ to, via: ipOf(to), dev, onlink: true as const })),
  neighbours: (network, to, way) =>
    devices(network).map((dev) => ({ dev, ip: ipOf(to), mac: macBy(way) })),
  fdb: (network, way) => devices(network).map((dev) => ({ dev, mac: macBy(way), vtep: way.vtep })),
}

function devices({ segments }: Network): readonly string[] {
  return segments.slice(0, 1).map(tunnelName)
}
