/** What a flow's packets have in them, bare or in VXLAN: by it they are let through to an ear. */
import { familyOf, type Ip, ipToBytes } from '../../core/ip.js'
import { type Flow, PROBE_NUMBERS, type Wrapping } from '../../core/live.js'
import type { Match } from './filter.js'
import { ECHO, PROTOCOL, partsOf, TCP_ACK, TCP_FLAGS } from './packet-shape.js'

export type What = 'probes' | 'answers'

/** linux/in.h; RFC 791, RFC 8200, RFC 768, RFC 7348 */
const UDP = 17
const V4_HEADER = 20
const V6_HEADER = 40
const UDP_HEADER = 8
const VXLAN_HEADER = 8
const ETHERNET_HEADER = 14
const ETHERTYPE = { 4: 0x0800, 6: 0x86dd } as const
const VERSION_AND_LENGTH = 0x45

/** Where the flow's own IP header begins. */
export function innerAt(wrapping: Wrapping | undefined): number {
  if (wrapping === undefined) return 0
  const outer = wrapping.family === 4 ? V4_HEADER : V6_HEADER
  return outer + UDP_HEADER + VXLAN_HEADER + ETHERNET_HEADER
}

/** Where what follows the flow's own IP header begins. */
export function loadAt(flow: Flow, wrapping: Wrapping | undefined): number {
  return innerAt(wrapping) + (familyOf(flow.to) === 4 ? V4_HEADER : V6_HEADER)
}

export function flowMatches(
  flow: Flow,
  what: What,
  wrapping: Wrapping | undefined,
): readonly Match[] {
  const inner = innerAt(wrapping)
  const family = familyOf(flow.to)
  const protocol = PROTOCOL[flow.protocol][family]
  const [from, to] = what === 'probes' ? [flow.from, flow.to] : [flow.to, flow.from]
  const load = loadAt(flow, wrapping)
  return [
    ...(wrapping === undefined ? [] : wrapped(wrapping, family)),
    ...header(inner, family, protocol),
    ...addresses(inner, family, from, to),
    ...(flow.protocol === 'icmp' ? echoes(flow, what, load) : segments(flow, what, load)),
  ]
}

function wrapped({ vni, port, family }: Wrapping, inner: 4 | 6): readonly Match[] {
  const udp = family === 4 ? V4_HEADER : V6_HEADER
  const vxlan = udp + UDP_HEADER
  const type = vxlan + VXLAN_HEADER + ETHERNET_HEADER - 2
  return [
    ...header(0, family, UDP),
    { at: udp + 2, bytes: 2, value: port },
    { at: vxlan + 4, bytes: 4, mask: 0xffffff00, value: vni * 0x100 },
    { at: type, bytes: 2, value: ETHERTYPE[inner] },
  ]
}

/** Neither probes nor VXLAN packets of the kernel have options or extension headers. */
function header(at: number, family: 4 | 6, protocol: number): readonly Match[] {
  return family === 4
    ? [
        { at, bytes: 1, value: VERSION_AND_LENGTH },
        { at: at + 9, bytes: 1, value: protocol },
      ]
    : [
        { at, bytes: 1, mask: 0xf0, value: 0x60 },
        { at: at + 6, bytes: 1, value: protocol },
      ]
}

function addresses(at: number, family: 4 | 6, from: Ip, to: Ip): readonly Match[] {
  const bytes = Buffer.concat([ipToBytes(from), ipToBytes(to)])
  const first = at + (family === 4 ? 12 : 8)
  return Array.from({ length: bytes.length / 4 }, (_, word) => ({
    at: first + word * 4,
    bytes: 4 as const,
    value: bytes.readUInt32BE(word * 4),
  }))
}

function echoes(flow: Flow, what: What, at: number): readonly Match[] {
  const { request, reply } = ECHO[familyOf(flow.to)]
  const { high, low } = partsOf(flow.mark)
  return [
    { at, bytes: 1, value: what === 'probes' ? request : reply },
    { at: at + 8, bytes: 4, value: high },
    { at: at + 12, bytes: 4, mask: ~PROBE_NUMBERS, value: low },
  ]
}

function segments({ mark, port = 0 }: Flow, what: What, at: number): readonly Match[] {
  const { low } = partsOf(mark)
  const isProbe = what === 'probes'
  const flags = isProbe
    ? { mask: TCP_FLAGS.fin | TCP_FLAGS.syn | TCP_FLAGS.rst | TCP_FLAGS.ack, value: TCP_FLAGS.syn }
    : { mask: TCP_FLAGS.ack, value: TCP_FLAGS.ack }
  return [
    { at: at + (isProbe ? 2 : 0), bytes: 2, value: port },
    { at: at + (isProbe ? 4 : TCP_ACK), bytes: 4, mask: ~PROBE_NUMBERS, value: low },
    { at: at + 13, bytes: 1, ...flags },
  ]
}
