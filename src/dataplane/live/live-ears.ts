/**
 * An ear is a packet socket with a filter: the kernel shows it each packet of its device and copies only
 * those of the flow. They wait in the socket until somebody asks, so nothing runs meanwhile.
 */
import { closeSync } from 'node:fs'
import { type Ear, type Flow, type Heard, type OpenEar, PROBE_NUMBERS } from '../../core/live.js'
import { openFilteredEar, receiveNow } from '../libc.js'
import { filterProgram } from './filter.js'
import { flowMatches, loadAt, type What } from './flow-matches.js'
import { TCP_ACK, TCP_FLAGS } from './packet-shape.js'

/** An outer and an inner IPv6 header, and what is looked at behind them. */
const ROOM = 128
/** In one look: more than all probes, were each doubled on the way. */
const MOST = 256

/** In the namespace of the calling thread; synchronous. */
export function openLiveEar(flow: Flow, what: What, ear: Ear): OpenEar | string {
  const program = filterProgram(ear.way, flowMatches(flow, what, ear.wrapping), ROOM)
  const fd = openFilteredEar(ear.dev, program)
  if (typeof fd === 'string') return fd
  const at = loadAt(flow, ear.wrapping)
  const packets = new Set<number>()
  const resets = new Set<number>()
  const look = (): Heard => {
    for (let turn = 0; turn < MOST; turn += 1) {
      const packet = receiveNow(fd, ROOM)
      if (packet === undefined) break
      const number = numberOf(packet, flow, what, at)
      packets.add(number)
      if (isReset(packet, flow, what, at)) resets.add(number)
    }
    return { packets: packets.size, resets: resets.size }
  }
  return { heard: look, close: () => closeSync(fd) }
}

/** Which probe it is, or answers. */
function numberOf(packet: Buffer, { protocol }: Flow, what: What, at: number): number {
  if (protocol === 'icmp') return packet.readUInt32BE(at + 12) & PROBE_NUMBERS
  if (what === 'probes') return packet.readUInt32BE(at + 4) & PROBE_NUMBERS
  return (packet.readUInt32BE(at + TCP_ACK) - 1) & PROBE_NUMBERS
}

function isReset(packet: Buffer, { protocol }: Flow, what: What, at: number): boolean {
  if (protocol === 'icmp' || what === 'probes') return false
  return ((packet[at + 13] ?? 0) & TCP_FLAGS.rst) !== 0
}
