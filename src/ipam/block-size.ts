/** How a pool is cut into blocks: pure arithmetic. */
import {
  bitsOf,
  type Cidr,
  contains,
  familyOf,
  type Ip,
  ipFromNumber,
  networkOf,
  prefixLength,
  rangeOf,
} from '../core/ip.js'
import { invalidOption } from '../core/options.js'
import type { PoolDocument } from '../state/documents.js'

export const BLOCK_OPTION = 'block'

/** Largest and smallest block: what one host's journal can hold, and what still has room. */
const LIMITS = {
  4: { shortest: 20, usual: 26, longest: 30 },
  6: { shortest: 112, usual: 112, longest: 126 },
}

/** Prefix length of a pool's blocks: its own, else the default for its size (docs/design/ipam.md). */
export function blockLength(pool: Pick<PoolDocument, 'pool' | 'block'>): number {
  if (pool.block !== undefined) return pool.block
  const length = prefixLength(pool.pool)
  const { usual, longest } = LIMITS[familyOf(pool.pool)]
  return Math.max(length, Math.min(longest, Math.max(usual, length + 4)))
}

/**
 * Reads `--ipam-opt block=N` for one pool. Docker gives the option to every pool of the network, so a
 * length of IPv4 says nothing of an IPv6 pool.
 * @returns undefined for the default
 * @throws TsoverlayError OPTION_INVALID
 */
export function checkBlock(text: string | undefined, pool: Cidr): number | undefined {
  if (text === undefined) return undefined
  const family = familyOf(pool)
  const value = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN
  if (family === 6 && value <= bitsOf(4)) return undefined
  const { shortest, longest } = LIMITS[family]
  const from = Math.max(shortest, prefixLength(pool))
  const to = Math.max(longest, prefixLength(pool))
  if (value >= from && value <= to) return value
  throw invalidOption(
    '--ipam-opt',
    BLOCK_OPTION,
    text,
    `a prefix length from ${from} to ${to} in the subnet ${pool}`,
  )
}

/** The block in which an address lies. */
export function blockOf(pool: Cidr, length: number, ip: Ip): Cidr {
  return networkOf(`${ip}/${Math.max(length, prefixLength(pool))}` as Cidr)
}

/** A pool and the prefix length of its blocks. */
export interface PoolShape {
  readonly pool: Cidr
  readonly length: number
}

/** Blocks of a pool, in order; with a sub-pool those that have a part in it. */
export function* blocksOf({ pool, length }: PoolShape, subPool: Cidr = pool): Generator<Cidr> {
  const size = 1n << BigInt(bitsOf(familyOf(pool)) - length)
  const { first, last } = rangeOf(subPool)
  for (let at = (first / size) * size; at <= last; at += size) {
    yield `${ipFromNumber(at, familyOf(pool))}/${length}` as Cidr
  }
}

/** True when some address of the block lies in the sub-pool. */
export function touches(block: Cidr, subPool: Cidr | undefined): boolean {
  return subPool === undefined || contains(block, subPool) || contains(subPool, block)
}
