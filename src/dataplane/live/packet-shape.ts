/** Numbers of ICMP, ICMPv6 and TCP, and how a mark is in their packets. */
import { PROBE_NUMBERS } from '../../core/live.js'

/** linux/in.h */
export const PROTOCOL = { icmp: { 4: 1, 6: 58 }, tcp: { 4: 6, 6: 6 } } as const
/** linux/icmp.h, linux/icmpv6.h */
export const ECHO = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const
/** RFC 9293 */
export const TCP_FLAGS = { fin: 0x01, syn: 0x02, rst: 0x04, ack: 0x10 } as const
/** where the number is that an answer acknowledges */
export const TCP_ACK = 8

/** The two words of a mark. The second one, with a probe's number, is also the sequence number of TCP. */
export function partsOf(mark: string): { readonly high: number; readonly low: number } {
  const bytes = Buffer.from(mark.padStart(16, '0').slice(0, 16), 'hex')
  return { high: bytes.readUInt32BE(0), low: (bytes.readUInt32BE(4) & ~PROBE_NUMBERS) >>> 0 }
}
