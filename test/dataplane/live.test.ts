/** What a live trace sends, and which packets its filters let pass: byte by byte. */
import t from 'tap'
import { familyOf, type Ip, ipToBytes } from '../../src/core/ip.js'
import type { Flow, Wrapping } from '../../src/core/live.js'
import { checksum } from '../../src/dataplane/checksum.js'
import { filterProgram } from '../../src/dataplane/live/filter.js'
import { flowMatches, type What } from '../../src/dataplane/live/flow-matches.js'
import { echoRequest, synSegment } from '../../src/dataplane/live/probe-packets.js'

const MARK = '0123456789abcde0'
const FOUR: Flow = {
  ...{ from: '10.20.0.5' as Ip, to: '10.20.0.9' as Ip, protocol: 'icmp', mark: MARK },
}
const SIX: Flow = { ...FOUR, from: 'fd20::5' as Ip, to: 'fd20::9' as Ip }
const tcp = (flow: Flow): Flow => ({ ...flow, protocol: 'tcp', port: 443 })
const ROOM = 128
const OUTGOING = 4
const HOST = 0

const SIZES: Readonly<Record<number, number>> = { 48: 1, 40: 2, 32: 4 }
const PACKET_TYPE = 0xfffff004

/** Undefined: it is not in the packet, and the kernel lets nothing pass. */
function loaded(packet: Buffer, code: number, at: number, direction: number): number | undefined {
  const size = SIZES[code]
  if (size === undefined) throw new Error(`instruction ${code}`)
  if (at === PACKET_TYPE) return direction
  return at + size > packet.length ? undefined : packet.readUIntBE(at, size)
}

/** As the kernel runs them (net/core/filter.c), so far as they are used here. */
function runs(program: Buffer, packet: Buffer, direction: number, at = 0, value = 0): number {
  const on = (next: number, found: number) => runs(program, packet, direction, next, found)
  const code = program.readUInt16LE(at)
  const k = program.readUInt32LE(at + 4)
  if (code === 0x06) return k
  if (code === 0x15) return on(at + 8 + 8 * program.readUInt8(at + (value === k ? 2 : 3)), value)
  if (code === 0x54) return on(at + 8, (value & k) >>> 0)
  const found = loaded(packet, code, k, direction)
  return found === undefined ? 0 : on(at + 8, found)
}

function header(from: Ip, to: Ip, protocol: number): Buffer {
  const [source, destination] = [ipToBytes(from), ipToBytes(to)]
  const bytes = Buffer.alloc(source.length === 4 ? 12 : 8)
  bytes[0] = source.length === 4 ? 0x45 : 0x60
  bytes[source.length === 4 ? 9 : 6] = protocol
  return Buffer.concat([bytes, source, destination])
}

function probe(flow: Flow, number = 0): Buffer {
  const v4 = familyOf(flow.to) === 4
  return flow.protocol === 'tcp'
    ? Buffer.concat([header(flow.from, flow.to, 6), synSegment(flow, number, 50_000)])
    : Buffer.concat([header(flow.from, flow.to, v4 ? 1 : 58), echoRequest(flow, number, 77)])
}

/** What the other end's kernel makes of a probe. */
function answer(flow: Flow, number = 0, flags = 0x12): Buffer {
  const packet = probe({ ...flow, from: flow.to, to: flow.from }, number)
  const at = flow.to === FOUR.to ? 20 : 40
  if (flow.protocol === 'icmp') packet[at] = at === 20 ? 0 : 129
  else {
    packet.writeUInt32BE((packet.readUInt32BE(at + 4) + 1) >>> 0, at + 8)
    packet.writeUInt32BE(0xdeadbeef, at + 4)
    packet.writeUInt16BE(443, at)
    packet.writeUInt16BE(50_000, at + 2)
    packet[at + 13] = flags
  }
  return packet
}

function inVxlan({ vni, port, family }: Wrapping, inner: Buffer): Buffer {
  const ends = family === 4 ? ['192.0.2.1', '192.0.2.2'] : ['fd00::1', 'fd00::2']
  const udp = Buffer.alloc(8)
  udp.writeUInt16BE(port, 2)
  const vxlan = Buffer.alloc(8)
  vxlan[0] = 8
  vxlan.writeUIntBE(vni, 4, 3)
  const ethernet = Buffer.alloc(14)
  ethernet.writeUInt16BE(inner[0] === 0x45 ? 0x0800 : 0x86dd, 12)
  const outer = header(ends[0] as Ip, ends[1] as Ip, 17)
  return Buffer.concat([outer, udp, vxlan, ethernet, inner])
}

