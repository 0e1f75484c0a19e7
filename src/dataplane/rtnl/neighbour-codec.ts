/** struct ndmsg (linux/neighbour.h): ARP and ND entries, and FDB entries, which are AF_BRIDGE. */
import type { Family, Ip } from '../../core/ip.js'
import { familyOf } from '../../core/ip.js'
import type { Mac } from '../../core/mac.js'
import { addressBytes, addressFamily, readIp, u32 } from './codec.js'
import {
  AF,
  IFLA,
  NDA,
  NLM_F,
  NTF_MASTER,
  NTF_PROXY,
  NTF_SELF,
  NTF_STICKY,
  NUD,
  RTEXT_FILTER_SKIP_STATS,
  RTM,
} from './constants.js'
import type { RtnlMessage } from './rtnl.js'

const NDMSG = 12
const IFINFOMSG = 16
/** the header of an attribute */
const ATTRIBUTE = 4
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER sit above the type (netlink.h). */
const TYPE_MASK = 0x3fff
/** header, six bytes, padding */
const MAC_ATTRIBUTE = 12
const HEX = '0123456789abcdef'
const MAC_TEXT = Buffer.from('00:00:00:00:00:00')

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
  /** of a bridge's entry: it counts for one VLAN only */
  readonly vlan: boolean
}

/** struct ndmsg and as many bytes of attributes; all zero that is not set here. */
function ndmsg(
  family: number,
  ifindex: number,
  state: number,
  flags: number,
  attributes = 0,
): Buffer {
  const buffer = Buffer.allocUnsafe(NDMSG + attributes).fill(0)
  buffer[0] = family
  buffer.writeInt32LE(ifindex, 4)
  buffer.writeUInt16LE(state, 8)
  buffer[10] = flags
  return buffer
}

/** An attribute with an address; @returns where the next one goes */
function writeIp(buffer: Buffer, at: number, type: number, ip: Ip): number {
  const bytes = addressBytes(ip)
  writeHead(buffer, at, type, bytes.length)
  buffer.set(bytes, at + ATTRIBUTE)
  return at + ATTRIBUTE + bytes.length
}

function writeMac(buffer: Buffer, at: number, mac: Mac): void {
  writeHead(buffer, at, NDA.LLADDR, 6)
  for (let byte = 0; byte < 6; byte += 1) {
    const text = 3 * byte
    buffer[at + ATTRIBUTE + byte] =
      16 * digit(mac.charCodeAt(text)) + digit(mac.charCodeAt(text + 1))
  }
}

function writeHead(buffer: Buffer, at: number, type: number, bytes: number): void {
  buffer[at] = ATTRIBUTE + bytes
  buffer[at + 2] = type
}

/** Of a lower-case hexadecimal digit's character code. */
const digit = (code: number): number => (code < 58 ? code - 48 : code - 87)

const sizeOf = (ip: Ip): number => ATTRIBUTE + (familyOf(ip) === 4 ? 4 : 16)

/** Adds or replaces inner IP → inner MAC, PERMANENT. */
export function putNeighbour(ifindex: number, ip: Ip, mac: Mac): RtnlMessage {
  const family = addressFamily(familyOf(ip))
  const body = ndmsg(family, ifindex, NUD.PERMANENT, 0, sizeOf(ip) + MAC_ATTRIBUTE)
  writeMac(body, writeIp(body, NDMSG, NDA.DST, ip), mac)
  return { type: RTM.NEWNEIGH, flags: NLM_F.CREATE | NLM_F.REPLACE, body }
}

export function deleteNeighbour(ifindex: number, ip: Ip): RtnlMessage {
  const body = ndmsg(addressFamily(familyOf(ip)), ifindex, 0, 0, sizeOf(ip))
  writeIp(body, NDMSG, NDA.DST, ip)
  return { type: RTM.DELNEIGH, flags: 0, body }
}

/** Neighbours of one device. */
export function dumpNeighbours(family: Family, ifindex: number): RtnlMessage {
  const header = ndmsg(addressFamily(family), 0, 0, 0)
  const body = Buffer.concat([header, u32(NDA.IFINDEX, ifindex)])
  return { type: RTM.GETNEIGH, flags: NLM_F.DUMP, body }
}

/** The device answers for an address that is elsewhere. PERMANENT ones outlive a carrier that is lost. */
export function putProxy(ifindex: number, ip: Ip): RtnlMessage {
  return { type: RTM.NEWNEIGH, flags: NLM_F.CREATE | NLM_F.REPLACE, body: proxy(ifindex, ip) }
}

export function deleteProxy(ifindex: number, ip: Ip): RtnlMessage {
  return { type: RTM.DELNEIGH, flags: 0, body: proxy(ifindex, ip) }
}

function proxy(ifindex: number, ip: Ip): Buffer {
  const body = ndmsg(addressFamily(familyOf(ip)), ifindex, NUD.PERMANENT, NTF_PROXY, sizeOf(ip))
  writeIp(body, NDMSG, NDA.DST, ip)
  return body
}

