/**
 * Rules of nf_tables as the kernel takes them: expressions that load packet data into registers,
 * compare them and give a verdict. An expression that cannot load its data (too short a packet, no
 * such header) ends its rule without a verdict, so rules that accept are safe against it and rules
 * that drop need one behind them that catches the rest.
 */
import { attr, nested, text, u8, u16be, u32be } from '../rtnl/codec.js'
import {
  CMP,
  EXTHDR,
  FIB,
  LOOKUP_INVERTED,
  META,
  NFT_DYNSET_OP_UPDATE,
  NFT_PAYLOAD_CSUM_INET,
  NFT_PAYLOAD_L4CSUM_PSEUDOHDR,
  NFT_REG,
  NFTA_DATA,
  NFTA_DYNSET,
  NFTA_EXPR,
  NFTA_LOG,
  NFTA_PAYLOAD,
  NFTA_VERDICT,
  PAYLOAD,
  VERDICT,
} from './constants.js'

/** One expression, or several in order. */
export type Expressions = readonly Buffer[]

const REGISTER_BYTES = 4

/** One expression of the kernel, by its name and attributes. */
export function expression(name: string, ...data: readonly Buffer[]): Buffer {
  return Buffer.concat([text(NFTA_EXPR.NAME, name), nested(NFTA_EXPR.DATA, ...data)])
}

/** The register that is `offset` bytes behind the first; parts of a set's key stand in a row. */
export function register(offset: number): number {
  return NFT_REG.FIRST + offset / REGISTER_BYTES
}

/** Loads what the kernel knows of the packet (META). */
export function meta(key: number, at = 0): Buffer {
  return expression('meta', u32be(1, register(at)), u32be(2, key))
}

/** Loads bytes of the packet. */
export function payload(base: number, offset: number, length: number, at = 0): Buffer {
  const where = [u32be(2, base), u32be(3, offset), u32be(4, length)]
  return expression('payload', u32be(1, register(at)), ...where)
}

/** Compares with the first bytes of the first registers. */
export function compare(value: Uint8Array, operation: number): Buffer {
  const data = nested(3, attr(NFTA_DATA.VALUE, value))
  return expression('cmp', u32be(1, NFT_REG.FIRST), u32be(2, operation), data)
}

/** Name of the port, as a set's key begins: 16 bytes, filled with zeros (IFNAMSIZ). */
export const IFNAME_BYTES = 16
const portName = meta(META.IIFNAME)

/** The receiving device's name begins so. */
export function fromDevices(prefix: string): Expressions {
  return [portName, compare(Buffer.from(prefix), CMP.EQ)]
}

export function notFromDevices(prefix: string): Expressions {
  return [portName, compare(Buffer.from(prefix), CMP.NEQ)]
}

/** The receiving device is of this rtnl_link_ops kind (kernel 5.6 on). */
export function fromKind(kind: string): Expressions {
  return [meta(META.IIFKIND), compare(Buffer.from(`${kind}\0`), CMP.EQ)]
}

export type Base = 'link' | 'network' | 'transport'
const BASES = { link: PAYLOAD.LINK, network: PAYLOAD.NETWORK, transport: PAYLOAD.TRANSPORT }

/** Bytes of the packet are these. */
export function bytesAre(base: Base, offset: number, value: readonly number[]): Expressions {
  return [payload(BASES[base], offset, value.length), compare(Uint8Array.from(value), CMP.EQ)]
}

export function bytesAreNot(base: Base, offset: number, value: readonly number[]): Expressions {
  return [payload(BASES[base], offset, value.length), compare(Uint8Array.from(value), CMP.NEQ)]
}

/** The address at this place is in fe80::/10. */
export function isLinkLocal6(base: Base, offset: number): Expressions {
  const masked = mask(Uint8Array.of(0xff, 0xc0))
  return [payload(BASES[base], offset, 2), masked, compare(Uint8Array.of(0xfe, 0x80), CMP.EQ)]
}

