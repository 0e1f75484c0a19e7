/** Names of kernel objects: what operators see, so part of the contract. */
import type { DockerNetworkId, EndpointId } from './types.js'

/** As Docker's own overlay calls them: `1-` and ten characters of the NetworkID. */
export function sandboxName(network: DockerNetworkId): string {
  return `1-${network.slice(0, 10)}`
}

export function bridgeName(segment: number): string {
  return `br${segment}`
}

export function vxlanName(segment: number): string {
  // asked for with each of 100,000 entries, and looked up by: it should be one text
  return segment === 0 ? 'vxlan0' : `vxlan${segment}`
}

/** How the names of ports begin. */
export const PORTS = 'veth'

/** The end that stays in the sandbox as a port of the bridge. */
export function portName(endpoint: EndpointId): string {
  return `${PORTS}${endpoint.slice(0, 7)}`
}

/** The container's end, while it is in the host's namespace; at most 15 characters (IFNAMSIZ). */
export function hostLinkName(endpoint: EndpointId): string {
  return `tso${endpoint.slice(0, 12)}`
}

/**
 * How the names of our links in the host's own namespace begin, by kind: together with the kind they
 * say that a link is ours.
 */
export const HOST_LINKS = { bridge: 'tsb-', vxlan: 'tsv-', veth: 'tsp-' } as const
