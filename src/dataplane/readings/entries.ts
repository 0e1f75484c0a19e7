/** Neighbours, FDB entries, proxies and routes of one namespace, whoever made them. */
import type { Cidr } from '../../core/ip.js'
import type { FdbReading, NeighbourReading, ProxyReading, RouteReading } from '../../core/kernel.js'
import { inTurns } from '../../core/turns.js'
import { isLocalOnly } from '../facts/misses.js'
import { decodeRoute, dumpRoutes, type RouteState } from '../rtnl/address-codec.js'
import {
  AF,
  NTF_MASTER,
  NTF_PROXY,
  NTF_SELF,
  NTF_STICKY,
  NUD,
  RTN,
  RTPROT_PATHS,
  RTPROT_ROUTES,
} from '../rtnl/constants.js'
import {
  decodeNeighbour,
  dumpFdb,
  dumpNeighbours,
  dumpProxies,
  type NeighbourState,
} from '../rtnl/neighbour-codec.js'
import type { Rtnl, RtnlMessage } from '../rtnl/rtnl.js'
import { isInMain, planOf } from '../tables/route-state.js'

/** Of a dump: all devices. */
const ANY = 0
const FAMILIES = [4, 6] as const
/** A kernel without the family, or without any route in the table. */
const NONE = ['EOPNOTSUPP', 'EAFNOSUPPORT', 'EINVAL', 'ENOENT']

/** Names of links by ifindex; an entry of a link that went meanwhile is left out. */
type Names = ReadonlyMap<number, string>

/** @throws TsoverlayError KERNEL_FAILED, as the others here */
export async function readNeighbours(
  rtnl: Rtnl,
  names: Names,
): Promise<readonly NeighbourReading[]> {
  const dumps = FAMILIES.map((family) => dumpNeighbours(family, ANY))
  return collect(rtnl, dumps, names, ({ ip, mac, state, flags }, dev) => {
    if (ip === undefined || (flags & NTF_PROXY) !== 0) return undefined
    const planned = state === NUD.PERMANENT && mac !== undefined && !isLocalOnly(ip)
    return { dev, ip, ...(mac === undefined ? {} : { mac }), state: stateText(state), planned }
  })
}

export async function readProxies(rtnl: Rtnl, names: Names): Promise<readonly ProxyReading[]> {
  const dumps = FAMILIES.map((family) => dumpProxies(family, ANY))
  return collect(rtnl, dumps, names, ({ ip, flags }, dev) =>
    ip === undefined || (flags & NTF_PROXY) === 0 ? undefined : { dev, ip },
  )
}

export async function readFdb(rtnl: Rtnl, names: Names): Promise<readonly FdbReading[]> {
  return collect(rtnl, [dumpFdb(ANY)], names, (found, dev) => {
    const { ip, mac, state, flags, detour } = found
    if (mac === undefined) return undefined
    const isOfDevice = (flags & NTF_SELF) !== 0 && ip !== undefined
    const planned = isOfDevice && !detour && (state & NUD.PERMANENT) !== 0
    return {
      dev,
      mac,
      ...(ip === undefined ? {} : { vtep: ip }),
      flags: fdbFlags(state, flags),
      planned,
    }
  })
}

async function collect<T>(
  rtnl: Rtnl,
  dumps: readonly RtnlMessage[],
  names: Names,
  read: (state: NeighbourState, dev: string) => T | undefined,
): Promise<readonly T[]> {
  const found: T[] = []
  for (const dump of dumps) {
    await inTurns(await rtnl.dump(dump, NONE), (body) => {
      const state = decodeNeighbour(body)
      const dev = names.get(state.ifindex)
      const entry = dev === undefined ? undefined : read(state, dev)
      if (entry !== undefined) found.push(entry)
    })
  }
  return found
}

const STATES = Object.entries(NUD).map(([name, bit]) => [name.toLowerCase(), bit] as const)

function stateText(state: number): string {
  const names = STATES.filter(([, bit]) => (state & bit) !== 0).map(([name]) => name)
  return names.length === 0 ? 'none' : names.join(',')
}

/** As iproute2's bridge/fdb.c says them: NOARP without PERMANENT is its `static`. */
function fdbFlags(state: number, flags: number): readonly string[] {
  return [
    ...((flags & NTF_SELF) === 0 ? [] : ['self']),
    ...((flags & NTF_MASTER) === 0 ? [] : ['master']),
    ...((flags & NTF_STICKY) === 0 ? [] : ['sticky']),
    ...((state & NUD.PERMANENT) === 0
      ? (state & NUD.NOARP) === 0
        ? []
        : ['static']
      : ['permanent']),
  ]
}

/** Those of the main table. */
export async function readRoutes(rtnl: Rtnl, names: Names): Promise<readonly RouteReading[]> {
  const found: RouteReading[] = []
  for (const family of FAMILIES) {
    const everywhere = (family === 4 ? '0.0.0.0/0' : '::/0') as Cidr
    await inTurns(await rtnl.dump(dumpRoutes(family), NONE), (body) => {
      const state = decodeRoute(body)
      if (isInMain(state) && body[0] === (family === 4 ? AF.INET : AF.INET6)) {
        found.push(routeOf(state, names, everywhere))
      }
    })
  }
  return found
}

function routeOf(state: RouteState, names: Names, everywhere: Cidr): RouteReading {
  const { destination = everywhere, ifindex, protocol, type } = state
  const { altered: _, ...plan } = planOf({ ...state, destination }, names.get(ifindex) ?? '') ?? {
    to: destination,
    dev: '',
  }
  return {
    ...plan,
    type: TYPES.get(type) ?? `${type}`,
    protocol: PROTOCOLS.get(protocol) ?? `${protocol}`,
    planned: protocol === RTPROT_ROUTES,
  }
}

/** linux/rtnetlink.h RTN_…, RTPROT_…, as `ip route` says them; the last two are ours. */
const TYPES: ReadonlyMap<number, string> = new Map([
  [RTN.UNICAST, 'unicast'],
  [2, 'local'],
  [3, 'broadcast'],
  [4, 'anycast'],
  [5, 'multicast'],
  [RTN.BLACKHOLE, 'blackhole'],
  [7, 'unreachable'],
  [8, 'prohibit'],
  [9, 'throw'],
])
const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [1, 'redirect'],
  [2, 'kernel'],
  [3, 'boot'],
  [4, 'static'],
  [9, 'ra'],
  [11, 'zebra'],
  [12, 'bird'],
  [16, 'dhcp'],
  [186, 'bgp'],
  [187, 'isis'],
  [188, 'ospf'],
  [RTPROT_PATHS, 'tsoverlay path'],
  [RTPROT_ROUTES, 'tsoverlay'],
])