/** Leaves these bits of the first register's first bytes. */
export function mask(bits: Uint8Array): Buffer {
  const here = [u32be(1, NFT_REG.FIRST), u32be(2, NFT_REG.FIRST), u32be(3, bits.length)]
  const kept = nested(4, attr(NFTA_DATA.VALUE, bits))
  const turned = nested(5, attr(NFTA_DATA.VALUE, new Uint8Array(bits.length)))
  return expression('bitwise', ...here, kept, turned)
}

/** Bytes of the packet, behind the receiving port's name, are in the set. */
export function portHas(set: string, base: Base, offset: number, length: number): Expressions {
  return [portName, payload(BASES[base], offset, length, IFNAME_BYTES), lookup(set, 0)]
}

/** As portHas, with several pieces of the packet in a row, each of whole registers (4 bytes). */
export function portHasAll(
  set: string,
  ...pieces: readonly (readonly [base: Base, offset: number, length: number])[]
): Expressions {
  let at = IFNAME_BYTES
  const loads = pieces.map(([base, offset, length]) => {
    const load = payload(BASES[base], offset, length, at)
    at += length
    return load
  })
  return [portName, ...loads, lookup(set, 0)]
}

export function portHasNot(set: string, base: Base, offset: number, length: number): Expressions {
  const load = payload(BASES[base], offset, length, IFNAME_BYTES)
  return [portName, load, lookup(set, LOOKUP_INVERTED)]
}

export function isIn(set: string, base: Base, offset: number, length: number): Expressions {
  return [payload(BASES[base], offset, length), lookup(set, 0)]
}

export function isNotIn(set: string, base: Base, offset: number, length: number): Expressions {
  return [payload(BASES[base], offset, length), lookup(set, LOOKUP_INVERTED)]
}

function lookup(set: string, flags: number): Buffer {
  const flag = flags === 0 ? [] : [u32be(5, flags)]
  return expression('lookup', text(1, set), u32be(2, NFT_REG.FIRST), ...flag)
}

/** Of this NFPROTO_…, in a table of family inet. */
export function protocolIs(family: number): Expressions {
  return [meta(META.NFPROTO), compare(Uint8Array.of(family), CMP.EQ)]
}

/** Of this IPPROTO_…, behind IPv6 extension headers if there are any. */
export function transportIs(protocol: number): Expressions {
  return [meta(META.L4PROTO), compare(Uint8Array.of(protocol), CMP.EQ)]
}

export function transportIsNot(protocol: number): Expressions {
  return [meta(META.L4PROTO), compare(Uint8Array.of(protocol), CMP.NEQ)]
}

/** An IPv6 packet has this extension header. */
export function hasExtension(header: number): Expressions {
  const what = [u32be(1, NFT_REG.FIRST), u8(2, header), u32be(3, 0), u32be(4, 1)]
  const how = [u32be(5, EXTHDR.PRESENT), u32be(6, EXTHDR.IPV6)]
  return [expression('exthdr', ...what, ...how), compare(Uint8Array.of(1), CMP.EQ)]
}

/** This host would not send to the packet's source by the device that it came from. */
export function isOffPath(): Expressions {
  const flags = FIB.SADDR | FIB.IIF | FIB.PRESENT
  const look = [u32be(1, NFT_REG.FIRST), u32be(2, FIB.OIF), u32be(3, flags)]
  return [expression('fib', ...look), compare(Uint8Array.of(0), CMP.EQ)]
}

export function verdict(code: number, chain?: string): Buffer {
  const to = chain === undefined ? [] : [text(NFTA_VERDICT.CHAIN, chain)]
  const value = nested(NFTA_DATA.VERDICT, u32be(NFTA_VERDICT.CODE, code), ...to)
  return expression('immediate', u32be(1, NFT_REG.VERDICT), nested(2, value))
}

export const counter = expression('counter')

/** The packet's mark is this one. */
export function markIs(mark: number): Expressions {
  return [meta(META.MARK), compare(native32(mark), CMP.EQ)]
}

/** The packet's mark gets into the set, for as long as its elements last. */
export function refreshMark(set: string): Expressions {
  const what = [text(NFTA_DYNSET.SET_NAME, set), u32be(NFTA_DYNSET.OP, NFT_DYNSET_OP_UPDATE)]
  return [
    meta(META.MARK),
    expression('dynset', ...what, u32be(NFTA_DYNSET.SREG_KEY, NFT_REG.FIRST)),
  ]
}

