/** The host's own addresses and routes: which of them peers reach us at, and what is taken. */
import { TsoverlayError } from '../../core/errors.js'
import type { Cidr, Ip } from '../../core/ip.js'
import {
  contains,
  familyOf,
  ipOf,
  networkOf,
  parseCidr,
  parseIp,
  prefixLength,
} from '../../core/ip.js'
import type { HostRoute } from '../../core/ports.js'
import type { Underlay } from '../../core/types.js'
import { isHostLink } from '../places/marks.js'
import {
  decodeAddress,
  decodeRoute,
  dumpAddresses,
  dumpRoutes,
  getRoute,
  type RouteState,
} from '../rtnl/address-codec.js'
import {
  IFA_F,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTPROT_PATHS,
  RTPROT_ROUTES,
} from '../rtnl/constants.js'
import type { LinkState } from '../rtnl/link-codec.js'
import { decodeLink, dumpLinks } from '../rtnl/link-codec.js'
import type { Rtnl } from '../rtnl/rtnl.js'
import { isLocalOnly } from './misses.js'

interface HostAddress {
  readonly ip: Ip
  readonly subnet: Cidr
  readonly dev: string
  readonly ifindex: number
  readonly mtu: number
  readonly loopback: boolean
}

interface DefaultRoute {
  readonly source: Ip
  readonly ifindex: number
  readonly mtu?: number
}

/**
 * Documentation prefixes (RFC 5737, 3849, 9637): asking the kernel for the route to an address in
 * one finds the default route, without sending anything, unless the host uses that very prefix.
 */
const NOWHERE = [
  ['192.0.2.1', '198.51.100.1', '203.0.113.1'],
  ['2001:db8::1', '3fff::1'],
] as const
/** A family without a default route, or without support in the kernel. */
const NO_ROUTE = ['ENETUNREACH', 'EHOSTUNREACH', 'EINVAL', 'EACCES', 'EOPNOTSUPP', 'EAFNOSUPPORT']
/** When nothing says more: what an address on lo with no default route gets (RFC 894). */
const ETHERNET_MTU = 1500

/**
 * Selects the VTEP; see Dataplane.underlay.
 * @param rtnl socket in the host's namespace
 * @throws TsoverlayError UNDERLAY_UNKNOWN, KERNEL_FAILED
 */
export async function findUnderlay(rtnl: Rtnl, advertise: string): Promise<Omit<Underlay, 'port'>> {
  // an address of a network of ours is none that peers could send to
  const hosts = (await listLinks(rtnl)).filter((link) => !isHostLink(link))
  const links = new Map(hosts.map((link) => [link.index, link]))
  const addresses = await hostAddresses(rtnl, links)
  const route = await defaultRoute(rtnl)
  const found = select(advertise, addresses, route)
  if (found === undefined) throw unknown(advertise, addresses)
  const { ip: vtep, dev, subnet } = found
  const link = found.loopback ? {} : { link: { dev, subnet } }
  if (route !== undefined && isReachedOver(route, found)) {
    const mtu = route.mtu ?? links.get(route.ifindex)?.mtu ?? ETHERNET_MTU
    return { vtep, mtu, ...link }
  }
  return { vtep, mtu: found.loopback ? ETHERNET_MTU : found.mtu, ...link }
}

/** Whether packets to peers leave by the default route rather than by the address's own device. */
function isReachedOver(route: DefaultRoute, address: HostAddress): boolean {
  return address.loopback || route.ifindex === address.ifindex || route.source === address.ip
}

function select(
  advertise: string,
  addresses: readonly HostAddress[],
  route: DefaultRoute | undefined,
): HostAddress | undefined {
  if (advertise === '') return addresses.find(({ ip }) => ip === route?.source)
  const ip = parseIp(advertise)
  if (ip !== undefined) return addresses.find((address) => address.ip === ip)
  const cidr = parseCidr(advertise)
  if (cidr !== undefined) return addresses.find((address) => contains(networkOf(cidr), address.ip))
  const onDevice = addresses.filter(({ dev }) => dev === advertise)
  return onDevice.find((address) => familyOf(address.ip) === 4) ?? onDevice[0]
}

