/** What rules of the host's namespace are asked about: sets of bridges and of ranges, by domain. */
import type { Cidr } from '../../core/ip.js'
import { contains, familyOf, ipFromNumber, prefixLength, rangeOf } from '../../core/ip.js'
import type { Domain } from '../../core/plan.js'
import { NFPROTO } from '../nft/constants.js'
import { DESTINATION, FAMILY, IN, join, keyOf, nameBytes, OUT, rangeKeyOf } from '../nft/fields.js'
import type { SetSpec } from '../nft/ruleset.js'
import type { SetElement } from '../nft/table.js'
import { addressBytes } from '../rtnl/codec.js'

/** The same for both families of addresses. */
export type ByFamily<T> = { readonly 4: T; readonly 6: T }
export const FAMILIES = [4, 6] as const

/** A set of ranges. The family stands before each, as only keys of several fields can be ranges here. */
export function rangeSet(name: string): ByFamily<SetSpec> {
  const of = (family: 4 | 6): SetSpec => ({
    name: `${name}${family}`,
    ...rangeKeyOf(FAMILY, DESTINATION[family]),
  })
  return { 4: of(4), 6: of(6) }
}

/** A set of ranges of bridges. */
export function bridgeRangeSet(name: string): ByFamily<SetSpec> {
  const of = (family: 4 | 6): SetSpec => ({
    name: `${name}${family}`,
    ...rangeKeyOf(IN, DESTINATION[family]),
  })
  return { 4: of(4), 6: of(6) }
}

/** All addresses of all domains. */
export const RANGES = rangeSet('ranges')
/** By bridge: the addresses of its domain. */
export const OWN = bridgeRangeSet('own')
/** A bridge beside itself: what comes from it and goes to it. */
export const SAME: SetSpec = { name: 'same', ...keyOf(IN, OUT) }

/** NFPROTO_… of IPv4 or IPv6. */
export const PROTOCOL = { 4: NFPROTO.IPV4, 6: NFPROTO.IPV6 } as const

/** Ranges of domains; one that lies in another adds nothing, and the kernel takes no two that overlap. */
export function rangeElements(
  set: ByFamily<SetSpec>,
  domains: readonly Domain[],
): readonly SetElement[] {
  return outermost(domains.flatMap(({ ranges }) => ranges)).map((range) => {
    const family = familyOf(range)
    return between(set[family], Uint8Array.of(PROTOCOL[family]), range)
  })
}

export function bridgeRangeElements(domains: readonly Domain[]): readonly SetElement[] {
  return domains.flatMap(({ bridge, ranges }) =>
    outermost(ranges).map((range) => between(OWN[familyOf(range)], nameBytes(bridge), range)),
  )
}

export function sameElements(domains: readonly Domain[]): readonly SetElement[] {
  return domains.map(({ bridge }) => ({
    set: SAME.name,
    key: join(nameBytes(bridge), nameBytes(bridge)),
  }))
}

/** Bridges or other devices by name. */
export function deviceElements(set: SetSpec, devices: readonly string[]): readonly SetElement[] {
  return devices.map((dev) => ({ set: set.name, key: nameBytes(dev) }))
}

function between(set: SetSpec, first: Uint8Array, range: Cidr): SetElement {
  const family = familyOf(range)
  const ends = rangeOf(range)
  const at = (value: bigint): Buffer => join(first, addressBytes(ipFromNumber(value, family)))
  return { set: set.name, key: at(ends.first), end: at(ends.last) }
}

/** Without those that lie in another one. */
function outermost(ranges: readonly Cidr[]): readonly Cidr[] {
  const kept: Cidr[] = []
  for (const range of [...ranges].sort((a, b) => prefixLength(a) - prefixLength(b))) {
    if (!kept.some((outer) => familyOf(outer) === familyOf(range) && contains(outer, range)))
      kept.push(range)
  }
  return kept
}
