/** The links of one place as the kernel has them, and how they compare with a plan. */
import type { Cidr } from '../../core/ip.js'
import { familyOf, ipOf, networkOf, prefixLength } from '../../core/ip.js'
import type { LinkPlan, VethLink, VxlanLink } from '../../core/plan.js'
import { isLocalOnly } from '../facts/misses.js'
import { decodeAddress, decodeRoute, dumpAddresses } from '../rtnl/address-codec.js'
import { RT_TABLE_MAIN, RTPROT_KERNEL } from '../rtnl/constants.js'
import type { LinkState, PortState } from '../rtnl/link-codec.js'
import { decodeLink, dumpLinks, getLink } from '../rtnl/link-codec.js'
import { dumpRoutesOf } from '../rtnl/route-codec.js'
import type { Rtnl } from '../rtnl/rtnl.js'

/** A kernel without the family. */
const NO_FAMILY = ['EOPNOTSUPP', 'EAFNOSUPPORT', 'EINVAL']

export interface LinkSnapshot {
  readonly links: ReadonlyMap<string, LinkState>
  /** by ifindex; IPv6 link-local ones, which the kernel gives itself, are left out */
  readonly addresses: ReadonlyMap<number, readonly Cidr[]>
  /** connected routes of the main table, as `<ifindex> <destination>` */
  readonly routes: ReadonlySet<string>
}

/** Sockets in the place. */
export interface Readers {
  readonly rtnl: Rtnl
  /** its dumps of routes are only what was asked for, where the kernel can do that */
  readonly lists: Rtnl
}

/** @throws TsoverlayError KERNEL_FAILED */
export async function readLinks(readers: Readers): Promise<LinkSnapshot> {
  const links = await listLinks(readers.rtnl)
  return { links: byName(links), ...(await readAddresses(readers)) }
}

/**
 * Links by name, with addresses and routes only where a plan of one has any.
 * @param plans to be looked at, with the bridges that they are ports of
 * @param others names of further ones
 * @throws TsoverlayError KERNEL_FAILED
 */
export async function readSome(
  readers: Readers,
  plans: readonly LinkPlan[],
  others: readonly string[],
): Promise<LinkSnapshot> {
  const masters = plans.flatMap((plan) => (plan.kind === 'bridge' ? [] : (plan.master ?? [])))
  const names = new Set([...plans.map(({ name }) => name), ...masters, ...others])
  const links: LinkState[] = []
  for (const name of names) {
    const body = await readers.rtnl.get(getLink({ name }), ['ENODEV'])
    if (body !== undefined) links.push(decodeLink(body))
  }
  const isOfLinks = plans.every((plan) => addressesOf(plan) === undefined)
  const rest = isOfLinks
    ? { addresses: new Map(), routes: new Set<string>() }
    : await readAddresses(readers)
  return { links: byName(links), ...rest }
}

function byName(links: readonly LinkState[]): ReadonlyMap<string, LinkState> {
  return new Map(links.map((link) => [link.name, link]))
}

async function readAddresses({
  rtnl,
  lists,
}: Readers): Promise<Pick<LinkSnapshot, 'addresses' | 'routes'>> {
  const addresses = new Map<number, Cidr[]>()
  for (const body of await rtnl.dump(dumpAddresses())) {
    const found = decodeAddress(body)
    if (found === undefined) continue
    const ip = ipOf(found.address)
    if (familyOf(ip) === 6 && isLocalOnly(ip)) continue
    addresses.set(found.ifindex, [...(addresses.get(found.ifindex) ?? []), found.address])
  }
  return { addresses, routes: await readRoutes(lists) }
}

/**
 * The links alone, without addresses and routes.
 * @throws TsoverlayError KERNEL_FAILED
 */
export async function listLinks(rtnl: Rtnl): Promise<readonly LinkState[]> {
  return (await rtnl.dump(dumpLinks())).map(decodeLink)
}

async function readRoutes(lists: Rtnl): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for (const family of [4, 6] as const) {
    for (const body of await lists.dump(dumpRoutesOf(RTPROT_KERNEL, family), NO_FAMILY)) {
      const { destination, ifindex, table, unicast } = decodeRoute(body)
      if (destination === undefined || table !== RT_TABLE_MAIN || !unicast) continue
      found.add(routeKey(ifindex, destination))
    }
  }
  return found
}

/** How `LinkSnapshot.routes` names a route. */
export function routeKey(ifindex: number, destination: Cidr): string {
  return `${ifindex} ${destination}`
}

/** Those of a link's addresses whose connected route somebody deleted. */
export function unrouted(
  addresses: readonly Cidr[],
  ifindex: number,
  { routes }: LinkSnapshot,
): readonly Cidr[] {
  const hasRoute = (address: Cidr): boolean =>
    prefixLength(address) < (familyOf(address) === 4 ? 32 : 128)
  return addresses.filter(
    (address) => hasRoute(address) && !routes.has(routeKey(ifindex, networkOf(address))),
  )
}

/** True when nothing needs to be written for `plan`. */
export function isAsPlanned(plan: LinkPlan, snapshot: LinkSnapshot): boolean {
  const have = snapshot.links.get(plan.name)
  const masterOf = (name: string): number | undefined => snapshot.links.get(name)?.index
  if (have === undefined || !isLinkAsPlanned(plan, have, masterOf)) return false
  const addresses = addressesOf(plan)
  if (addresses === undefined) return true
  const { missing, unwanted } = addressDelta(addresses, snapshot.addresses.get(have.index))
  if (missing.length > 0 || unwanted.length > 0) return false
  return unrouted(addresses, have.index, snapshot).length === 0
}

/** Those of a link by its plan; undefined for a port, whose addresses are nobody's business. */
export function addressesOf(plan: LinkPlan): readonly Cidr[] | undefined {
  if (plan.kind === 'bridge') return plan.addresses
  return plan.kind === 'vxlan' ? plan.addresses : undefined
}

/**
 * The same for the link alone, without addresses.
 * @param masterOf ifindex of a bridge
 */
export function isLinkAsPlanned(
  plan: LinkPlan,
  have: LinkState,
  masterOf: (bridge: string) => number | undefined,
): boolean {
  if (have.kind !== plan.kind || have.mtu !== plan.mtu || !have.up) return false
  if (plan.kind === 'bridge') return true
  const master = plan.master === undefined ? 0 : masterOf(plan.master)
  if (master !== have.master || !isPortAsPlanned(plan, have.port)) return false
  return plan.kind === 'veth' || isVxlanAsPlanned(plan, have)
}

function isVxlanAsPlanned(plan: VxlanLink, have: LinkState): boolean {
  if (plan.mac !== undefined && have.mac !== plan.mac) return false
  return isSameVxlan(plan, have) && have.vxlan?.local === plan.local
}

/** How a bridge is to treat a port: what it does not know is behind a vxlan device, or nowhere. */
export function portOf({ kind, learns: may }: VxlanLink | VethLink): PortState {
  const learns = may === true
  return { learns, floods: learns || kind === 'vxlan' }
}

/** True of what is no port. */
export function isPortAsPlanned(plan: LinkPlan, have: PortState | undefined): boolean {
  if (plan.kind === 'bridge' || plan.master === undefined) return true
  const { learns, floods } = portOf(plan)
  return have?.learns === learns && have.floods === floods
}

/** False when only a new device can become as planned: the kernel changes none of these. */
export function isSameVxlan(plan: VxlanLink, have: LinkState): boolean {
  const { vxlan } = have
  const manner = plan.master === undefined ? 'silent' : 'answers'
  if (vxlan === undefined || vxlan.manner !== manner || vxlan.local === undefined) return false
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
