/** struct ifaddrmsg (linux/if_addr.h) and struct rtmsg (linux/rtnetlink.h). */
import type { Cidr, Ip } from '../../core/ip.js'
import { familyOf, ipOf, networkOf, prefixLength } from '../../core/ip.js'
import {
  addressBytes,
  addressFamily,
  attr,
  nested,
  parseAttributes,
  readIp,
  readU32,
  u32,
} from './codec.js'
import {
  AF,
  IFA,
  IFA_F,
  NLM_F,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTA,
  RTAX_MTU,
  RTM,
  RTM_F_CLONED,
  RTN,
  RTPROT_KERNEL,
  RTPROT_PATHS,
} from './constants.js'
import type { RtnlMessage } from './rtnl.js'

const IFADDRMSG = 8
const RTMSG = 12

export interface AddressState {
  readonly ifindex: number
  readonly address: Cidr
  /** RT_SCOPE_… */
  readonly scope: number
  /** IFA_F_… */
  readonly flags: number
}

export interface RouteState {
  /** absent: the default route */
  readonly destination?: Cidr
  readonly table: number
  /** an ordinary route, not a local, broadcast, blackhole or cached one */
  readonly unicast: boolean
  readonly ifindex: number
  /** source address that packets on this route get */
  readonly source?: Ip
  /** MTU that the route itself sets */
  readonly mtu?: number
  /** of IPv6 for some IPv4 routes */
  readonly gateway?: Ip
  /** the lower goes first */
  readonly metric: number
  /** RTPROT_…: who made it */
  readonly protocol: number
  /** RTN_…: an ordinary route, a blackhole */
  readonly type: number
  /** RTNH_F_…: dead, without a carrier, with a gateway that is taken to be on the link */
  readonly flags: number
  /** several next hops, or one that takes more than a device and a gateway to describe */
  readonly isManyfold: boolean
}

function addressMessage(type: number, flags: number, ifindex: number, cidr: Cidr): RtnlMessage {
  const ip = ipOf(cidr)
  const header = Buffer.alloc(IFADDRMSG)
  header.writeUInt8(addressFamily(familyOf(ip)), 0)
  header.writeUInt8(prefixLength(cidr), 1)
  header.writeUInt32LE(ifindex, 4)
  const bytes = addressBytes(ip)
  // no duplicate address detection: the same gateway address is on every host by intent
  const nodad = familyOf(ip) === 6 ? [u32(IFA.FLAGS, IFA_F.NODAD)] : []
  const body = Buffer.concat([header, attr(IFA.LOCAL, bytes), attr(IFA.ADDRESS, bytes), ...nodad])
  return { type, flags, body }
}

/** Adds an address; one that is there already stays. */
export function putAddress(ifindex: number, cidr: Cidr): RtnlMessage {
  return addressMessage(RTM.NEWADDR, NLM_F.CREATE | NLM_F.REPLACE, ifindex, cidr)
}

export function deleteAddress(ifindex: number, cidr: Cidr): RtnlMessage {
  return addressMessage(RTM.DELADDR, 0, ifindex, cidr)
}

/** Addresses of all devices and both families. */
export function dumpAddresses(): RtnlMessage {
  return { type: RTM.GETADDR, flags: NLM_F.DUMP, body: Buffer.alloc(IFADDRMSG) }
}

export function decodeAddress(body: Buffer): AddressState | undefined {
  const attributes = parseAttributes(body, IFADDRMSG)
  // IFA_ADDRESS is the other end on point-to-point links; IFA_LOCAL, when there, is always ours
  const ip = readIp(attributes.get(IFA.LOCAL) ?? attributes.get(IFA.ADDRESS))
  if (ip === undefined) return undefined
  const flags = attributes.get(IFA.FLAGS)
  return {
    ifindex: body.readUInt32LE(4),
    address: `${ip}/${body.readUInt8(1)}` as Cidr,
    scope: body.readUInt8(3),
    flags: flags === undefined ? body.readUInt8(2) : readU32(flags),
  }
}

/** Which route, device and source address a packet to `destination` would take. */
export function getRoute(destination: Ip): RtnlMessage {
  const header = Buffer.alloc(RTMSG)
  const bytes = addressBytes(destination)
  header.writeUInt8(addressFamily(familyOf(destination)), 0)
  header.writeUInt8(bytes.length * 8, 1)
  const body = Buffer.concat([header, attr(RTA.DST, bytes)])
  return { type: RTM.GETROUTE, flags: 0, body }
}

/** All routes of one family. */
export function dumpRoutes(family: 4 | 6): RtnlMessage {
  const body = Buffer.alloc(RTMSG)
  body.writeUInt8(family === 4 ? AF.INET : AF.INET6, 0)
  return { type: RTM.GETROUTE, flags: NLM_F.DUMP, body }
}

/** Metric of the routes that the kernel adds for IPv6 addresses (IP6_RT_PRIO_ADDRCONF). */
const CONNECTED6_METRIC = 256

