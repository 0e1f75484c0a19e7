/** Which layer-2 segment an endpoint belongs to. */
import { contains, ipOf } from '../../core/ip.js'
import type { Endpoint, Network } from '../../core/types.js'

/** Index of the segment that has the subnet of the endpoint's first address; 0 if none has. */
export function segmentOf(network: Network, endpoint: Endpoint): number {
  const [first] = endpoint.addresses
  // Nearly every network has one segment, and a view may hold 100,000 endpoints.
  if (first === undefined || network.segments.length === 1) return 0
  const index = network.segments.findIndex((segment) =>
    segment.subnets.some((subnet) => contains(subnet.pool, ipOf(first))),
  )
  return Math.max(index, 0)
}
