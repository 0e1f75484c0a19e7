/** The links of one sandbox as the kernel has them, and how they compare with a plan. */
import type { Cidr } from '../../core/ip.js'
import { familyOf, ipOf } from '../../core/ip.js'
import type { LinkPlan, VxlanLink } from '../../core/plan.js'
import { isLocalOnly } from '../misses.js'
import { decodeAddress, dumpAddresses } from '../rtnl/address-codec.js'
import type { LinkState } from '../rtnl/link-codec.js'
import { decodeLink, dumpLinks } from '../rtnl/link-codec.js'
import type { Rtnl } from '../rtnl/rtnl.js'

export interface LinkSnapshot {
  readonly links: ReadonlyMap<string, LinkState>
  /** by ifindex; IPv6 link-local ones, which the kernel gives itself, are left out */
  readonly addresses: ReadonlyMap<number, readonly Cidr[]>
}

/** @throws TsoverlayError KERNEL_FAILED */
export async function readLinks(rtnl: Rtnl): Promise<LinkSnapshot> {
  const links = (await rtnl.dump(dumpLinks())).map(decodeLink)
  const addresses = new Map<number, Cidr[]>()
  for (const body of await rtnl.dump(dumpAddresses())) {
    const found = decodeAddress(body)
    if (found === undefined) continue
    const ip = ipOf(found.address)
    if (familyOf(ip) === 6 && isLocalOnly(ip)) continue
    addresses.set(found.ifindex, [...(addresses.get(found.ifindex) ?? []), found.address])
  }
  return { links: new Map(links.map((link) => [link.name, link])), addresses }
}

/** True when nothing needs to be written for `plan`. */
export function isAsPlanned(plan: LinkPlan, snapshot: LinkSnapshot): boolean {
  const have = snapshot.links.get(plan.name)
  if (have?.kind !== plan.kind || have.mtu !== plan.mtu || !have.up) return false
  if (plan.kind === 'bridge') {
    const { missing, unwanted } = addressDelta(plan.addresses, snapshot.addresses.get(have.index))
    return missing.length === 0 && unwanted.length === 0
  }
  if (snapshot.links.get(plan.master)?.index !== have.master) return false
  return plan.kind === 'veth' || (isSameVxlan(plan, have) && have.vxlan?.local === plan.local)
}

/** False when only a new device can become as planned: the kernel changes none of these. */
export function isSameVxlan(plan: VxlanLink, have: LinkState): boolean {
  const { vxlan } = have
  if (vxlan === undefined || !vxlan.answers || vxlan.local === undefined) return false
  const sameFamily = familyOf(vxlan.local) === familyOf(plan.local)
  return vxlan.vni === plan.vni && vxlan.port === plan.port && sameFamily
}

export function addressDelta(
  want: readonly Cidr[],
  have: readonly Cidr[] = [],
): { missing: readonly Cidr[]; unwanted: readonly Cidr[] } {
  return {
    missing: want.filter((address) => !have.includes(address)),
    unwanted: have.filter((address) => !want.includes(address)),
  }
}
