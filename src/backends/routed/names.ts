/** Names of kernel objects of routed networks, in the host's namespace: part of the contract. */
import { createHash } from 'node:crypto'
import { type Mac, macFromBytes } from '../../core/mac.js'
import { HOST_LINKS } from '../../core/names.js'
import type { EndpointId, HostId, Network, Segment } from '../../core/types.js'

/** The same on all hosts. */
export function bridgeName({ key }: Pick<Network, 'key'>): string {
  return `${HOST_LINKS.bridge}${key.slice(0, 10)}`
}

export function tunnelName(segment: Pick<Segment, 'vni'>): string {
  return `${HOST_LINKS.vxlan}${segment.vni}`
}

/** The end of a container's veth that is a port of the bridge. */
export function portName(endpoint: EndpointId): string {
  return `${HOST_LINKS.veth}${endpoint.slice(0, 11)}`
}

/**
 * MAC of a host's tunnel devices: made of its id, so nobody has to be told of it. Flannel keeps it in
 * the store, and once did not notice that it had changed (flannel#533).
 */
export function tunnelMac(host: HostId): Mac {
  const [first = 0, ...rest] = createHash('sha256').update(`tunnel ${host}`).digest().subarray(0, 6)
  // locally administered, unicast (IEEE 802)
  return macFromBytes(Uint8Array.from([(first & 0xfc) | 0x02, ...rest]))
}
