/** Choosing a subnet when the user gave none: pure. */
import { type Cidr, ipFromNumber, networkOf, overlaps, parseCidr, rangeOf } from '../core/ip.js'

/** Where subnets are chosen from (RFC 1918), and how large each is. */
const RANGES = [
  { within: '10.0.0.0/8', length: 16 },
  { within: '172.16.0.0/12', length: 20 },
  { within: '192.168.0.0/16', length: 24 },
] as const

/**
 * The first private IPv4 subnet that overlaps nothing in `avoid`; undefined when there is none.
 * @param avoid pools of the store and destinations of the host's routes
 */
export function chooseIpv4(avoid: readonly Cidr[]): Cidr | undefined {
  for (const range of RANGES) {
    const { first, last } = rangeOf(range.within as Cidr)
    const size = 1n << BigInt(32 - range.length)
    for (let at = first; at <= last; at += size) {
      const pool = `${ipFromNumber(at, 4)}/${range.length}` as Cidr
      if (!avoid.some((other) => overlaps(pool, other))) return pool
    }
  }
  return undefined
}

/**
 * A unique local /64 (RFC 4193 3.2) out of random bits.
 * @param random ten hexadecimal digits for the global id, four for the subnet
 */
export function chooseIpv6(random: string): Cidr {
  const digits = `fd${random.slice(0, 14)}`
  const text = `${(digits.match(/.{4}/g) ?? []).join(':')}::/64`
  return networkOf(parseCidr(text) ?? ('fd00::/64' as Cidr))
}
