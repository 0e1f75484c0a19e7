/**
 * Echo requests of a given size that must not be fragmented, whatever the host believes of the path.
 * The other host's kernel answers by itself.
 */
import { randomInt } from 'node:crypto'
import { closeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { familyOf, type Ip } from '../../core/ip.js'
import { checksum } from '../checksum.js'
import { openSocket, receiveNow, type SocketOption, sendNow } from '../libc.js'
import { AF } from '../rtnl/constants.js'
import { sockaddr } from '../sockaddr.js'

const ANSWER_MS = 600
const LOOK_MS = 20
const HEADER = 8
/** Only the head of an answer is of interest. */
const ROOM = 128

interface Protocol {
  readonly family: number
  /** IPPROTO_ICMP, IPPROTO_ICMPV6 */
  readonly protocol: number
  /** length of the IP header */
  readonly ipHeader: number
  readonly request: number
  readonly reply: number
  readonly options: readonly SocketOption[]
}

const u32 = (...values: readonly number[]): Uint8Array =>
  new Uint8Array(Uint32Array.from(values).buffer)

/** linux/in.h, linux/in6.h, linux/icmp.h, linux/icmpv6.h; PMTUDISC_PROBE = 3 */
const V4: Protocol = {
  family: AF.INET,
  protocol: 1,
  ipHeader: 20,
  request: 8,
  reply: 0,
  options: [
    [0, 10, u32(3)], // IP_MTU_DISCOVER
    [255, 1, u32(~(1 << 0))], // ICMP_FILTER: echo replies only
  ],
}
const V6: Protocol = {
  family: AF.INET6,
  protocol: 58,
  ipHeader: 40,
  request: 128,
  reply: 129,
  options: [
    [41, 23, u32(3)], // IPV6_MTU_DISCOVER
    [41, 62, u32(1)], // IPV6_DONTFRAG
    [58, 1, icmp6Filter(129)], // ICMP6_FILTER
  ],
}

/** As Dataplane.echo. */
export async function sendEchoes(
  from: Ip,
  to: Ip,
  size: number,
  count: number,
): Promise<number | undefined> {
  const kind = familyOf(to) === 4 ? V4 : V6
  const { family, protocol, options } = kind
  const ends = { local: sockaddr(from), peer: sockaddr(to) }
  const fd = openSocket({ family, type: 'raw', protocol, options, ...ends })
  if (typeof fd === 'string') return undefined
  try {
    const id = randomInt(0x10000)
    for (let sequence = 0; sequence < count; sequence += 1) {
      const error = sendNow(fd, request(kind, id, sequence, size - kind.ipHeader))
      if (error !== undefined) return undefined
    }
    return await answers(fd, kind, id, count)
  } finally {
    closeSync(fd)
  }
}

async function answers(fd: number, kind: Protocol, id: number, count: number): Promise<number> {
  const answered = new Set<number>()
  for (let waited = 0; waited < ANSWER_MS && answered.size < count; waited += LOOK_MS) {
    await sleep(LOOK_MS)
    for (let packet = receiveNow(fd, ROOM); packet; packet = receiveNow(fd, ROOM)) {
      const sequence = sequenceOf(packet, kind, id)
      if (sequence !== undefined) answered.add(sequence)
    }
  }
  return answered.size
}

/** Of an answer to us; undefined: it is something else. */
function sequenceOf(packet: Buffer, kind: Protocol, id: number): number | undefined {
  // IPv4's raw sockets show the IP header, IPv6's do not.
  const at = kind === V4 ? ((packet[0] ?? 0) & 15) * 4 : 0
  if (packet.length < at + HEADER || packet[at] !== kind.reply) return undefined
  return packet.readUInt16BE(at + 4) === id ? packet.readUInt16BE(at + 6) : undefined
}

function request(kind: Protocol, id: number, sequence: number, length: number): Buffer {
  const packet = Buffer.alloc(Math.max(length, HEADER))
  packet[0] = kind.request
  packet.writeUInt16BE(id, 4)
  packet.writeUInt16BE(sequence, 6)
  // The kernel makes that of ICMPv6, which covers the addresses.
  if (kind === V4) packet.writeUInt16BE(checksum(packet), 2)
  return packet
}

/** All types blocked but one. */
function icmp6Filter(type: number): Uint8Array {
  const words = new Array<number>(8).fill(0xffffffff)
  words[type >> 5] = ~(1 << (type & 31)) >>> 0
  return u32(...words)
}