function unknown(advertise: string, addresses: readonly HostAddress[]): TsoverlayError {
  const has = addresses.map(({ ip, dev }) => `${ip} (${dev})`).join(', ') || 'none'
  const why =
    advertise === ''
      ? 'selects the source address of the default route, and this host has no such route'
      : 'is no address, interface or subnet of this host'
  return new TsoverlayError(
    'UNDERLAY_UNKNOWN',
    `setting ADVERTISE="${advertise}" ${why}; its addresses are: ${has}`,
  )
}

/** Addresses that peers could send to: of global scope, and lasting. */
async function hostAddresses(
  rtnl: Rtnl,
  links: ReadonlyMap<number, LinkState>,
): Promise<readonly HostAddress[]> {
  const found: HostAddress[] = []
  for (const body of await rtnl.dump(dumpAddresses())) {
    const state = decodeAddress(body)
    const link = state && links.get(state.ifindex)
    if (state === undefined || link === undefined || !isUsable(state)) continue
    const { name: dev, index: ifindex, mtu, loopback } = link
    found.push({
      ip: ipOf(state.address),
      subnet: networkOf(state.address),
      dev,
      ifindex,
      mtu,
      loopback,
    })
  }
  return found
}

function isUsable(state: { address: Cidr; scope: number; flags: number }): boolean {
  if (state.scope !== RT_SCOPE_UNIVERSE) return false
  // for IPv4 the bit of TEMPORARY means "secondary", which is as good as any
  const passing = IFA_F.TEMPORARY | IFA_F.DEPRECATED | IFA_F.TENTATIVE
  return familyOf(state.address) === 4 || (state.flags & passing) === 0
}

/** Of IPv4 if there is one, else of IPv6. */
async function defaultRoute(rtnl: Rtnl): Promise<DefaultRoute | undefined> {
  const routes = await listRoutes(rtnl)
  for (const candidates of NOWHERE) {
    const addresses = candidates.map(parseIp).filter((ip) => ip !== undefined)
    const nowhere = addresses.find((ip) => !routes.some((route) => contains(route, ip)))
    const body = nowhere && (await rtnl.get(getRoute(nowhere), NO_ROUTE))
    const route = body && decodeRoute(body)
    if (route?.source === undefined) continue
    const mtu = route.mtu === undefined ? {} : { mtu: route.mtu }
    return { source: route.source, ifindex: route.ifindex, ...mtu }
  }
  return undefined
}

/** Destinations of the routes of hostRoutes. @throws TsoverlayError KERNEL_FAILED */
export async function listRoutes(rtnl: Rtnl): Promise<readonly Cidr[]> {
  return [...(await mainRoutes(rtnl, await listLinks(rtnl))).keys()]
}

/** As Dataplane.hostRoutes. @throws TsoverlayError KERNEL_FAILED */
export async function listHostRoutes(rtnl: Rtnl): Promise<readonly HostRoute[]> {
  const links = await listLinks(rtnl)
  const routes = await mainRoutes(rtnl, links)
  const names = new Map(links.map(({ index, name }) => [index, name]))
  return [...routes].map(([destination, ifindex]) => ({
    destination,
    dev: names.get(ifindex) ?? '',
  }))
}

async function listLinks(rtnl: Rtnl): Promise<readonly LinkState[]> {
  return (await rtnl.dump(dumpLinks())).map(decodeLink)
}

/**
 * The main table's unicast routes with their devices, without default, link-local and multicast ones
 * and without those of our links.
 */
async function mainRoutes(
  rtnl: Rtnl,
  links: readonly LinkState[],
): Promise<ReadonlyMap<Cidr, number>> {
  const ours = new Set(links.filter(isHostLink).map(({ index }) => index))
  const found = new Map<Cidr, number>()
  for (const family of [4, 6] as const) {
    for (const body of await rtnl.dump(dumpRoutes(family), NO_ROUTE)) {
      const route = decodeRoute(body)
      const { destination, ifindex } = route
      if (destination === undefined || ours.has(ifindex)) continue
      if (isOfHost(route) && !isLocalOnly(destination)) found.set(destination, ifindex)
    }
  }
  return found
}

/** Not one of ours, see rtnl/constants.ts. */
function isOfHost({ destination, table, unicast, protocol }: RouteState): boolean {
  const isOurs = protocol === RTPROT_PATHS || protocol === RTPROT_ROUTES
  const isOrdinary = table === RT_TABLE_MAIN && unicast && !isOurs
  return isOrdinary && destination !== undefined && prefixLength(destination) > 0
}
