/** struct rtmsg (linux/rtnetlink.h): the routes of plans. */
import type { Cidr, Ip } from '../../core/ip.js'
import { familyOf, ipOf, prefixLength } from '../../core/ip.js'
import type { RouteState } from './address-codec.js'
import { addressBytes, addressFamily, u32 } from './codec.js'
import {
  AF,
  NLM_F,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTA,
  RTAX_MTU,
  RTM,
  RTN,
  RTNH_F_ONLINK,
  RTPROT_ROUTES,
} from './constants.js'
import type { RtnlMessage } from './rtnl.js'

const RTMSG = 12
/** the header of an attribute */
const ATTRIBUTE = 4

/** A route of the main table that bears our protocol number. */
export interface RouteSpec {
  readonly to: Cidr
  /** absent: packets to it are dropped */
  readonly ifindex?: number
  /** may be of IPv6 where `to` is of IPv4 */
  readonly via?: Ip
  readonly onlink?: boolean
  readonly source?: Ip
  readonly mtu?: number
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
  const flags = NLM_F.CREATE | (beside === 'none' ? NLM_F.EXCL : NLM_F.APPEND)
  return { type: RTM.NEWROUTE, flags, body: rtmsg(spec, scopeOf(spec)) }
}

/** Deletes ours that is so; of others' routes none is, as the protocol is looked at (ESRCH). */
export function deleteRoute(spec: RouteSpec): RtnlMessage {
  return { type: RTM.DELROUTE, flags: 0, body: rtmsg(spec, RT_SCOPE_NOWHERE) }
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

/** struct rtmsg and its attributes in one buffer: there may be thousands in a row. */
function rtmsg(spec: RouteSpec, scope: number): Buffer {
  const { to, ifindex, via, onlink, source, mtu } = spec
  const attributes = [
    [RTA.DST, addressBytes(ipOf(to))],
    [RTA.PRIORITY, bytes32(kernelMetric(spec))],
    ...(ifindex === undefined ? [] : [[RTA.OIF, bytes32(ifindex)] as const]),
    ...(via === undefined ? [] : [gatewayOf(to, via)]),
    ...(source === undefined ? [] : [[RTA.PREFSRC, addressBytes(source)] as const]),
    ...(mtu === undefined ? [] : [[RTA.METRICS, u32(RTAX_MTU, mtu)] as const]),
  ] as const
  const size = attributes.reduce((sum, [, value]) => sum + ATTRIBUTE + align(value.length), RTMSG)
  const buffer = Buffer.allocUnsafe(size).fill(0)
  buffer[0] = addressFamily(familyOf(to))
  buffer[1] = prefixLength(to)
  buffer[4] = RT_TABLE_MAIN
  buffer[5] = RTPROT_ROUTES
  buffer[6] = scope
  buffer[7] = ifindex === undefined ? RTN.BLACKHOLE : RTN.UNICAST
  buffer.writeUInt32LE(onlink === true ? RTNH_F_ONLINK : 0, 8)
  let at = RTMSG
  for (const [type, value] of attributes) {
    buffer.writeUInt16LE(ATTRIBUTE + value.length, at)
    buffer.writeUInt16LE(type, at + 2)
    buffer.set(value, at + ATTRIBUTE)
    at += ATTRIBUTE + align(value.length)
  }
  return buffer
}

const align = (length: number): number => (length + 3) & ~3

function bytes32(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24)
}

/** An IPv4 route by an IPv6 gateway has another attribute (struct rtvia). */
function gatewayOf(to: Cidr, via: Ip): readonly [number, Uint8Array] {
  const bytes = addressBytes(via)
  if (familyOf(to) === familyOf(via)) return [RTA.GATEWAY, bytes]
  return [RTA.VIA, Uint8Array.of(AF.INET6, 0, ...bytes)]
}
