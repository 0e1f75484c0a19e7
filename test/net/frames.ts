/**
 * Frames as an attacker makes them, byte by byte, and sockets that send and see them: AF_PACKET in
 * processes of their own inside a namespace.
 */
import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { ipToBytes, parseIp } from '../../src/core/ip.js'

/** if_ether.h, in.h */
export const TYPE = { IPV4: 0x0800, ARP: 0x0806, VLAN: 0x8100, IPV6: 0x86dd, LLDP: 0x88cc } as const
export const PROTO = { UDP: 17, ICMPV6: 58, FRAGMENT: 44, HOP_BY_HOP: 0 } as const

const u16 = (value: number): Buffer => Buffer.from([(value >> 8) & 255, value & 255])
const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex')

export function ipBytes(text: string): Buffer {
  const ip = parseIp(text)
  if (ip === undefined) throw new Error(`${text} is no address`)
  return Buffer.from(ipToBytes(ip))
}

export function ether(source: string, to: string, type: number, payload: Buffer): Buffer {
  return Buffer.concat([macBytes(to), macBytes(source), u16(type), payload])
}

/** A VLAN tag before a payload of `type`. */
export function vlan(id: number, type: number, payload: Buffer): Buffer {
  return Buffer.concat([u16(id), u16(type), payload])
}

export function arp(sender: { mac: string; ip: string }, target: string, operation = 2): Buffer {
  const head = Buffer.from([0, 1, 8, 0, 6, 4, 0, operation])
  const aim = Buffer.concat([Buffer.alloc(6, 255), ipBytes(target)])
  return Buffer.concat([head, macBytes(sender.mac), ipBytes(sender.ip), aim])
}

export function ipv4(from: string, to: string, payload: Buffer): Buffer {
  const head = Buffer.alloc(20)
  head[0] = 0x45
  head.writeUInt16BE(20 + payload.length, 2)
  head.set([64, PROTO.UDP], 8)
  head.set(ipBytes(from), 12)
  head.set(ipBytes(to), 16)
  // br_netfilter drops what has a wrong one
  head.writeUInt16BE(checksum(head), 10)
  return Buffer.concat([head, payload])
}

/** RFC 1071 */
function checksum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16)
  return ~sum & 0xffff
}

export function ipv6(from: string, to: string, next: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head[0] = 0x60
  head.writeUInt16BE(payload.length, 4)
  head.set([next, 255], 6)
  return Buffer.concat([head, ipBytes(from), ipBytes(to), payload])
}

export function udp(payload: Buffer): Buffer {
  return Buffer.concat([u16(1111), u16(2222), u16(8 + payload.length), u16(0), payload])
}

/** A neighbour message (RFC 4861) about `target`, or any other of ICMPv6. */
export function icmp6(type: number, target = '::'): Buffer {
  return Buffer.concat([Buffer.from([type, 0, 0, 0, 0x20, 0, 0, 0]), ipBytes(target)])
}

const LIBC = `
  const koffi = require(process.argv[2])
  const libc = koffi.load('libc.so.6')
  const socket = libc.func('int socket(int, int, int)')
  const bind = libc.func('int bind(int, const void *, unsigned int)')
  const index = libc.func('unsigned int if_nametoindex(const char *)')
  const ETH_P_ALL = 0x0300
  const fd = socket(17, 3, ETH_P_ALL)
  const address = Buffer.alloc(20)
  address.writeUInt16LE(17, 0)
  address.writeUInt16LE(ETH_P_ALL, 2)
  address.writeInt32LE(index(process.argv[3]), 4)
  if (bind(fd, address, 20) !== 0) throw new Error('no such device')`
const SENDER = `${LIBC}
  const send = libc.func('long send(int, const void *, size_t, int)')
  for (const hex of process.argv.slice(4)) {
    const frame = Buffer.from(hex, 'hex')
    if (send(fd, frame, frame.length, 0) !== frame.length) throw new Error('not sent')
  }`
/** PACKET_AUXDATA would say which VLAN tag the kernel took off; the marker in the payload is enough. */
const WATCHER = `${LIBC}
  const recv = libc.func('long recv(int, void *, size_t, int)')
  const write = require('fs').writeSync
  write(1, 'up\\n')
  const buffer = Buffer.alloc(4096)
  for (;;) {
    const length = recv(fd, buffer, buffer.length, 0)
    if (length > 0) write(1, buffer.toString('hex', 0, length) + '\\n')
  }`

function command(netns: string, script: string, dev: string, args: readonly string[]): string[] {
  const koffi = import.meta.resolve('koffi').replace('file://', '')
  const node = [process.execPath, '-e', script, '--', 'frames', koffi, dev, ...args]
  return [`--net=${netns}`, ...node]
}

/** Sends frames in order by a device of the namespace. */
export function sendFrames(netns: string, dev: string, frames: readonly Buffer[]): void {
  const hex = frames.map((frame) => frame.toString('hex'))
  execFileSync('nsenter', command(netns, SENDER, dev, hex), { stdio: 'pipe' })
}

export interface Watcher {
  /** frames that passed the device, as hex */
  readonly seen: string[]
  stop(): Promise<void>
}

/** Sees all frames that pass a device from now on. */
export async function watchFrames(netns: string, dev: string): Promise<Watcher> {
  const child: ChildProcess = spawn('nsenter', command(netns, WATCHER, dev, []), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const seen: string[] = []
  if (child.stdout === null) throw new Error('no output')
  const lines = createInterface({ input: child.stdout })
  const up = once(lines, 'line')
  await up
  lines.on('line', (line) => seen.push(line))
  return {
    seen,
    stop: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

const DATAGRAMS = `
  const [source, to, port, ...packets] = process.argv.slice(2)
  const socket = require('dgram').createSocket(source.includes(':') ? 'udp6' : 'udp4')
  socket.bind(0, source, () => {
    let left = packets.length
    for (const hex of packets) {
      socket.send(Buffer.from(hex, 'hex'), Number(port), to, () => { if (--left === 0) socket.close() })
    }
  })`

/** Sends UDP from a local address of the namespace. */
export function sendDatagrams(
  netns: string,
  source: string,
  to: string,
  packets: readonly Buffer[],
  port = 4789,
): void {
  const hex = packets.map((packet) => packet.toString('hex'))
  const node = [process.execPath, '-e', DATAGRAMS, '--', 'datagrams', source, to, `${port}`, ...hex]
  execFileSync('nsenter', [`--net=${netns}`, ...node], { stdio: 'pipe' })
}
