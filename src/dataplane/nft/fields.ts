/**
 * What the kernel knows of a packet, as fields that make up the key of a set: each begins at a
 * register of its own (4 bytes), one behind the other.
 */
import { text, u32be } from '../rtnl/codec.js'
import { CMP, FIB, LOOKUP_INVERTED, META, NFT_REG, PAYLOAD, RTN_LOCAL } from './constants.js'
import type { Expressions } from './expressions.js'
import { compare, expression, IFNAME_BYTES, mask, meta, native32, payload } from './expressions.js'

export interface Field {
  /** in a key; filled up to whole registers */
  readonly bytes: number
  /** its type, as nft's datatype.h numbers it */
  readonly type: number
  load(at: number): Buffer
}

const ofMeta = (key: number, bytes: number, type: number): Field => ({
  bytes,
  type,
  load: (at) => meta(key, at),
})
const ofPacket = (base: number, offset: number, bytes: number, type: number): Field => ({
  bytes,
  type,
  load: (at) => payload(base, offset, bytes, at),
})

/** Names of the receiving and of the sending device. */
export const IN = ofMeta(META.IIFNAME, IFNAME_BYTES, 41)
export const OUT = ofMeta(META.OIFNAME, IFNAME_BYTES, 41)
/** NFPROTO_… */
export const FAMILY = ofMeta(META.NFPROTO, 1, 2)
/** IPPROTO_… */
export const TRANSPORT = ofMeta(META.L4PROTO, 1, 12)
/** Destination port: TCP, UDP and SCTP have it in the same place. */
export const PORT = ofPacket(PAYLOAD.TRANSPORT, 2, 2, 13)
export const SOURCE = {
  4: ofPacket(PAYLOAD.NETWORK, 12, 4, 7),
  6: ofPacket(PAYLOAD.NETWORK, 8, 16, 8),
} as const
export const DESTINATION = {
  4: ofPacket(PAYLOAD.NETWORK, 16, 4, 7),
  6: ofPacket(PAYLOAD.NETWORK, 24, 16, 8),
} as const

const whole = (bytes: number): number => (bytes + 3) & ~3

/** Length and type of a key of these fields. */
export function keyOf(...fields: readonly Field[]): { length: number; type: number } {
  return {
    length: fields.reduce((sum, { bytes }) => sum + whole(bytes), 0),
    type: fields.reduce((joined, { type }) => (joined << 6) | type, 0),
  }
}

/** As keyOf, for a set whose elements are ranges. */
export function rangeKeyOf(...fields: readonly Field[]) {
  return { ...keyOf(...fields), fields: fields.map(({ bytes }) => bytes) }
}

/** Values of a key's fields in a row. */
export function join(...values: readonly Uint8Array[]): Buffer {
  const padded = values.map((value) => {
    const field = Buffer.alloc(whole(value.length))
    field.set(value)
    return field
  })
  return Buffer.concat(padded)
}

/** A device's name as a field has it. */
export function nameBytes(dev: string): Buffer {
  const name = Buffer.alloc(IFNAME_BYTES)
  name.write(dev, 0, IFNAME_BYTES - 1)
  return name
}

export function has(set: string, ...fields: readonly Field[]): Expressions {
  return lookUp(set, fields, 0)
}

export function hasNot(set: string, ...fields: readonly Field[]): Expressions {
  return lookUp(set, fields, LOOKUP_INVERTED)
}

function lookUp(set: string, fields: readonly Field[], flags: number): Expressions {
  const flag = flags === 0 ? [] : [u32be(5, flags)]
  const look = expression('lookup', text(1, set), u32be(2, NFT_REG.FIRST), ...flag)
  return [...load(fields), look]
}

/** Loads what the map has for these fields into registers, from the first on; without it, no match. */
export function translate(map: string, ...fields: readonly Field[]): Expressions {
  const to = u32be(3, NFT_REG.FIRST)
  return [...load(fields), expression('lookup', text(1, map), u32be(2, NFT_REG.FIRST), to)]
}

function load(fields: readonly Field[]): Expressions {
  let at = 0
  return fields.map((field) => {
    const here = field.load(at)
    at += whole(field.bytes)
    return here
  })
}

/** The field begins with these bytes. */
export function begins(field: Field, value: Uint8Array | string): Expressions {
  return [field.load(0), compare(Buffer.from(value), CMP.EQ)]
}

/** The device is the one of this name. */
export function isDevice(field: Field, dev: string): Expressions {
  return [field.load(0), compare(nameBytes(dev), CMP.EQ)]
}

/** The sending device is of this rtnl_link_ops kind (kernel 5.6 on). */
export function toKind(kind: string): Expressions {
  return [meta(META.OIFKIND), compare(Buffer.from(`${kind}\0`), CMP.EQ)]
}

/** These bits of the field's first byte have this value. */
export function firstBits(field: Field, bits: number, value: number): Expressions {
  return [field.load(0), mask(Uint8Array.of(bits)), compare(Uint8Array.of(value), CMP.EQ)]
}

/** The packet is to an address of this host, seen from the device that it came by, if any. */
export function isToHost(): Expressions {
  const look = [u32be(1, NFT_REG.FIRST), u32be(2, FIB.ADDRTYPE), u32be(3, FIB.DADDR)]
  return [expression('fib', ...look), compare(native32(RTN_LOCAL), CMP.EQ)]
}

/** This host would send to the packet's source by a device whose name begins so. */
export function isSourceBehind(prefix: string): Expressions {
  const look = [u32be(1, NFT_REG.FIRST), u32be(2, FIB.OIFNAME), u32be(3, FIB.SADDR)]
  return [expression('fib', ...look), compare(Buffer.from(prefix), CMP.EQ)]
}
