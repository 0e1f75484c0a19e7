/** struct ifinfomsg (linux/rtnetlink.h): network devices and their attributes. */
import type { Ip } from '../../core/ip.js'
import { familyOf } from '../../core/ip.js'
import type { LinkCounters } from '../../core/kernel.js'
import { type Mac, macFromBytes, macToBytes } from '../../core/mac.js'
import type { VethLink, VxlanLink } from '../../core/plan.js'
import type { Attributes } from './codec.js'
import {
  addressBytes,
  attr,
  nested,
  parseAttributes,
  readIp,
  readText,
  readU32,
  text,
  u8,
  u16be,
  u32,
} from './codec.js'
import {
  AF,
  IFF,
  IFLA,
  IFLA_BR_MCAST_SNOOPING,
  IFLA_BRPORT,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INFO,
  IFLA_VXLAN,
  IN6_ADDR_GEN_MODE_NONE,
  NLM_F,
  RTEXT_FILTER_SKIP_STATS,
  RTM,
  STATS64,
  VETH_INFO_PEER,
} from './constants.js'
import type { RtnlMessage } from './rtnl.js'

const IFINFOMSG = 16
/** A link group that nothing else uses ("tso"). */
const DOOMED_GROUP = 0x74736f

export interface LinkState {
  readonly index: number
  readonly name: string
  /** `bridge`, `vxlan`, `veth`, …; empty for devices without rtnl_link_ops such as lo */
  readonly kind: string
  readonly mtu: number
  readonly up: boolean
  readonly loopback: boolean
  /** ifindex of the bridge; 0 = none */
  readonly master: number
  readonly alias: string
  readonly mac?: Mac
  /** it belongs to another namespace than it is in: a vxlan device's socket, a veth's peer */
  readonly linkedElsewhere: boolean
  readonly vxlan?: VxlanState
  /** of a port of a bridge */
  readonly port?: PortState
}

/** How a bridge treats one of its ports. */
export interface PortState {
  /** it learns the MACs that frames come from */
  readonly learns: boolean
  /** it sends there what it knows no port for */
  readonly floods: boolean
}

interface VxlanState {
  readonly vni: number
  readonly port: number
  readonly local?: Ip
  /**
   * `answers`: nolearning, proxy and l3miss, as we make a port of a bridge; `silent`: none of these, as we
   * make one that packets are routed to
   */
  readonly manner: 'answers' | 'silent' | 'other'
}

/** Which link a message is about. */
export type LinkRef = { readonly index: number } | { readonly name: string }

function message(
  type: number,
  flags: number,
  ref: LinkRef,
  up: boolean,
  ...attributes: readonly Buffer[]
): RtnlMessage {
  const header = Buffer.alloc(IFINFOMSG)
  if ('index' in ref) header.writeInt32LE(ref.index, 4)
  header.writeUInt32LE(up ? IFF.UP : 0, 8)
  header.writeUInt32LE(up ? IFF.UP : 0, 12)
  const name = 'name' in ref ? [text(IFLA.IFNAME, ref.name)] : []
  return { type, flags, body: Buffer.concat([header, ...name, ...attributes]) }
}

function info(kind: string, ...data: readonly Buffer[]): Buffer {
  const inner = data.length === 0 ? [] : [nested(IFLA_INFO.DATA, ...data)]
  return nested(IFLA.LINKINFO, text(IFLA_INFO.KIND, kind), ...inner)
}

/**
 * A bridge with a MAC of its own: else it takes its lowest port's and changes with every veth. It
 * does not snoop multicast: as soon as a container sends MLD queries, a snooping bridge keeps
 * neighbour solicitations from the vxlan device, which reports no groups but has to answer them.
 */
export function createBridge(name: string, mac: Uint8Array): RtnlMessage {
  const flags = NLM_F.CREATE | NLM_F.EXCL
  const data = info('bridge', u8(IFLA_BR_MCAST_SNOOPING, 0))
  return message(RTM.NEWLINK, flags, { name }, false, attr(IFLA.ADDRESS, mac), data)
}

/**
 * A vxlan device that appears in the namespace of `netnsFd` while its UDP socket stays in the
 * namespace of the netlink socket that carries this message (rtnetlink.c rtnl_newlink gives
 * newlink the socket's namespace, vxlan_core.c keeps it as vxlan->net).
 */
