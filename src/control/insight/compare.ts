/** Entries as they are beside what a plan wants: pure. */
import type { EntryRow, Mark } from '../../core/admin/entries.js'
import { bitsOf, familyOf, networkOf, prefixLength } from '../../core/ip.js'
import type { FdbReading, NeighbourReading, PlaceReading, RouteReading } from '../../core/kernel.js'
import type { Mac } from '../../core/mac.js'
import type {
  FdbPlan,
  LinkPlan,
  NeighbourPlan,
  Plan,
  ProxyPlan,
  RoutePlan,
} from '../../core/plan.js'
import { Comparison } from './comparison.js'
import type { Scope } from './scope.js'

export type PlaceTable = 'neighbours' | 'fdb' | 'routes'

/**
 * All rows of a table that are the network's, in the order of the kernel; what is missing comes first.
 * @param found undefined: there is no such place
 * @param plan undefined: nothing is wanted there
 */
export function compareTable(
  table: PlaceTable,
  found: PlaceReading | undefined,
  plan: Plan | undefined,
  scope: Scope,
): readonly EntryRow[] {
  const comparison = new Comparison(scope.place, plan?.partial === true)
  switch (table) {
    case 'neighbours':
      neighbours(comparison, found, plan, scope)
      break
    case 'fdb':
      fdb(comparison, found?.fdb ?? [], plan, scope)
      break
    case 'routes':
      routes(comparison, found?.routes ?? [], plan, scope)
  }
  return comparison.rows()
}

function neighbours(
  to: Comparison,
  found: PlaceReading | undefined,
  plan: Plan | undefined,
  scope: Scope,
): void {
  for (const { dev, ip, mac } of ofScope<NeighbourPlan>(plan?.neighbours, scope)) {
    to.want({ where: dev, key: ip, value: `${mac} permanent` })
  }
  for (const { dev, ip } of ofScope<ProxyPlan>(plan?.proxies, scope)) {
    to.want({ where: dev, key: ip, value: 'proxy' })
  }
  for (const one of ofScope<NeighbourReading>(found?.neighbours, scope)) {
    const value = `${one.mac ?? 'no MAC'} ${one.state}`
    // whatever is not permanent the kernel has found out, or is about to
    const unwanted: Mark = one.state.includes('permanent') && one.planned ? 'foreign' : 'kernel'
    to.find({ where: one.dev, key: one.ip, value }, unwanted)
  }
  for (const { dev, ip } of ofScope<ProxyPlan>(found?.proxies, scope)) {
    to.find({ where: dev, key: ip, value: 'proxy' }, 'foreign')
  }
}

function fdb(
  to: Comparison,
  found: readonly FdbReading[],
  plan: Plan | undefined,
  scope: Scope,
): void {
  for (const { dev, mac, vtep } of ofScope<FdbPlan>(plan?.fdb, scope)) {
    to.want({ where: dev, key: mac, value: `to ${vtep}` })
  }
  const stations = new Map(plan?.links.flatMap(stationOf))
  for (const [mac, dev] of stations) if (scope.hasDevice(dev)) to.want(stationAt(dev, mac))
  for (const one of ofScope(found, scope)) findFdb(to, one)
}

/** One without a VTEP is of a bridge: what it has found out, or has of its ports. */
function findFdb(to: Comparison, { dev, mac, vtep, flags, planned }: FdbReading): void {
  const cell = { where: dev, key: mac }
  if (vtep === undefined) {
    const isStation = flags.includes('static') && !flags.includes('self')
    if (isStation) to.find(stationAt(dev, mac), 'kernel')
    else to.find({ ...cell, value: flags.join(' ') }, 'kernel', 'bridge')
    return
  }
  const more = planned ? '' : ` ${flags.join(' ')}, by another VNI or port`
  to.find({ ...cell, value: `to ${vtep}${more}` }, 'foreign')
}

/** The container's own MAC and the port that it is behind (dataplane/tables/stations.ts). */
function stationOf(link: LinkPlan): readonly (readonly [Mac, string])[] {
  return link.kind === 'veth' ? [[link.peer.mac, link.name]] : []
}

function stationAt(dev: string, mac: Mac) {
  return { where: dev, key: mac, value: 'behind this port' }
}

function routes(
  to: Comparison,
  found: readonly RouteReading[],
  plan: Plan | undefined,
  scope: Scope,
): void {
  const isOurs = (route: RoutePlan): boolean => scope.hasDevice(route.dev) || scope.covers(route.to)
  for (const route of [...(plan?.routes ?? [])].filter(isOurs)) {
    to.want({ where: route.dev, key: destinationText(route), value: routeText(route) })
  }
  for (const route of connected(plan, scope)) {
    to.want({ where: route.dev, key: `${route.to} connected`, value: 'connected' })
  }
  for (const route of found.filter(isOurs)) {
    const { dev, protocol, planned } = route
    if (protocol === 'kernel') {
      to.find({ where: dev, key: `${route.to} connected`, value: 'connected' }, 'kernel')
      continue
    }
    const by = planned ? '' : `, made by ${protocol}`
    to.find(
      { where: dev, key: destinationText(route), value: `${routeText(route)}${by}` },
      protocol === 'tsoverlay path' ? 'kernel' : 'foreign',
    )
  }
}

/** Those that the kernel makes for addresses of links. */
function* connected(plan: Plan | undefined, scope: Scope): Generator<RoutePlan> {
  for (const link of plan?.links ?? []) {
    if (link.kind === 'veth' || !scope.hasDevice(link.name)) continue
    for (const address of link.addresses ?? []) {
      if (prefixLength(address) === bitsOf(familyOf(address))) continue
      yield { to: networkOf(address), dev: link.name }
    }
  }
}

/** The kernel's key, as people write it. */
function destinationText({ to, metric }: RoutePlan): string {
  return metric === undefined ? to : `${to} metric ${metric}`
}

function routeText({
  dev,
  via,
  onlink,
  source,
  mtu,
  type,
}: RoutePlan & Partial<RouteReading>): string {
  if (dev === '') return type ?? 'blackhole'
  return [
    via === undefined ? 'on the link' : `via ${via}`,
    onlink ? 'onlink' : '',
    source === undefined ? '' : `src ${source}`,
    mtu === undefined ? '' : `mtu ${mtu}`,
  ]
    .filter((part) => part !== '')
    .join(' ')
}

function* ofScope<E extends { readonly dev: string }>(
  entries: Iterable<E> | undefined,
  scope: Scope,
): Generator<E> {
  for (const entry of entries ?? []) if (scope.hasDevice(entry.dev)) yield entry
}
