/** How the subnets of a network are laid out in segments: pure. */
import { familyOf, rangeOf } from '../core/ip.js'
import type { Subnet } from '../core/types.js'

/**
 * In the order of their addresses, IPv4 first, as the docker CLI sends several subnets in a random
 * one (docker/cli network/create.go keeps them in a map).
 */
function sorted(subnets: readonly Subnet[]): readonly Subnet[] {
  return [4, 6].flatMap((family) =>
    subnets
      .filter(({ pool }) => familyOf(pool) === family)
      .sort((a, b) => (rangeOf(a.pool).first < rangeOf(b.pool).first ? -1 : 1)),
  )
}

/**
 * One segment per subnet as long as a container has one address, so while all subnets are of one
 * family. In a network with both families dockerd combines any IPv4 subnet with any IPv6 subnet in
 * one container, which has one interface: then all subnets share one segment.
 */
export function byFamilies(subnets: readonly Subnet[]): readonly (readonly Subnet[])[] {
  const families = new Set(subnets.map(({ pool }) => familyOf(pool)))
  const list = sorted(subnets)
  return families.size === 1 ? list.map((one) => [one]) : [list]
}

/** All in one: what is routed has one bridge and one tunnel. */
export function inOne(subnets: readonly Subnet[]): readonly (readonly Subnet[])[] {
  return [sorted(subnets)]
}
