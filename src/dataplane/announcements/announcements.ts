/**
 * What containers say of addresses that they have: packets that tables/floating.ts has handed to
 * nfnetlink_log, read one by one. Only what tells all others is an announcement: a gratuitous ARP,
 * request or reply (RFC 5227), and an unsolicited neighbour advertisement (RFC 4861). Who merely
 * uses an address, or answers for it, takes it from nobody.
 */
import type { Ip } from '../../core/ip.js'
import { ipFromBytes } from '../../core/ip.js'
import type { Mac } from '../../core/mac.js'
import { macFromBytes } from '../../core/mac.js'
import {
  NFNL_SUBSYS_ULOG,
  NFPROTO,
  NFULA,
  NFULA_CFG,
  NFULNL_CFG_CMD_BIND,
  NFULNL_MSG,
} from '../nft/constants.js'
import { parseAttributes, u8, u32be } from '../rtnl/codec.js'
import type { RtnlMessage } from '../rtnl/rtnl.js'
import { LOG_GROUP } from '../tables/floating.js'

/** struct nfgenmsg */
const NFGENMSG = 4
const ARP_BYTES = 28
const IPV6_HEAD = 40
const IPPROTO_ICMPV6 = 58
const NEIGHBOUR_ADVERTISEMENT = 136
const SOLICITED = 0x40
const TARGET_LINK_ADDRESS = 2

/** Asks for the group's packets, each at once (nfnetlink_log.c waits for 100 of them or a second). */
export const BIND_LOG: RtnlMessage = {
  type: (NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG.CONFIG,
  flags: 0,
  body: Buffer.concat([
    Buffer.from([NFPROTO.BRIDGE, 0, 0, LOG_GROUP]),
    u8(NFULA_CFG.CMD, NFULNL_CFG_CMD_BIND),
    u32be(NFULA_CFG.QTHRESH, 1),
  ]),
}

export interface Heard {
  /** of the port */
  readonly ifindex: number
  readonly ip: Ip
  /** as the packet says it; the frame's source where it says none */
  readonly mac: Mac
}

/** @returns undefined for what is no announcement */
export function decodeAnnouncement(type: number, body: Buffer): Heard | undefined {
  if (type !== ((NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG.PACKET)) return undefined
  const attributes = parseAttributes(body, NFGENMSG)
  // with br_netfilter in the kernel INDEV is the bridge
  const ifindex = (attributes.get(NFULA.PHYSINDEV) ?? attributes.get(NFULA.INDEV))?.readUInt32BE()
  const from = attributes.get(NFULA.HWADDR)?.subarray(4, 10)
  const payload = attributes.get(NFULA.PAYLOAD)
  if (ifindex === undefined || from?.length !== 6 || payload === undefined) return undefined
  const said = readArp(payload) ?? readAdvertisement(payload)
  if (said === undefined) return undefined
  return { ifindex, ip: ipFromBytes(said.address), mac: macFromBytes(said.mac ?? from) }
}

interface Said {
  readonly address: Buffer
  readonly mac?: Buffer
}

/** Sender and target are one address. */
function readArp(packet: Buffer): Said | undefined {
  if (packet.length < ARP_BYTES || packet.readUInt32BE(0) !== 0x0001_0800) return undefined
  if (packet.readUInt16BE(4) !== 0x0604) return undefined
  const address = packet.subarray(14, 18)
  if (!address.equals(packet.subarray(24, 28))) return undefined
  return { address, mac: packet.subarray(8, 14) }
}

function readAdvertisement(packet: Buffer): Said | undefined {
  const message = packet.subarray(IPV6_HEAD)
  if (message.length < 24 || (packet[0] ?? 0) >> 4 !== 6 || packet[6] !== IPPROTO_ICMPV6)
    return undefined
  if (message[0] !== NEIGHBOUR_ADVERTISEMENT || ((message[4] ?? 0) & SOLICITED) !== 0)
    return undefined
  const address = message.subarray(8, 24)
  const hasMac = message.length >= 32 && message[24] === TARGET_LINK_ADDRESS && message[25] === 1
  return hasMac ? { address, mac: message.subarray(26, 32) } : { address }
}
