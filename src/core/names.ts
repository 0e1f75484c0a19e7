/** Names of kernel objects that all backends share: what operators see, so part of the contract. */
import type { EndpointId } from './types.js'

/** The container's end, while it is in the host's namespace; at most 15 characters (IFNAMSIZ). */
export function hostLinkName(endpoint: EndpointId): string {
  return `tso${endpoint.slice(0, 12)}`
}

/**
 * How the names of our links in the host's own namespace begin, by kind: together with the kind they
 * say that a link is ours.
 */
export const HOST_LINKS = { bridge: 'tsb-', vxlan: 'tsv-', veth: 'tsp-' } as const
