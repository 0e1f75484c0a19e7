/** struct rtmsg (linux/rtnetlink.h): the routes of plans. */
import type { Cidr, Ip } from '../../core/ip.js'
import { familyOf, ipOf, prefixLength } from '../../core/ip.js'
import type { RouteState } from './address-codec.js'
import { addressBytes, addressFamily, attr, u32 } from './codec.js'
import {
  AF,
  NLM_F,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTA,
  RTM,
  RTN,
  RTNH_F_ONLINK,
  RTPROT_ROUTES,
} from './constants.js'
import type { RtnlMessage } from './rtnl.js'

const RTMSG = 12

/** A route of the main table that bears our protocol number. */
export interface RouteSpec {
  readonly to: Cidr
  /** absent: packets to it are dropped */
  readonly ifindex?: number
  /** may be of IPv6 where `to` is of IPv4 */
  readonly via?: Ip
  readonly onlink?: boolean
  readonly source?: Ip
  /** as plans have it: 0 is the kernel's default */
  readonly metric: number
}

/** What becomes of routes to the same destination with the same metric, whoever made them. */
export type Beside = 'none' | 'any'

/**
 * Adds a route.
 * @param beside none: refused (EEXIST) where there is one; any: it comes behind those that are there, and
 * is refused only beside its equal
 */
export function addRoute(spec: RouteSpec, beside: Beside): RtnlMessage {
  const header = headerOf(spec, scopeOf(spec))
  const flags = NLM_F.CREATE | (beside === 'none' ? NLM_F.EXCL : NLM_F.APPEND)
  return { type: RTM.NEWROUTE, flags, body: Buffer.concat([header, ...attributesOf(spec)]) }
}

/** Deletes ours that is so; of others' routes none is, as the protocol is looked at (ESRCH). */
export function deleteRoute(spec: RouteSpec): RtnlMessage {
  const header = headerOf(spec, RT_SCOPE_NOWHERE)
  return { type: RTM.DELROUTE, flags: 0, body: Buffer.concat([header, ...attributesOf(spec)]) }
}

/**
 * Routes of the main table with a protocol number. Only a socket that asks for strict dumps gets just
 * these (kernel 4.20 on); another gets all of the family.
 */
export function dumpRoutesOf(protocol: number, family: 4 | 6): RtnlMessage {
  const header = Buffer.alloc(RTMSG)
  header.writeUInt8(addressFamily(family), 0)
  header.writeUInt8(RT_TABLE_MAIN, 4)
  header.writeUInt8(protocol, 5)
  return { type: RTM.GETROUTE, flags: NLM_F.DUMP, body: header }
}

/** Metric that the kernel gives an IPv6 route that asks for none (IP6_RT_PRIO_USER). */
const DEFAULT6_METRIC = 1024

function kernelMetric({ to, metric }: RouteSpec): number {
  return metric === 0 && familyOf(to) === 6 ? DEFAULT6_METRIC : metric
}

/** As a plan would say it. */
export function planMetric({ destination, metric }: RouteState): number {
  const isDefault = metric === DEFAULT6_METRIC && destination !== undefined
  return isDefault && familyOf(destination) === 6 ? 0 : metric
}

function scopeOf({ to, ifindex, via }: RouteSpec): number {
  const isLink = ifindex !== undefined && via === undefined && familyOf(to) === 4
  return isLink ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE
}

function headerOf({ to, ifindex, onlink }: RouteSpec, scope: number): Buffer {
  const header = Buffer.alloc(RTMSG)
  header.writeUInt8(addressFamily(familyOf(to)), 0)
  header.writeUInt8(prefixLength(to), 1)
  header.writeUInt8(RT_TABLE_MAIN, 4)
  header.writeUInt8(RTPROT_ROUTES, 5)
  header.writeUInt8(scope, 6)
  header.writeUInt8(ifindex === undefined ? RTN.BLACKHOLE : RTN.UNICAST, 7)
  header.writeUInt32LE(onlink === true ? RTNH_F_ONLINK : 0, 8)
  return header
}

function attributesOf(spec: RouteSpec): readonly Buffer[] {
  const { to, ifindex, via, source } = spec
  return [
    attr(RTA.DST, addressBytes(ipOf(to))),
    u32(RTA.PRIORITY, kernelMetric(spec)),
    ...(ifindex === undefined ? [] : [u32(RTA.OIF, ifindex)]),
    ...(via === undefined ? [] : [gatewayOf(to, via)]),
    ...(source === undefined ? [] : [attr(RTA.PREFSRC, addressBytes(source))]),
  ]
}

/** An IPv4 route by an IPv6 gateway has another attribute (struct rtvia). */
function gatewayOf(to: Cidr, via: Ip): Buffer {
  const bytes = addressBytes(via)
  if (familyOf(to) === familyOf(via)) return attr(RTA.GATEWAY, bytes)
  return attr(RTA.VIA, Buffer.from([AF.INET6, 0, ...bytes]))
}
