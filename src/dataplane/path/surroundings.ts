/** One namespace as it matters for some addresses, read at once; see PathFacts.surroundings. */
import { contains, type Ip, prefixLength } from '../../core/ip.js'
import type { Asked, RouteFact, Surroundings } from '../../core/path-facts.js'
import { readFdb, readNeighbours, readRoutes } from '../readings/entries.js'
import { readLinks } from '../readings/links.js'
import { decodeRoute, getRoute } from '../rtnl/address-codec.js'
import { RTN } from '../rtnl/constants.js'
import type { Rtnl } from '../rtnl/rtnl.js'

/** No route, or no such family; IPv4's blackhole, prohibit and unreachable routes say so by an error. */
const NO_ROUTE = [
  ...['ENETUNREACH', 'EHOSTUNREACH', 'EINVAL', 'EACCES', 'ENODEV'],
  ...['EOPNOTSUPP', 'EAFNOSUPPORT'],
]
const KINDS: Readonly<Record<number, RouteFact['kind']>> = {
  [RTN.UNICAST]: 'unicast',
  [RTN.LOCAL]: 'local',
}

type Names = ReadonlyMap<number, string>

/**
 * @param rtnl socket in the namespace
 * @throws TsoverlayError KERNEL_FAILED
 */
export async function readSurroundings(rtnl: Rtnl, { ips, macs }: Asked): Promise<Surroundings> {
  const { links } = await readLinks(rtnl)
  const names: Names = new Map(links.map(({ index, name }) => [index, name]))
  const routes: RouteFact[] = []
  for (const ip of ips) routes.push(await routeTo(rtnl, ip, names))
  const near = new Set([...ips, ...routes.flatMap(({ via }) => via ?? [])])
  const asked = new Set(macs)
  const neighbours = await readNeighbours(rtnl, names)
  const fdb = asked.size === 0 ? [] : await readFdb(rtnl, names)
  const table = await readRoutes(rtnl, names)
  return {
    links,
    routes,
    neighbours: neighbours.filter(({ ip }) => near.has(ip)),
    fdb: fdb.filter(({ mac }) => asked.has(mac)),
    table: table
      .filter(({ to }) => ips.some((ip) => contains(to, ip)))
      .sort((a, b) => prefixLength(b.to) - prefixLength(a.to) || metric(a) - metric(b)),
  }
}

const metric = (route: { readonly metric?: number }): number => route.metric ?? 0

async function routeTo(rtnl: Rtnl, to: Ip, names: Names): Promise<RouteFact> {
  const body = await rtnl.get(getRoute(to), NO_ROUTE)
  const route = body && decodeRoute(body)
  if (route === undefined) return { to, kind: 'none', dev: '' }
  const { ifindex, gateway: via, source, mtu, type } = route
  return {
    ...{ to, kind: KINDS[type] ?? 'none', dev: names.get(ifindex) ?? '' },
    ...(via === undefined ? {} : { via }),
    ...(source === undefined ? {} : { source }),
    ...(mtu === undefined ? {} : { mtu }),
  }
}
