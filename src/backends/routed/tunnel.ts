/** What carries packets of a routed network where a router is between two hosts. */
import type { Cidr } from '../../core/ip.js'
import type { FdbPlan, LinkPlan, NeighbourPlan, RoutePlan } from '../../core/plan.js'
import type { Network, NetworkView, Underlay, Way } from '../../core/types.js'

/** Pure. */
export interface Tunnel {
  /** Bytes that it adds to each packet. */
  overhead(underlay: Underlay): number
  links(view: NetworkView, mtu: number): readonly LinkPlan[]
  routes(network: Network, to: Cidr): readonly RoutePlan[]
  neighbours(network: Network, to: Cidr, way: Way): readonly NeighbourPlan[]
  fdb(network: Network, way: Way): readonly FdbPlan[]
}
