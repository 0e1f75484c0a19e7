/** The subnets of a network: pure. */
import type { Cidr } from './ip.js'
import type { Network } from './types.js'

/** All of them, in the order of its segments. */
export function poolsOf({ segments }: Pick<Network, 'segments'>): readonly Cidr[] {
  return segments.flatMap(({ subnets }) => subnets.map(({ pool }) => pool))
}
