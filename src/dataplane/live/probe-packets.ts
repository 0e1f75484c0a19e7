/** Probes byte by byte, from behind the IP header, which the kernel makes. */
import { familyOf, ipToBytes } from '../../core/ip.js'
import type { Flow } from '../../core/live.js'
import { checksum } from '../checksum.js'
import { ECHO, PROTOCOL, partsOf, TCP_FLAGS } from './packet-shape.js'

/** As `ping` sends them. */
const ECHO_BYTES = 64
const TCP_BYTES = 20
const WINDOW = 1024

/** @param id by which rules that follow connections tell probes apart */
export function echoRequest({ to, mark }: Flow, number: number, id: number): Buffer {
  const packet = Buffer.alloc(ECHO_BYTES)
  const family = familyOf(to)
  const { high, low } = partsOf(mark)
  packet[0] = ECHO[family].request
  packet.writeUInt16BE(id, 4)
  packet.writeUInt16BE(number, 6)
  packet.writeUInt32BE(high, 8)
  packet.writeUInt32BE(low + number, 12)
  // The kernel makes that of ICMPv6.
  if (family === 4) packet.writeUInt16BE(checksum(packet), 2)
  return packet
}

/** The first packet of a connection. @param source port */
export function synSegment(flow: Flow, number: number, source: number): Buffer {
  const packet = Buffer.alloc(TCP_BYTES)
  packet.writeUInt16BE(source, 0)
  packet.writeUInt16BE(flow.port ?? 0, 2)
  packet.writeUInt32BE(partsOf(flow.mark).low + number, 4)
  packet[12] = (TCP_BYTES / 4) << 4
  packet[13] = TCP_FLAGS.syn
  packet.writeUInt16BE(WINDOW, 14)
  packet.writeUInt16BE(checksum(Buffer.concat([pseudoHeader(flow), packet])), 16)
  return packet
}

/** RFC 9293, RFC 8200: the same sum for both, as only lengths and order differ. */
function pseudoHeader({ from, to }: Flow): Buffer {
  const rest = Buffer.alloc(4)
  rest.writeUInt8(PROTOCOL.tcp[4], 1)
  rest.writeUInt16BE(TCP_BYTES, 2)
  return Buffer.concat([ipToBytes(from), ipToBytes(to), rest])
}
