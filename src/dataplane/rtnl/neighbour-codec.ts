/** struct ndmsg (linux/neighbour.h): ARP and ND entries, and FDB entries, which are AF_BRIDGE. */
import type { Family, Ip } from '../../core/ip.js'
import { familyOf } from '../../core/ip.js'
import type { Mac } from '../../core/mac.js'
import { macFromBytes, macToBytes } from '../../core/mac.js'
import { addressBytes, addressFamily, attr, parseAttributes, readIp, u32 } from './codec.js'
import { AF, IFLA, NDA, NLM_F, NTF_SELF, NUD, RTEXT_FILTER_SKIP_STATS, RTM } from './constants.js'
import type { RtnlMessage } from './rtnl.js'

const NDMSG = 12
const IFINFOMSG = 16

export interface NeighbourState {
  readonly ifindex: number
  /** NUD_… bits */
  readonly state: number
  /** NTF_… bits */
  readonly flags: number
  /** NDA_DST: the inner address of a neighbour, the VTEP of an FDB entry */
  readonly ip?: Ip
  readonly mac?: Mac
  /** of an FDB entry: it goes to another UDP port, VNI or device than its vxlan device's own */
  readonly detour: boolean
}

function ndmsg(family: number, ifindex: number, state: number, flags: number): Buffer {
  const buffer = Buffer.alloc(NDMSG)
  buffer.writeUInt8(family, 0)
  buffer.writeInt32LE(ifindex, 4)
  buffer.writeUInt16LE(state, 8)
  buffer.writeUInt8(flags, 10)
  return buffer
}

/** Adds or replaces inner IP → inner MAC, PERMANENT. */
export function putNeighbour(ifindex: number, ip: Ip, mac: Mac): RtnlMessage {
  const body = Buffer.concat([
    ndmsg(addressFamily(familyOf(ip)), ifindex, NUD.PERMANENT, 0),
    attr(NDA.DST, addressBytes(ip)),
    attr(NDA.LLADDR, macToBytes(mac)),
  ])
  return { type: RTM.NEWNEIGH, flags: NLM_F.CREATE | NLM_F.REPLACE, body }
}

export function deleteNeighbour(ifindex: number, ip: Ip): RtnlMessage {
  const header = ndmsg(addressFamily(familyOf(ip)), ifindex, 0, 0)
  const body = Buffer.concat([header, attr(NDA.DST, addressBytes(ip))])
  return { type: RTM.DELNEIGH, flags: 0, body }
}

/** Neighbours of one device. */
export function dumpNeighbours(family: Family, ifindex: number): RtnlMessage {
  const header = ndmsg(addressFamily(family), 0, 0, 0)
  const body = Buffer.concat([header, u32(NDA.IFINDEX, ifindex)])
  return { type: RTM.GETNEIGH, flags: NLM_F.DUMP, body }
}

/**
 * Adds inner MAC → VTEP to the device's own table, or replaces the entry's VTEP: what
 * `bridge fdb replace MAC dev DEV dst VTEP self permanent` sends (NUD_NOARP is its `permanent`).
 */
export function putFdb(ifindex: number, mac: Mac, vtep: Ip): RtnlMessage {
  const body = Buffer.concat([fdbKey(ifindex, mac), attr(NDA.DST, addressBytes(vtep))])
  return { type: RTM.NEWNEIGH, flags: NLM_F.CREATE | NLM_F.REPLACE, body }
}

/** Deletes the MAC's entry, whatever its VTEP. */
export function deleteFdb(ifindex: number, mac: Mac): RtnlMessage {
  return { type: RTM.DELNEIGH, flags: 0, body: fdbKey(ifindex, mac) }
}

function fdbKey(ifindex: number, mac: Mac): Buffer {
  const header = ndmsg(AF.BRIDGE, ifindex, NUD.PERMANENT | NUD.NOARP, NTF_SELF)
  return Buffer.concat([header, attr(NDA.LLADDR, macToBytes(mac))])
}

/** FDB entries of one device. The header is an ifinfomsg by history (rtnetlink.c rtnl_fdb_dump). */
export function dumpFdb(ifindex: number): RtnlMessage {
  const header = Buffer.alloc(IFINFOMSG)
  header.writeUInt8(AF.BRIDGE, 0)
  header.writeInt32LE(ifindex, 4)
  const body = Buffer.concat([header, u32(IFLA.EXT_MASK, RTEXT_FILTER_SKIP_STATS)])
  return { type: RTM.GETNEIGH, flags: NLM_F.DUMP, body }
}

export function decodeNeighbour(body: Buffer): NeighbourState {
  const attributes = parseAttributes(body, NDMSG)
  const ip = readIp(attributes.get(NDA.DST))
  const lladdr = attributes.get(NDA.LLADDR)
  return {
    ifindex: body.readInt32LE(4),
    state: body.readUInt16LE(8),
    flags: body.readUInt8(10),
    detour: [NDA.PORT, NDA.VNI, NDA.IFINDEX].some((type) => attributes.has(type)),
    ...(ip === undefined ? {} : { ip }),
    ...(lladdr?.length === 6 ? { mac: macFromBytes(lladdr) } : {}),
  }
}