/** The addresses that one device answers for; by the flag the kernel lists these and no others. */
export function dumpProxies(family: Family, ifindex: number): RtnlMessage {
  const header = ndmsg(addressFamily(family), 0, 0, NTF_PROXY)
  const body = Buffer.concat([header, u32(NDA.IFINDEX, ifindex)])
  return { type: RTM.GETNEIGH, flags: NLM_F.DUMP, body }
}

/**
 * Adds inner MAC → VTEP to the device's own table, or replaces the entry's VTEP: what
 * `bridge fdb replace MAC dev DEV dst VTEP self permanent` sends (NUD_NOARP is its `permanent`).
 */
export function putFdb(ifindex: number, mac: Mac, vtep: Ip): RtnlMessage {
  const body = fdbKey(ifindex, mac, sizeOf(vtep))
  writeIp(body, NDMSG + MAC_ATTRIBUTE, NDA.DST, vtep)
  return { type: RTM.NEWNEIGH, flags: NLM_F.CREATE | NLM_F.REPLACE, body }
}

/** Deletes the MAC's entry, whatever its VTEP. */
export function deleteFdb(ifindex: number, mac: Mac): RtnlMessage {
  return { type: RTM.DELNEIGH, flags: 0, body: fdbKey(ifindex, mac, 0) }
}

function fdbKey(ifindex: number, mac: Mac, more: number): Buffer {
  const state = NUD.PERMANENT | NUD.NOARP
  const buffer = ndmsg(AF.BRIDGE, ifindex, state, NTF_SELF, MAC_ATTRIBUTE + more)
  writeMac(buffer, NDMSG, mac)
  return buffer
}

/**
 * Adds inner MAC → port to the bridge of the port, or moves the entry there: what
 * `bridge fdb replace MAC dev PORT master static sticky` sends. Where the bridge learns, a frame would
 * move an entry that is only static (br_fdb.c br_fdb_update).
 */
export function putStation(port: number, mac: Mac): RtnlMessage {
  return { type: RTM.NEWNEIGH, flags: NLM_F.CREATE | NLM_F.REPLACE, body: station(port, mac) }
}

/** Deletes the entry, if it is on that port. */
export function deleteStation(port: number, mac: Mac): RtnlMessage {
  return { type: RTM.DELNEIGH, flags: 0, body: station(port, mac) }
}

function station(port: number, mac: Mac): Buffer {
  const buffer = ndmsg(AF.BRIDGE, port, NUD.NOARP, NTF_MASTER | NTF_STICKY, MAC_ATTRIBUTE)
  writeMac(buffer, NDMSG, mac)
  return buffer
}

/** FDB entries of one device. The header is an ifinfomsg by history (rtnetlink.c rtnl_fdb_dump). */
export function dumpFdb(ifindex: number): RtnlMessage {
  const header = Buffer.alloc(IFINFOMSG)
  header.writeUInt8(AF.BRIDGE, 0)
  header.writeInt32LE(ifindex, 4)
  const body = Buffer.concat([header, u32(IFLA.EXT_MASK, RTEXT_FILTER_SKIP_STATS)])
  return { type: RTM.GETNEIGH, flags: NLM_F.DUMP, body }
}

type Found = Pick<
  { -readonly [K in keyof NeighbourState]: NeighbourState[K] },
  'ip' | 'mac' | 'detour' | 'vlan'
>

/** Reads a message of a neighbour or an FDB entry; there may be 100,000 of them in a row. */
export function decodeNeighbour(body: Buffer): NeighbourState {
  const found: Found = { detour: false, vlan: false }
  for (let at = NDMSG; at + ATTRIBUTE <= body.length; ) {
    const length = body.readUInt16LE(at)
    if (length < ATTRIBUTE || at + length > body.length) break
    readAttribute(found, body, at, length)
    at += (length + 3) & ~3
  }
  return {
    ...found,
    ifindex: body.readInt32LE(4),
    state: body.readUInt16LE(8),
    flags: body.readUInt8(10),
  }
}

function readAttribute(found: Found, body: Buffer, at: number, length: number): void {
  switch (body.readUInt16LE(at + 2) & TYPE_MASK) {
    case NDA.DST: {
      const ip = ipAt(body, at + ATTRIBUTE, length - ATTRIBUTE)
      if (ip !== undefined) found.ip = ip
      return
    }
    case NDA.LLADDR:
      if (length === ATTRIBUTE + 6) found.mac = macAt(body, at + ATTRIBUTE)
      return
    case NDA.VLAN:
      found.vlan = true
      return
    case NDA.PORT:
    case NDA.VNI:
    case NDA.IFINDEX:
      found.detour = true
  }
}

function ipAt(body: Buffer, at: number, bytes: number): Ip | undefined {
  if (bytes !== 4) return readIp(body.subarray(at, at + bytes))
  return `${body[at]}.${body[at + 1]}.${body[at + 2]}.${body[at + 3]}` as Ip
}

/** Written out as bytes first: a text put together from 11 parts is slow to look up. */
function macAt(body: Buffer, at: number): Mac {
  for (let byte = 0; byte < 6; byte += 1) {
    const value = body.readUInt8(at + byte)
    MAC_TEXT[3 * byte] = HEX.charCodeAt(value >> 4)
    MAC_TEXT[3 * byte + 1] = HEX.charCodeAt(value & 15)
  }
  return MAC_TEXT.toString('latin1') as Mac
}