export function createVxlan(plan: VxlanLink, netnsFd: number): RtnlMessage {
  const data = [
    u32(IFLA_VXLAN.ID, plan.vni),
    u16be(IFLA_VXLAN.PORT, plan.port),
    vxlanLocal(plan.local),
    u8(IFLA_VXLAN.LEARNING, 0),
    ...(plan.master === undefined ? [] : [u8(IFLA_VXLAN.PROXY, 1), u8(IFLA_VXLAN.L3MISS, 1)]),
  ]
  return message(
    RTM.NEWLINK,
    NLM_F.CREATE | NLM_F.EXCL,
    { name: plan.name },
    false,
    u32(IFLA.NET_NS_FD, netnsFd),
    u32(IFLA.MTU, plan.mtu),
    ...(plan.mac === undefined ? [] : [attr(IFLA.ADDRESS, macToBytes(plan.mac))]),
    info('vxlan', ...data),
  )
}

function vxlanLocal(local: Ip): Buffer {
  const type = familyOf(local) === 4 ? IFLA_VXLAN.LOCAL : IFLA_VXLAN.LOCAL6
  return attr(type, addressBytes(local))
}

/** Changes the source address of a vxlan device's outer packets. */
export function changeVxlanLocal(index: number, local: Ip): RtnlMessage {
  return message(RTM.NEWLINK, 0, { index }, false, info('vxlan', vxlanLocal(local)))
}

/** Both ends at once: the port under bridge `master`, the peer in the namespace of `peerNetnsFd`. */
export function createVeth(plan: VethLink, master: number, peerNetnsFd: number): RtnlMessage {
  const peer = [
    Buffer.alloc(IFINFOMSG),
    text(IFLA.IFNAME, plan.peer.name),
    attr(IFLA.ADDRESS, macToBytes(plan.peer.mac)),
    u32(IFLA.MTU, plan.mtu),
    u32(IFLA.NET_NS_FD, peerNetnsFd),
  ]
  return message(
    RTM.NEWLINK,
    NLM_F.CREATE | NLM_F.EXCL,
    { name: plan.name },
    false,
    u32(IFLA.MTU, plan.mtu),
    u32(IFLA.MASTER, master),
    info('veth', nested(VETH_INFO_PEER, ...peer)),
  )
}

/** Sets what is given, and always: up. */
export function setLink(
  ref: LinkRef,
  set: {
    readonly mtu?: number
    /** 0: none */
    readonly master?: number
    readonly alias?: string
    readonly mac?: Mac
  } = {},
): RtnlMessage {
  const attributes = [
    ...(set.mac === undefined ? [] : [attr(IFLA.ADDRESS, macToBytes(set.mac))]),
    ...(set.mtu === undefined ? [] : [u32(IFLA.MTU, set.mtu)]),
    ...(set.master === undefined ? [] : [u32(IFLA.MASTER, set.master)]),
    ...(set.alias === undefined ? [] : [text(IFLA.IFALIAS, set.alias)]),
  ]
  return message(RTM.SETLINK, 0, ref, true, ...attributes)
}

/** No IPv6 link-local address for a bridge port: it would only multicast into the overlay. */
export function quietLink(name: string): RtnlMessage {
  const mode = u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE)
  const spec = nested(IFLA.AF_SPEC, nested(AF.INET6, mode))
  return message(RTM.SETLINK, 0, { name }, false, spec)
}

/**
 * How the bridge of a port treats it: to be sent when it is a port of one. What was learned on one
 * that learns no more goes, which entries put by us outlive.
 */
export function setPort(name: string, { learns, floods }: PortState): RtnlMessage {
  const data = [
    u8(IFLA_BRPORT.LEARNING, Number(learns)),
    u8(IFLA_BRPORT.UNICAST_FLOOD, Number(floods)),
    ...(learns ? [] : [attr(IFLA_BRPORT.FLUSH, Buffer.alloc(0))]),
  ]
  const kind = text(IFLA_INFO.SLAVE_KIND, 'bridge')
  const slave = nested(IFLA.LINKINFO, kind, nested(IFLA_INFO.SLAVE_DATA, ...data))
  return message(RTM.NEWLINK, 0, { name }, false, slave)
}

export function deleteLink(index: number): RtnlMessage {
  return message(RTM.DELLINK, 0, { index }, false)
}

/**
 * Deletes links together: the kernel waits for its readers once per request, about 20 ms, which
 * for one link at a time adds up (rtnetlink.c rtnl_group_dellink). A link that is not there is
 * left out; the outcome of the last message is that of the deletion.
 */
export function deleteLinks(indexes: readonly number[]): readonly RtnlMessage[] {
  const group = u32(IFLA.GROUP, DOOMED_GROUP)
  return [
    ...indexes.map((index) => message(RTM.SETLINK, 0, { index }, false, group)),
    message(RTM.DELLINK, 0, { index: 0 }, false, group),
  ]
}

