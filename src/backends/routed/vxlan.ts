/**
 * VXLAN as Flannel uses it: one device per network, which learns nothing and answers nobody. Per
 * other host there is a route whose gateway is the first address of that host's block, a PERMANENT
 * neighbour for the gateway and an FDB entry for the neighbour's MAC (flannel
 * pkg/backend/vxlan/vxlan_network.go).
 */
import { familyOf, rangeOfOne } from '../../core/ip.js'
import type { Network } from '../../core/types.js'
import { vxlanOverhead } from '../mtu.js'
import { firstOf } from './gateways.js'
import { tunnelMac, tunnelName } from './names.js'
import type { Tunnel } from './tunnel.js'

export const vxlan: Tunnel = {
  overhead: vxlanOverhead,

  links({ network, underlay, self, blocks }, mtu) {
    const { port, vtep: local } = underlay
    // What the host itself sends through the tunnel comes from there, so that it is answered that way.
    const addresses = [4, 6].flatMap((family) => {
      const block = blocks.find((each) => familyOf(each) === family)
      return block === undefined ? [] : [rangeOfOne(firstOf(block))]
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
    devices(network).map((dev) => ({ to, via: firstOf(to), dev, onlink: true as const })),
  neighbours: (network, to, { host }) =>
    devices(network).map((dev) => ({ dev, ip: firstOf(to), mac: tunnelMac(host) })),
  fdb: (network, { host, vtep }) =>
    devices(network).map((dev) => ({ dev, mac: tunnelMac(host), vtep })),
}

function devices({ segments }: Network): readonly string[] {
  return segments.slice(0, 1).map(tunnelName)
}
