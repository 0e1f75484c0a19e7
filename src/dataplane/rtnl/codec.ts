/**
 * Netlink attributes and addresses to and from bytes. Numbers are in the host's byte order, which
 * is little-endian on every platform that we ship for; what the kernel wants big-endian says so.
 */
import type { Family, Ip } from '../../core/ip.js'
import { familyOf, ipFromBytes, ipToBytes } from '../../core/ip.js'
import { AF } from './constants.js'

const HEADER = 4
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER sit above the type (netlink.h). */
const TYPE_MASK = 0x3fff

export type Attributes = ReadonlyMap<number, Buffer>

const align = (length: number): number => (length + 3) & ~3

/** One attribute, padded to four bytes. */
export function attr(type: number, value: Uint8Array): Buffer {
  const buffer = Buffer.alloc(align(HEADER + value.length))
  buffer.writeUInt16LE(HEADER + value.length, 0)
  buffer.writeUInt16LE(type, 2)
  buffer.set(value, HEADER)
  return buffer
}

export function nested(type: number, ...inner: readonly Buffer[]): Buffer {
  return attr(type, Buffer.concat(inner))
}

export function u8(type: number, value: number): Buffer {
  return attr(type, Uint8Array.of(value))
}

export function u16be(type: number, value: number): Buffer {
  return attr(type, Uint8Array.of(value >> 8, value & 0xff))
}

export function u32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return attr(type, bytes)
}

export function u32be(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value | 0)
  return attr(type, bytes)
}

export function u64be(type: number, value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return attr(type, bytes)
}

export function text(type: number, value: string): Buffer {
  return attr(type, Buffer.from(`${value}\0`))
}

/** Reads the attributes that start at `offset`; a malformed rest is left out. */
export function parseAttributes(buffer: Buffer, offset = 0): Attributes {
  const found = new Map<number, Buffer>()
  let at = offset
  while (at + HEADER <= buffer.length) {
    const length = buffer.readUInt16LE(at)
    if (length < HEADER || at + length > buffer.length) break
    found.set(buffer.readUInt16LE(at + 2) & TYPE_MASK, buffer.subarray(at + HEADER, at + length))
    at += align(length)
  }
  return found
}

export function readText(value: Buffer | undefined): string {
  if (value === undefined) return ''
  const end = value.indexOf(0)
  return value.toString('utf8', 0, end < 0 ? value.length : end)
}

export function readU32(value: Buffer | undefined): number {
  return value !== undefined && value.length >= 4 ? value.readUInt32LE() : 0
}

/** The address of a 4 or 16 byte attribute. */
export function readIp(value: Buffer | undefined): Ip | undefined {
  return value?.length === 4 || value?.length === 16 ? ipFromBytes(value) : undefined
}

/** AF_INET or AF_INET6. */
export function addressFamily(family: Family): number {
  return family === 4 ? AF.INET : AF.INET6
}

/**
 * ipToBytes for thousands of addresses: core's goes through big numbers for IPv6, which takes
 * 35 µs each, four times as long as the kernel needs for the entry.
 */
export function addressBytes(ip: Ip): Uint8Array {
  if (familyOf(ip) === 4) return bytes4(ip)
  if (ip.includes('.')) return ipToBytes(ip)
  const [head = '', tail] = ip.split('::')
  const bytes = Buffer.alloc(16)
  writeGroups(bytes, 0, head)
  if (tail !== undefined && tail !== '') writeGroups(bytes, 16 - 2 * tail.split(':').length, tail)
  return bytes
}

function bytes4(ip: Ip): Uint8Array {
  const bytes = new Uint8Array(4)
  let at = 0
  for (let index = 0; index < ip.length; index += 1) {
    const code = ip.charCodeAt(index)
    if (code === DOT) at += 1
    else bytes[at] = 10 * (bytes[at] ?? 0) + code - ZERO
  }
  return bytes
}

const DOT = 46
const ZERO = 48

function writeGroups(bytes: Buffer, offset: number, groups: string): void {
  if (groups === '') return
  let at = offset
  for (const group of groups.split(':')) {
    bytes.writeUInt16BE(Number.parseInt(group, 16), at)
    at += 2
  }
}