export function getLink(ref: LinkRef): RtnlMessage {
  return message(RTM.GETLINK, 0, ref, false, u32(IFLA.EXT_MASK, RTEXT_FILTER_SKIP_STATS))
}

export function dumpLinks(): RtnlMessage {
  const mask = u32(IFLA.EXT_MASK, RTEXT_FILTER_SKIP_STATS)
  return message(RTM.GETLINK, NLM_F.DUMP, { index: 0 }, false, mask)
}

/** With their counters, which the kernel has to sum up over all processors. */
export function dumpLinkCounters(): RtnlMessage {
  return message(RTM.GETLINK, NLM_F.DUMP, { index: 0 }, false)
}

/** Bytes through a link since it is there (struct rtnl_link_stats64); undefined: it says nothing. */
export function decodeLinkCounters(body: Buffer): LinkCounters | undefined {
  const stats = parseAttributes(body, IFINFOMSG).get(IFLA.STATS64)
  if (stats === undefined || stats.length < STATS64.TX_BYTES + 8) return undefined
  return {
    received: Number(stats.readBigUInt64LE(STATS64.RX_BYTES)),
    sent: Number(stats.readBigUInt64LE(STATS64.TX_BYTES)),
  }
}

/** Of a message of a link; the kernel says it first (rtnl_fill_ifinfo). */
export function linkName(body: Buffer): string {
  return readText(parseAttributes(body, IFINFOMSG).get(IFLA.IFNAME))
}

export function decodeLink(body: Buffer): LinkState {
  const attributes = parseAttributes(body, IFINFOMSG)
  const linkInfo = parseAttributes(attributes.get(IFLA.LINKINFO) ?? Buffer.alloc(0))
  const kind = readText(linkInfo.get(IFLA_INFO.KIND))
  const data = linkInfo.get(IFLA_INFO.DATA)
  const flags = body.readUInt32LE(8)
  const mac = attributes.get(IFLA.ADDRESS)
  return {
    index: body.readInt32LE(4),
    name: readText(attributes.get(IFLA.IFNAME)),
    kind,
    mtu: readU32(attributes.get(IFLA.MTU)),
    up: (flags & IFF.UP) !== 0,
    loopback: (flags & IFF.LOOPBACK) !== 0,
    master: readU32(attributes.get(IFLA.MASTER)),
    alias: readText(attributes.get(IFLA.IFALIAS)),
    ...(mac?.length === 6 ? { mac: macFromBytes(mac) } : {}),
    // rtnetlink.c rtnl_fill_link_netnsid leaves it out where both are one
    linkedElsewhere: attributes.has(IFLA.LINK_NETNSID),
    ...(kind === 'vxlan' && data !== undefined ? { vxlan: decodeVxlan(data) } : {}),
    ...decodePort(body, attributes, linkInfo),
  }
}

/** A bridge's own notice of a port (AF_BRIDGE) has its settings elsewhere. */
function decodePort(
  body: Buffer,
  attributes: Attributes,
  linkInfo: Attributes,
): { readonly port?: PortState } {
  const isSlave = readText(linkInfo.get(IFLA_INFO.SLAVE_KIND)) === 'bridge'
  const slave = isSlave ? linkInfo.get(IFLA_INFO.SLAVE_DATA) : undefined
  const data = body.readUInt8(0) === AF.BRIDGE ? attributes.get(IFLA.PROTINFO) : slave
  if (data === undefined) return {}
  const settings = parseAttributes(data)
  const flag = (type: number): boolean => settings.get(type)?.[0] === 1
  return { port: { learns: flag(IFLA_BRPORT.LEARNING), floods: flag(IFLA_BRPORT.UNICAST_FLOOD) } }
}

function decodeVxlan(data: Buffer): VxlanState {
  const attributes = parseAttributes(data)
  const local =
    readIp(attributes.get(IFLA_VXLAN.LOCAL)) ?? readIp(attributes.get(IFLA_VXLAN.LOCAL6))
  return {
    vni: readU32(attributes.get(IFLA_VXLAN.ID)),
    port: attributes.get(IFLA_VXLAN.PORT)?.readUInt16BE() ?? 0,
    manner: mannerOf(attributes),
    ...(local === undefined ? {} : { local }),
  }
}

function mannerOf(attributes: Attributes): VxlanState['manner'] {
  const is = (type: number): boolean => attributes.get(type)?.[0] === 1
  if (is(IFLA_VXLAN.LEARNING) || is(IFLA_VXLAN.PROXY) !== is(IFLA_VXLAN.L3MISS)) return 'other'
  return is(IFLA_VXLAN.PROXY) ? 'answers' : 'silent'
}
