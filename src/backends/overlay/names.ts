/** Names of kernel objects in a sandbox: what operators see, so part of the contract. */
import type { DockerNetworkId, EndpointId } from '../../core/types.js'

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

/** The end that stays in the sandbox as a port of the bridge. */
export function portName(endpoint: EndpointId): string {
  return `veth${endpoint.slice(0, 7)}`
}
