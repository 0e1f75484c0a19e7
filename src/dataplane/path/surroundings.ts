/** One namespace as it matters for some addresses, read at once; see PathFacts.surroundings. */
import { contains, familyOf, type Ip, prefixLength } from '../../core/ip.js'
import type {
  Asked,
  ForwardingFact,
  LinkFact,
  NeighbourFact,
  RouteFact,
  Surroundings,
  TableRouteFact,
} from '../../core/path-facts.js'
import {
  decodeAddress,
  decodeRoute,
  dumpAddresses,
  dumpRoutes,
  getRoute,
} from '../rtnl/address-codec.js'
import { parseAttributes, readText } from '../rtnl/codec.js'
import {
  IFF,
  IFLA,
  IFLA_BRPORT,
  IFLA_INFO,
  NUD,
  RT_TABLE_MAIN,
  RTN,
  RTPROT_ROUTES,
} from '../rtnl/constants.js'
import { decodeLink, dumpLinks, type LinkState } from '../rtnl/link-codec.js'
import { decodeNeighbour, dumpFdb, dumpNeighbours } from '../rtnl/neighbour-codec.js'
import type { Rtnl } from '../rtnl/rtnl.js'

const IFINFOMSG = 16
/** linux/if_bridge.h */
const BR_STATE_FORWARDING = 3
/** No route, or no such family; IPv4's blackhole, prohibit and unreachable routes say so by an error. */
const NO_ROUTE = [
  ...['ENETUNREACH', 'EHOSTUNREACH', 'EINVAL', 'EACCES', 'ENODEV'],
  ...['EOPNOTSUPP', 'EAFNOSUPPORT'],
]
const KINDS: Readonly<Record<number, RouteFact['kind']>> = {
  [RTN.UNICAST]: 'unicast',
  [RTN.LOCAL]: 'local',
}
const NO_FAMILY = ['EAFNOSUPPORT', 'EOPNOTSUPP']

interface FoundLink {
  readonly state: LinkState
  readonly fact: Omit<LinkFact, 'master' | 'addresses'>
}

/**
 * @param rtnl socket in the namespace
 * @throws TsoverlayError KERNEL_FAILED
 */
export async function readSurroundings(rtnl: Rtnl, asked: Asked): Promise<Surroundings> {
  const links = (await rtnl.dump(dumpLinks())).map(readLink)
  const names = new Map(links.map(({ state }) => [state.index, state.name]))
  const routes: RouteFact[] = []
  for (const ip of asked.ips) routes.push(await routeTo(rtnl, ip, names))
  const gateways = routes.flatMap(({ via }) => via ?? [])
  return {
    links: await withAddresses(rtnl, links, names),
    routes,
    neighbours: await neighboursOf(rtnl, new Set([...asked.ips, ...gateways]), names),
    fdb: await entriesOf(rtnl, new Set(asked.macs), links),
    table: await tableOf(rtnl, asked.ips, names),
  }
}

function readLink(body: Buffer): FoundLink {
  const state = decodeLink(body)
  const { name, kind, up, mtu, mac, vxlan } = state
  const forwards = forwardsIn(body)
  const fact = {
    ...{ name, kind, up, mtu },
    carrier: (body.readUInt32LE(8) & IFF.LOWER_UP) !== 0,
    ...(mac === undefined ? {} : { mac }),
    ...(vxlan === undefined ? {} : { vxlan: tunnelOf(vxlan) }),
    ...(forwards === undefined ? {} : { forwards }),
  }
  return { state, fact }
}

function tunnelOf({ vni, port, local }: NonNullable<LinkState['vxlan']>) {
  return { vni, port, ...(local === undefined ? {} : { local }) }
}

/** Of a port of a bridge. */
function forwardsIn(body: Buffer): boolean | undefined {
  const info = parseAttributes(body, IFINFOMSG).get(IFLA.LINKINFO)
  const parts = parseAttributes(info ?? Buffer.alloc(0))
  const data = parts.get(IFLA_INFO.SLAVE_DATA)
  if (readText(parts.get(IFLA_INFO.SLAVE_KIND)) !== 'bridge' || data === undefined) return undefined
  return parseAttributes(data).get(IFLA_BRPORT.STATE)?.[0] === BR_STATE_FORWARDING
}