/** The route that an address brings along (fib_frontend.c fib_add_ifaddr, addrconf_prefix_route). */
export function putConnectedRoute(ifindex: number, address: Cidr): RtnlMessage {
  const source = ipOf(address)
  const family = familyOf(source)
  const header = Buffer.alloc(RTMSG)
  header.writeUInt8(addressFamily(family), 0)
  header.writeUInt8(prefixLength(address), 1)
  header.writeUInt8(RT_TABLE_MAIN, 4)
  header.writeUInt8(RTPROT_KERNEL, 5)
  header.writeUInt8(family === 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE, 6)
  header.writeUInt8(RTN.UNICAST, 7)
  const own =
    family === 4 ? attr(RTA.PREFSRC, addressBytes(source)) : u32(RTA.PRIORITY, CONNECTED6_METRIC)
  const to = attr(RTA.DST, addressBytes(ipOf(networkOf(address))))
  const body = Buffer.concat([header, to, u32(RTA.OIF, ifindex), own])
  // as the kernel itself does (fib_magic): a route of somebody else stays
  return { type: RTM.NEWROUTE, flags: NLM_F.CREATE | NLM_F.APPEND, body }
}

/** Behind everybody else's: a route that somebody adds to the same address is neither refused nor hidden. */
const PATH_METRIC = 15_800

/** What a route of ours to one address says. */
export interface HostRouteSpec {
  readonly to: Ip
  readonly ifindex: number
  readonly mtu: number
  readonly gateway?: Ip
  readonly source?: Ip
}

/** Adds a route to one address, ours by its protocol; refused (EEXIST) where there is one of ours. */
export function addPathRoute({ to, ifindex, mtu, gateway, source }: HostRouteSpec): RtnlMessage {
  const header = pathHeader(to)
  const isLink = gateway === undefined && familyOf(to) === 4
  header.writeUInt8(isLink ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE, 6)
  header.writeUInt8(RTN.UNICAST, 7)
  const body = Buffer.concat([
    header,
    attr(RTA.DST, addressBytes(to)),
    u32(RTA.OIF, ifindex),
    u32(RTA.PRIORITY, PATH_METRIC),
    ...(gateway === undefined ? [] : [attr(RTA.GATEWAY, addressBytes(gateway))]),
    ...(source === undefined ? [] : [attr(RTA.PREFSRC, addressBytes(source))]),
    nested(RTA.METRICS, u32(RTAX_MTU, mtu)),
  ])
  return { type: RTM.NEWROUTE, flags: NLM_F.CREATE | NLM_F.EXCL, body }
}

/** Deletes ours to that address; none there is refused (ESRCH). */
export function deletePathRoute(to: Ip): RtnlMessage {
  const header = pathHeader(to)
  header.writeUInt8(RT_SCOPE_NOWHERE, 6)
  const body = Buffer.concat([header, attr(RTA.DST, addressBytes(to))])
  return { type: RTM.DELROUTE, flags: 0, body }
}

function pathHeader(to: Ip): Buffer {
  const header = Buffer.alloc(RTMSG)
  header.writeUInt8(addressFamily(familyOf(to)), 0)
  header.writeUInt8(addressBytes(to).length * 8, 1)
  header.writeUInt8(RT_TABLE_MAIN, 4)
  header.writeUInt8(RTPROT_PATHS, 5)
  return header
}

export function decodeRoute(body: Buffer): RouteState {
  const attributes = parseAttributes(body, RTMSG)
  const length = body.readUInt8(1)
  const ip = readIp(attributes.get(RTA.DST))
  const source = readIp(attributes.get(RTA.PREFSRC))
  const gateway = readIp(attributes.get(RTA.GATEWAY) ?? attributes.get(RTA.VIA)?.subarray(2))
  const metrics = parseAttributes(attributes.get(RTA.METRICS) ?? Buffer.alloc(0))
  const mtu = readU32(metrics.get(RTAX_MTU))
  const table = attributes.get(RTA.TABLE)
  return {
    table: table === undefined ? body.readUInt8(4) : readU32(table),
    type: body.readUInt8(7),
    unicast: body.readUInt8(7) === RTN.UNICAST && (body.readUInt32LE(8) & RTM_F_CLONED) === 0,
    ifindex: readU32(attributes.get(RTA.OIF)),
    metric: readU32(attributes.get(RTA.PRIORITY)),
    protocol: body.readUInt8(5),
    flags: body.readUInt32LE(8),
    isManyfold: [RTA.MULTIPATH, RTA.VIA, RTA.ENCAP].some((each) => attributes.has(each)),
    ...(gateway === undefined ? {} : { gateway }),
    ...(ip === undefined || length === 0 ? {} : { destination: `${ip}/${length}` as Cidr }),
    ...(source === undefined ? {} : { source }),
    ...(mtu === 0 ? {} : { mtu }),
  }
}
