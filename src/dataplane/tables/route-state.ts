/** Routes as the kernel has them, beside those of plans. */
import { type RoutePlan, routeKey } from '../../core/plan.js'
import type { RouteState } from '../rtnl/address-codec.js'
import { decodeRoute, dumpRoutes } from '../rtnl/address-codec.js'
import {
  RT_TABLE_MAIN,
  RTM_F_CLONED,
  RTN,
  RTNH_F_ONLINK,
  RTPROT_ROUTES,
} from '../rtnl/constants.js'
import { dumpRoutesOf, planMetric } from '../rtnl/route-codec.js'
import type { Rtnl } from '../rtnl/rtnl.js'
import type { Scope } from './kernel-table.js'
import type { RouteDevices } from './route-devices.js'

/** `altered` does other things than a planned one, too. */
export interface FoundRoute extends RoutePlan {
  readonly altered?: boolean
}

/** A kernel without the family, or without any route in the table. */
const NONE = ['EOPNOTSUPP', 'EAFNOSUPPORT', 'EINVAL', 'ENOENT']

export function isSameRoute(a: FoundRoute, b: FoundRoute): boolean {
  return (
    a.via === b.via &&
    a.source === b.source &&
    a.mtu === b.mtu &&
    (a.onlink ?? false) === (b.onlink ?? false) &&
    (a.altered ?? false) === (b.altered ?? false)
  )
}

export function isInMain({ table, flags }: RouteState): boolean {
  return table === RT_TABLE_MAIN && (flags & RTM_F_CLONED) === 0
}

/**
 * A route as a plan would say it; undefined for a default route, of which plans have none.
 * @param dev name of its device
 */
export function planOf(route: RouteState, dev: string): FoundRoute | undefined {
  const { destination, gateway, source, type, mtu } = route
  if (destination === undefined) return undefined
  const isPlain = type === RTN.UNICAST || type === RTN.BLACKHOLE
  const metric = planMetric(route)
  return {
    to: destination,
    dev: type === RTN.UNICAST ? dev : '',
    ...(gateway === undefined ? {} : { via: gateway }),
    ...((route.flags & RTNH_F_ONLINK) === 0 ? {} : { onlink: true as const }),
    ...(source === undefined ? {} : { source }),
    ...(metric === 0 ? {} : { metric }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(isPlain ? {} : { altered: true }),
  }
}

/** By device and key. @throws TsoverlayError KERNEL_FAILED */
export async function listOurs(
  { rtnl, lists }: Scope,
  devices: RouteDevices,
): Promise<ReadonlyMap<string, ReadonlyMap<string, FoundRoute>>> {
  const found = new Map<string, Map<string, FoundRoute>>()
  for (const family of [4, 6] as const) {
    const bodies = await lists.dump(dumpRoutesOf(RTPROT_ROUTES, family), NONE)
    const ours = bodies.map(decodeRoute).filter((route) => route.protocol === RTPROT_ROUTES)
    for (const state of ours.filter(isInMain)) {
      const route = planOf(state, await devices.nameOf(rtnl, state.ifindex))
      if (route === undefined) continue
      const keys = found.get(route.dev) ?? new Map<string, FoundRoute>()
      found.set(route.dev, keys.set(routeKey(route), route))
    }
  }
  return found
}

/** Routes of others in the main table, by key. @throws TsoverlayError KERNEL_FAILED */
export async function listForeign(rtnl: Rtnl): Promise<ReadonlyMap<string, RouteState>> {
  const found = new Map<string, RouteState>()
  for (const family of [4, 6] as const) {
    for (const state of (await rtnl.dump(dumpRoutes(family), NONE)).map(decodeRoute)) {
      const route = isInMain(state) && state.protocol !== RTPROT_ROUTES && planOf(state, '')
      if (route) found.set(routeKey(route), state)
    }
  }
  return found
}
