/** Which address comes next: pure arithmetic on numbers, no store and no kernel. */
import {
  type Cidr,
  contains,
  familyOf,
  type Ip,
  ipFromNumber,
  ipToNumber,
  rangeOf,
} from '../core/ip.js'

/**
 * The addresses of a pool that a container may have: in IPv4 without network and broadcast address,
 * in IPv6 without the subnet-router anycast address (RFC 4291 2.6.1). With a sub-pool, the part of
 * these inside it.
 */
export function usableRange(pool: Cidr, subPool: Cidr = pool): { first: bigint; last: bigint } {
  const whole = rangeOf(pool)
  const part = rangeOf(subPool)
  const lowest = whole.first + 1n
  const highest = familyOf(pool) === 4 ? whole.last - 1n : whole.last
  return {
    first: part.first < lowest ? lowest : part.first,
    last: part.last > highest ? highest : part.last,
  }
}

/** True for an address that a container or a gateway may have. */
export function isUsable(pool: Cidr, ip: Ip): boolean {
  if (!contains(pool, ip)) return false
  const range = usableRange(pool)
  const value = ipToNumber(ip)
  return value >= range.first && value <= range.last
}

export interface Search {
  readonly pool: Cidr
  readonly subPool?: Cidr | undefined
  /** the address handed out last; the search begins behind it, so that a released one rests */
  readonly after?: Ip | undefined
  readonly taken: ReadonlySet<string>
}

/** The next free address, going round once; undefined when all are taken. */
export function nextFree(search: Search): Ip | undefined {
  const range = usableRange(search.pool, search.subPool)
  const family = familyOf(search.pool)
  const size = range.last - range.first + 1n
  if (size <= 0n) return undefined
  const start = search.after === undefined ? range.first : ipToNumber(search.after) + 1n
  const offset = start < range.first || start > range.last ? 0n : start - range.first
  // One more than the taken ones is always enough to find a free one, if there is any.
  const most = BigInt(search.taken.size) + 1n
  for (let step = 0n; step < size && step < most; step += 1n) {
    const ip = ipFromNumber(range.first + ((offset + step) % size), family)
    if (!search.taken.has(ip)) return ip
  }
  return undefined
}
