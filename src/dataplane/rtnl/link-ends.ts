/** Of a link what is only shown: its other end, whether frames go through, the state of its port. */
import { parseAttributes, readText, readU32, u32 } from './codec.js'
import { IFF, IFLA, IFLA_BRPORT, IFLA_INFO, NETNSA, RTM } from './constants.js'
import type { RtnlMessage } from './rtnl.js'

const IFINFOMSG = 16
/** struct rtgenmsg, filled up to four bytes */
const RTGENMSG = 4
/** linux/if_bridge.h BR_STATE_… */
const PORT_STATES = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'] as const
const EMPTY = Buffer.alloc(0)

export interface LinkEnds {
  /** ifindex of the link that it belongs to or is the other end of; 0: none */
  readonly other: number
  /** the namespace of that one, as this one numbers it; absent: this one */
  readonly nsid?: number
  readonly carrier: boolean
  /** of a port of a bridge */
  readonly portState?: string
}

export function decodeLinkEnds(body: Buffer): LinkEnds {
  const attributes = parseAttributes(body, IFINFOMSG)
  const info = parseAttributes(attributes.get(IFLA.LINKINFO) ?? EMPTY)
  const isPort = readText(info.get(IFLA_INFO.SLAVE_KIND)) === 'bridge'
  const port = isPort ? parseAttributes(info.get(IFLA_INFO.SLAVE_DATA) ?? EMPTY) : undefined
  const state = port?.get(IFLA_BRPORT.STATE)?.[0]
  const nsid = attributes.get(IFLA.LINK_NETNSID)?.readInt32LE()
  return {
    other: readU32(attributes.get(IFLA.LINK)),
    carrier: (body.readUInt32LE(8) & IFF.LOWER_UP) !== 0,
    ...(nsid === undefined ? {} : { nsid }),
    ...(state === undefined ? {} : { portState: PORT_STATES[state] ?? `${state}` }),
  }
}

/** By which number the socket's namespace knows that of `fd` (net_namespace.c rtnl_net_getid). */
export function getNsid(fd: number): RtnlMessage {
  return {
    type: RTM.GETNSID,
    flags: 0,
    body: Buffer.concat([Buffer.alloc(RTGENMSG), u32(NETNSA.FD, fd)]),
  }
}

/** The answer; -1: it has none. */
export function decodeNsid(body: Buffer): number {
  return parseAttributes(body, RTGENMSG).get(NETNSA.NSID)?.readInt32LE() ?? -1
}
