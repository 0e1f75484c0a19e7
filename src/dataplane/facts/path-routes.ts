/**
 * Routes of our own to single VTEPs, for an MTU that the path there really has. Each goes the way that
 * the host's other routes go, and is known by its protocol number.
 */
import { contains, familyOf, type Ip, ipOf, prefixLength } from '../../core/ip.js'
import { kernelFailed, refused } from '../failure.js'
import {
  addPathRoute,
  decodeRoute,
  deletePathRoute,
  dumpRoutes,
  getRoute,
  type RouteState,
} from '../rtnl/address-codec.js'
import { RT_TABLE_MAIN, RTNH_F_UNUSABLE, RTPROT_PATHS } from '../rtnl/constants.js'
import type { Rtnl, RtnlMessage } from '../rtnl/rtnl.js'

const NO_FAMILY = ['EAFNOSUPPORT', 'EOPNOTSUPP']

/** As Dataplane.pathMtus. */
export async function listPathMtus(rtnl: Rtnl): Promise<ReadonlyMap<Ip, number>> {
  const routes = [...(await mainRoutes(rtnl, 4)), ...(await mainRoutes(rtnl, 6))]
  return new Map(routes.flatMap((route) => (isOurs(route) ? pairOf(route) : [])))
}

/** As Dataplane.setPathMtu. */
export async function setPathMtu(rtnl: Rtnl, vtep: Ip, mtu: number | undefined): Promise<void> {
  const routes = await mainRoutes(rtnl, familyOf(vtep))
  const ours = routes.find((route) => isOurs(route) && isTo(route, vtep))
  const others = routes.filter((route) => !isOurs(route))
  const way = mtu === undefined ? undefined : bestOf(others, vtep)
  if (ours !== undefined) {
    if (way !== undefined && ours.mtu === mtu && isSameWay(ours, way)) return
    await write(rtnl, vtep, deletePathRoute(vtep), ['ESRCH'])
  }
  if (mtu === undefined || way === undefined) return
  if (isTo(way, vtep)) throw failed(vtep, `somebody else’s route to it stays as it is`, mtu)
  if (way.isManyfold) throw failed(vtep, 'its route has more than one next hop', mtu)
  await write(rtnl, vtep, addPathRoute({ ...way, to: vtep, mtu }), [])
  await verify(rtnl, vtep, mtu)
}

/** Rules (ip-rule(8)) may lead elsewhere than to the main table. */
async function verify(rtnl: Rtnl, vtep: Ip, mtu: number): Promise<void> {
  const body = await rtnl.get(getRoute(vtep), [])
  const inForce = body && decodeRoute(body).mtu
  if (inForce !== undefined && inForce <= mtu) return
  await write(rtnl, vtep, deletePathRoute(vtep), ['ESRCH'])
  throw failed(vtep, 'packets to it do not go by the main table', mtu)
}

function failed(vtep: Ip, reason: string, mtu: number): Error {
  return kernelFailed(`MTU of the path to ${vtep}`, `${reason}: give that one "mtu ${mtu}"`)
}

async function write(
  rtnl: Rtnl,
  vtep: Ip,
  message: RtnlMessage,
  absent: readonly string[],
): Promise<void> {
  const [outcome] = await rtnl.write([message])
  if (outcome !== undefined && !absent.includes(outcome))
    throw refused(`MTU of the path to ${vtep}`, outcome)
}

async function mainRoutes(rtnl: Rtnl, family: 4 | 6): Promise<readonly RouteState[]> {
  const routes = (await rtnl.dump(dumpRoutes(family), NO_FAMILY)).map(decodeRoute)
  return routes.filter(({ table, unicast }) => table === RT_TABLE_MAIN && unicast)
}

/** The one that the kernel takes: the longest prefix, then the lowest metric. */
function bestOf(routes: readonly RouteState[], vtep: Ip): RouteState | undefined {
  return routes
    .filter(({ flags }) => (flags & RTNH_F_UNUSABLE) === 0)
    .filter((route) => leadsTo(route, vtep))
    .sort((a, b) => lengthOf(b) - lengthOf(a) || a.metric - b.metric)[0]
}

function leadsTo({ destination }: RouteState, vtep: Ip): boolean {
  return destination === undefined || contains(destination, vtep)
}

function lengthOf({ destination }: RouteState): number {
  return destination === undefined ? 0 : prefixLength(destination)
}

function isSameWay(a: RouteState, b: RouteState): boolean {
  return a.ifindex === b.ifindex && a.gateway === b.gateway && a.source === b.source
}

function isOurs({ protocol }: RouteState): boolean {
  return protocol === RTPROT_PATHS
}

function isTo({ destination }: RouteState, vtep: Ip): boolean {
  if (destination === undefined || ipOf(destination) !== vtep) return false
  return prefixLength(destination) === (familyOf(vtep) === 4 ? 32 : 128)
}

function pairOf({ destination, mtu }: RouteState): readonly (readonly [Ip, number])[] {
  return destination === undefined || mtu === undefined ? [] : [[ipOf(destination), mtu]]
}