async function withAddresses(
  rtnl: Rtnl,
  links: readonly FoundLink[],
  names: ReadonlyMap<number, string>,
): Promise<readonly LinkFact[]> {
  const addresses = (await rtnl.dump(dumpAddresses())).flatMap((body) => decodeAddress(body) ?? [])
  return links.map(({ state, fact }) => {
    const master = names.get(state.master)
    const own = addresses.filter(({ ifindex }) => ifindex === state.index)
    return {
      ...fact,
      ...(master === undefined ? {} : { master }),
      addresses: own.map(({ address }) => address),
    }
  })
}

async function routeTo(
  rtnl: Rtnl,
  to: Ip,
  names: ReadonlyMap<number, string>,
): Promise<RouteFact> {
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

async function neighboursOf(
  rtnl: Rtnl,
  ips: ReadonlySet<Ip>,
  names: ReadonlyMap<number, string>,
): Promise<readonly NeighbourFact[]> {
  const families = new Set([...ips].map((ip) => familyOf(ip)))
  const found: NeighbourFact[] = []
  for (const family of families) {
    // of all devices
    for (const body of await rtnl.dump(dumpNeighbours(family, 0), NO_FAMILY)) {
      const { ip, mac, ifindex, state } = decodeNeighbour(body)
      if (ip === undefined || !ips.has(ip)) continue
      const dev = names.get(ifindex) ?? ''
      found.push({ dev, ip, ...(mac === undefined ? {} : { mac }), state: stateOf(state) })
    }
  }
  return found
}

function stateOf(state: number): NeighbourFact['state'] {
  if ((state & (NUD.PERMANENT | NUD.NOARP)) !== 0) return 'permanent'
  if ((state & NUD.FAILED) !== 0) return 'failed'
  return (state & NUD.INCOMPLETE) !== 0 || state === 0 ? 'asking' : 'known'
}

/** Of bridges by their ports, and of vxlan devices. */
async function entriesOf(
  rtnl: Rtnl,
  macs: ReadonlySet<string>,
  links: readonly FoundLink[],
): Promise<readonly ForwardingFact[]> {
  if (macs.size === 0) return []
  const found: ForwardingFact[] = []
  for (const { state } of links) {
    if (state.kind !== 'vxlan' && state.master === 0) continue
    for (const body of await rtnl.dump(dumpFdb(state.index), ['EOPNOTSUPP', 'EINVAL'])) {
      const { mac, ip: vtep, ifindex, vlan } = decodeNeighbour(body)
      if (mac === undefined || !macs.has(mac) || ifindex !== state.index || vlan) continue
      found.push({ dev: state.name, mac, ...(vtep === undefined ? {} : { vtep }) })
    }
  }
  return found
}

async function tableOf(
  rtnl: Rtnl,
  ips: readonly Ip[],
  names: ReadonlyMap<number, string>,
): Promise<readonly TableRouteFact[]> {
  const found: TableRouteFact[] = []
  for (const family of new Set(ips.map((ip) => familyOf(ip)))) {
    for (const body of await rtnl.dump(dumpRoutes(family), NO_FAMILY)) {
      const { destination: to, table, unicast, ifindex, gateway: via, metric, protocol } =
        decodeRoute(body)
      if (to === undefined || !unicast || table !== RT_TABLE_MAIN) continue
      if (!ips.some((ip) => contains(to, ip))) continue
      const dev = names.get(ifindex) ?? ''
      const ours = protocol === RTPROT_ROUTES
      found.push({ to, dev, metric, ours, ...(via === undefined ? {} : { via }) })
    }
  }
  return found.sort((a, b) => prefixLength(b.to) - prefixLength(a.to) || a.metric - b.metric)
}