const passes = (
  flow: Flow,
  what: What,
  packet: Buffer,
  { way = 'in' as 'in' | 'out', wrapping = undefined as Wrapping | undefined } = {},
) =>
  runs(
    filterProgram(way, flowMatches(flow, what, wrapping), ROOM),
    packet,
    way === 'out' ? OUTGOING : HOST,
  ) === ROOM

const FLOWS = [FOUR, SIX, tcp(FOUR), tcp(SIX)]

t.test('probes and their answers pass, and neither for the other', async (t) => {
  for (const flow of FLOWS) {
    for (const number of [0, 7, 19]) {
      t.ok(passes(flow, 'probes', probe(flow, number)), `${flow.protocol} to ${flow.to}`)
      t.ok(passes(flow, 'answers', answer(flow, number)))
    }
    t.notOk(passes(flow, 'answers', probe(flow)))
    t.notOk(passes(flow, 'probes', answer(flow)))
  }
  t.ok(passes(tcp(FOUR), 'answers', answer(tcp(FOUR), 3, 0x14)), 'a refusal is an answer')
  const ended = answer(tcp(FOUR), 0, 0x04)
  t.notOk(passes(tcp(FOUR), 'probes', ended), 'how our kernel ends what is answered is no probe')
})

t.test('in VXLAN, by either family, and only in that of the network', async (t) => {
  for (const family of [4, 6] as const)
    for (const flow of FLOWS) {
      const wrapping = { vni: 4096, port: 4789, family }
      const packet = inVxlan(wrapping, probe(flow, 2))
      t.ok(packet.length - (flow.protocol === 'icmp' ? 48 : 4) <= ROOM, 'what matters fits')
      t.ok(passes(flow, 'probes', packet, { wrapping }))
      t.ok(passes(flow, 'answers', inVxlan(wrapping, answer(flow)), { wrapping }))
      t.notOk(passes(flow, 'probes', packet))
      t.notOk(passes(flow, 'probes', packet, { wrapping: { ...wrapping, vni: 4097 } }))
      t.notOk(passes(flow, 'probes', packet, { wrapping: { ...wrapping, port: 8472 } }))
      t.notOk(passes(flow, 'probes', probe(flow), { wrapping }))
    }
})

t.test('each other mark, end, port and way is let by', async (t) => {
  for (const flow of FLOWS) {
    const others: readonly Partial<Flow>[] = [
      { mark: '0123456789abcdc0' },
      { from: (flow.to === FOUR.to ? '10.20.0.6' : 'fd20::6') as Ip },
      { to: (flow.to === FOUR.to ? '10.20.0.8' : 'fd20::8') as Ip },
      ...(flow.protocol === 'tcp' ? [{ port: 80 }] : [{ mark: '0123456689abcde0' }]),
    ]
    for (const other of others)
      t.notOk(passes(flow, 'probes', probe({ ...flow, ...other })), JSON.stringify(other))
    t.notOk(passes(flow, 'probes', probe(flow).subarray(0, 30)), 'a packet that is cut off')
    const [inward, outward] = (['in', 'out'] as const).map((way) =>
      filterProgram(way, flowMatches(flow, 'probes', undefined), ROOM),
    ) as [Buffer, Buffer]
    t.equal(runs(inward, probe(flow), OUTGOING), 0)
    t.equal(runs(outward, probe(flow), HOST), 0)
    t.equal(runs(outward, probe(flow), OUTGOING), ROOM)
  }
})

t.test('sums are right', async (t) => {
  t.equal(checksum(echoRequest(FOUR, 3, 9)), 0, 'over all, with the sum in it')
  t.equal(echoRequest(SIX, 3, 9).readUInt16BE(2), 0, "the kernel's")
  for (const flow of [tcp(FOUR), tcp(SIX)]) {
    const segment = synSegment(flow, 5, 50_000)
    const pseudo = Buffer.concat([
      ...[ipToBytes(flow.from), ipToBytes(flow.to)],
      Buffer.from([0, 6, 0, segment.length]),
    ])
    t.equal(checksum(Buffer.concat([pseudo, segment])), 0)
    t.equal(segment.readUInt32BE(4) & 0x1f, 5, 'its number is in the sequence number')
  }
})
