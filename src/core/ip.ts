/**
 * Addresses and prefixes as text, parsed once at the edge and compared as text from then on.
 * A value of type Ip or Cidr is canonical (RFC 5952 for IPv6), so `===` is equality and both can
 * be part of a store key. This is the only file that imports ip-cidr.
 */
import { isIP } from 'node:net'
import IpCidr from 'ip-cidr'

declare const brand: unique symbol
/** One address in canonical text: `10.20.0.5`, `fd00::5`. */
export type Ip = string & { readonly [brand]: 'ip' }
/** An address with its prefix length, host bits kept: `10.20.0.5/16`. */
export type Cidr = string & { readonly [brand]: 'cidr' }
export type Family = 4 | 6

/** Parses one address; undefined when `text` is none (a zone or a prefix length is not allowed). */
export function parseIp(text: string): Ip | undefined {
  const family = isIP(text)
  if (family === 0 || text.includes('%')) return undefined
  return (family === 4 ? text : IpCidr.createAddress(withHexTail(text)).correctForm()) as Ip
}

/** `::ffff:10.0.0.5` → `::ffff:a00:5`: ip-cidr would make an IPv4 address of it, but not of `::ffff:a00:5`. */
function withHexTail(text: string): string {
  return text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...parts) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number)
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
  })
}

/** Parses `address/length`, keeping host bits; undefined when `text` is none. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/')
  if (slash < 0 || !/^\d{1,3}$/.test(text.slice(slash + 1))) return undefined
  const ip = parseIp(text.slice(0, slash))
  const length = Number(text.slice(slash + 1))
  if (ip === undefined || length > bitsOf(familyOf(ip))) return undefined
  return `${ip}/${length}` as Cidr
}

export function familyOf(value: Ip | Cidr): Family {
  return value.includes(':') ? 6 : 4
}

/** Number of address bits of a family: 32 or 128. */
export function bitsOf(family: Family): number {
  return family === 4 ? 32 : 128
}

export function ipOf(cidr: Cidr): Ip {
  return cidr.slice(0, cidr.indexOf('/')) as Ip
}

export function prefixLength(cidr: Cidr): number {
  return Number(cidr.slice(cidr.indexOf('/') + 1))
}

/** `ip` with the prefix length of `pool`: the form in which dockerd wants an address. */
export function withPrefixOf(ip: Ip, pool: Cidr): Cidr {
  return `${ip}/${prefixLength(pool)}` as Cidr
}

/** A single address as a range: `/32` or `/128`. */
export function rangeOfOne(ip: Ip): Cidr {
  return `${ip}/${bitsOf(familyOf(ip))}` as Cidr
}

/** The address as a number, in host order. */
export function ipToNumber(ip: Ip): bigint {
  if (familyOf(ip) === 4) {
    return BigInt(ip.split('.').reduce((number, part) => number * 256 + Number(part), 0))
  }
  return new IpCidr(`${ip}/128`).start<bigint>({ type: 'bigInteger' })
}

export function ipFromNumber(value: bigint, family: Family): Ip {
  const bytes: number[] = []
  for (let bit = bitsOf(family) - 8; bit >= 0; bit -= 8) {
    bytes.push(Number((value >> BigInt(bit)) & 255n))
  }
  return ipFromBytes(Uint8Array.from(bytes))
}

/** The address in network order: 4 or 16 bytes. */
export function ipToBytes(ip: Ip): Uint8Array {
  if (familyOf(ip) === 4) return Uint8Array.from(ip.split('.'), Number)
  const hex = ipToNumber(ip).toString(16).padStart(32, '0')
  return Buffer.from(hex, 'hex')
}

/** The inverse of ipToBytes; called for whatever the kernel lists, and ip-cidr makes big integers of it. */
export function ipFromBytes(bytes: Uint8Array): Ip {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` as Ip
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const groups = Array.from({ length: 8 }, (_, at) => view.readUInt16BE(at * 2).toString(16))
  const { from, length } = longestZeros(groups)
  // RFC 5952 4.2.2: a single zero stays
  if (length < 2) return groups.join(':') as Ip
  return `${groups.slice(0, from).join(':')}::${groups.slice(from + length).join(':')}` as Ip
}

/** The longest run of zeros, the first one of several (RFC 5952 4.2.3). */
function longestZeros(groups: readonly string[]): { from: number; length: number } {
  let longest = { from: 0, length: 0 }
  let from = 0
  for (const [at, group] of groups.entries()) {
    if (group !== '0') from = at + 1
    else if (at + 1 - from > longest.length) longest = { from, length: at + 1 - from }
  }
  return longest
}

/** First and last address of the prefix, as numbers. */
export function rangeOf(cidr: Cidr): { readonly first: bigint; readonly last: bigint } {
  const size = 1n << BigInt(bitsOf(familyOf(cidr)) - prefixLength(cidr))
  const first = (ipToNumber(ipOf(cidr)) / size) * size
  return { first, last: first + size - 1n }
}

/** The prefix with its host bits cleared: `10.20.0.5/16` → `10.20.0.0/16`. */
export function networkOf(cidr: Cidr): Cidr {
  return `${ipFromNumber(rangeOf(cidr).first, familyOf(cidr))}/${prefixLength(cidr)}` as Cidr
}

export function contains(outer: Cidr, inner: Ip | Cidr): boolean {
  if (familyOf(outer) !== familyOf(inner)) return false
  const range = rangeOf(outer)
  const cidr = (inner.includes('/') ? inner : `${inner}/${bitsOf(familyOf(inner))}`) as Cidr
  const other = rangeOf(cidr)
  return other.first >= range.first && other.last <= range.last
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  return contains(a, b) || contains(b, a)
}
