/** How a pool is cut into blocks: pure arithmetic. */
import {
  bitsOf,
  type Cidr,
  contains,
  type Family,
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
 * Reads `--ipam-opt block=N` for one pool. Docker gives the option to every pool of the network, so it
 * may hold a length for each family (`26,120`): up to 32 it is IPv4's, above IPv6's. An IPv6 pool for
 * which it holds none has the default, as IPv6 comes in addition to IPv4.
 * @returns undefined for the default
 * @throws TsoverlayError OPTION_INVALID
 */
export function checkBlock(text: string | undefined, pool: Cidr): number | undefined {
  if (text === undefined) return undefined
  const family = familyOf(pool)
  const lengths = parseLengths(text)
  const { [family]: mine, [family === 4 ? 6 : 4]: other } = lengths ?? {}
  const { shortest, longest } = LIMITS[family]
  const from = Math.max(shortest, prefixLength(pool))
  const to = Math.max(longest, prefixLength(pool))
  const fits = mine === undefined ? family === 6 : mine >= from && mine <= to
  if (lengths !== undefined && fits && isLength(other, family === 4 ? 6 : 4)) return mine
  throw invalidOption(
    '--ipam-opt',
    BLOCK_OPTION,
    text,
    `a prefix length from ${from} to ${to} in the subnet ${pool}; for IPv4 and IPv6 both, as in ${BLOCK_OPTION}=${LIMITS[4].usual},120`,
  )
}

/** @returns a length for each family named; undefined for anything else */
function parseLengths(text: string): { readonly 4?: number; readonly 6?: number } | undefined {
  if (!/^\d{1,3}(,\d{1,3})?$/.test(text)) return undefined
  const values = text.split(',').map(Number)
  const [four, six] = [4, 6].map((family) =>
    values.filter((value) => value <= bitsOf(4) === (family === 4)),
  )
  if (four === undefined || six === undefined || four.length > 1 || six.length > 1) return undefined
  return {
    ...(four[0] === undefined ? {} : { 4: four[0] }),
    ...(six[0] === undefined ? {} : { 6: six[0] }),
  }
}

/** For a pool that is not known here: what some pool of the family may have. */
function isLength(value: number | undefined, family: 4 | 6): boolean {
  const { shortest, longest } = LIMITS[family]
  return value === undefined || (value >= shortest && value <= longest)
}

/** Prefix length of the largest block of a family. */
export function shortestBlock(family: Family): number {
  return LIMITS[family].shortest
}

/** The block in which an address lies. */
export function blockOf(pool: Cidr, length: number, ip: Ip): Cidr {
  return networkOf(`${ip}/${Math.max(length, prefixLength(pool))}` as Cidr)
}

/** A pool and the prefix length of its blocks. */
export interface PoolShape {
  readonly pool: Cidr
  readonly length: number
  /** whether the last block comes first */
  readonly fromTop?: boolean
}

/**
 * Blocks of a pool from the bottom, or from the top; with a sub-pool those that have a part in it.
 */
export function* blocksOf(
  { pool, length, fromTop = false }: PoolShape,
  subPool: Cidr = pool,
): Generator<Cidr> {
  const size = 1n << BigInt(bitsOf(familyOf(pool)) - length)
  const { first, last } = rangeOf(subPool)
  const [low, high] = [first / size, last / size]
  for (let at = 0n; at <= high - low; at += 1n) {
    const start = (fromTop ? high - at : low + at) * size
    yield `${ipFromNumber(start, familyOf(pool))}/${length}` as Cidr
  }
}

/** True when some address of the block lies in the sub-pool. */
export function touches(block: Cidr, subPool: Cidr | undefined): boolean {
  return subPool === undefined || contains(block, subPool) || contains(subPool, block)
}