/** The set has this mark, whatever the packet's. */
export function hasMark(set: string, mark: number): Expressions {
  return [constant(native32(mark)), lookup(set, 0)]
}

/** As the kernel compares marks: in the byte order of the machine, which is little-endian. */
export function native32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function constant(value: Uint8Array): Buffer {
  const data = nested(2, attr(NFTA_DATA.VALUE, value))
  return expression('immediate', u32be(1, NFT_REG.FIRST), data)
}

/** Where an IPv4 packet says its ends: bytes of the network header, and of UDP's and TCP's. */
const ENDS = { source: { address: 12, port: 0 }, destination: { address: 16, port: 2 } } as const
const IP_CHECKSUM = 10
/** of TCP and UDP, by IPPROTO_… */
const CHECKSUMS = { 6: 16, 17: 6 } as const

/** As a packet has it. */
export function portBytes(port: number): readonly number[] {
  return [port >> 8, port & 0xff]
}

/**
 * Packets of an IPv4 transport that match get another source or destination, each by itself: no
 * connection is tracked, so none remembers what was true before.
 */
export function rewrite(
  end: keyof typeof ENDS,
  protocol: keyof typeof CHECKSUMS,
  to: { readonly address: Uint8Array; readonly port: number },
  ...matches: readonly Expressions[]
): Rule {
  const { address, port } = ENDS[end]
  const number = Uint8Array.from(portBytes(to.port))
  const pseudoHeader = u32be(NFTA_PAYLOAD.CSUM_FLAGS, NFT_PAYLOAD_L4CSUM_PSEUDOHDR)
  return rule(
    [transportIs(protocol), ...matches],
    [
      constant(to.address),
      write(PAYLOAD.NETWORK, address, to.address.length, IP_CHECKSUM, pseudoHeader),
      constant(number),
      write(PAYLOAD.TRANSPORT, port, number.length, CHECKSUMS[protocol]),
      expression('notrack'),
    ],
  )
}

/** Puts the first register into the packet, and its checksum right. */
function write(
  base: number,
  offset: number,
  length: number,
  checksum: number,
  ...more: readonly Buffer[]
): Buffer {
  return expression(
    'payload',
    u32be(NFTA_PAYLOAD.SREG, NFT_REG.FIRST),
    u32be(NFTA_PAYLOAD.BASE, base),
    u32be(NFTA_PAYLOAD.OFFSET, offset),
    u32be(NFTA_PAYLOAD.LEN, length),
    u32be(NFTA_PAYLOAD.CSUM_TYPE, NFT_PAYLOAD_CSUM_INET),
    u32be(NFTA_PAYLOAD.CSUM_OFFSET, checksum),
    ...more,
  )
}

/** A rule: all of `matches` hold, then its verdict. */
export interface Rule {
  readonly expressions: Expressions
  /** chain that it goes to */
  readonly target?: string
}

/** All of `matches` hold, then what is at the end. */
export function rule(matches: readonly Expressions[], end: readonly Buffer[]): Rule {
  return { expressions: [...matches.flat(), ...end] }
}

export function accept(...matches: readonly Expressions[]): Rule {
  return rule(matches, [verdict(VERDICT.ACCEPT)])
}

/** Counts what it drops; `nft list table …` shows it. */
export function drop(...matches: readonly Expressions[]): Rule {
  return rule(matches, [counter, verdict(VERDICT.DROP)])
}

/** The packet's fate is decided by another chain; at its end the hook's policy holds. */
export function goTo(target: string, ...matches: readonly Expressions[]): Rule {
  return { ...rule(matches, [verdict(VERDICT.GOTO, target)]), target }
}

/** Hands the packet to whoever has bound this group of nfnetlink_log; it goes on to the next rule. */
export function tell(group: number, ...matches: readonly Expressions[]): Rule {
  const to = [u16be(NFTA_LOG.GROUP, group), u16be(NFTA_LOG.QTHRESHOLD, 1)]
  return rule(matches, [expression('log', ...to)])
}
