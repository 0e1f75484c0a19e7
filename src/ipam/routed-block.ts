/**
 * Blocks of a routed pool: subnets of their own, one bridge each, to which the other hosts have one
 * route (docs/design/ipam.md). Pure arithmetic.
 */
import {
  type Cidr,
  familyOf,
  type Ip,
  ipFromNumber,
  networkOf,
  prefixLength,
  rangeOf,
  rangeOfOne,
  withPrefixOf,
} from '../core/ip.js'
import type { PoolDocument } from '../state/documents.js'
import { shortestBlock } from './block-size.js'
import { routedBlockError, smallPoolError } from './ipam-errors.js'

/**
 * `usual`: Flannel's default for IPv4, ours for IPv6; `bits`: a pool is cut into 2^bits blocks at
 * least, as long as they have eight addresses (`longest`), of which a container may have five.
 */
const LENGTHS = {
  4: { usual: 24, bits: 3, longest: 29 },
  6: { usual: 112, bits: 4, longest: 125 },
}

/**
 * Prefix length of the blocks of a pool that becomes a routed one: what the user gave, else a /24 of
 * IPv4 and a /112 of IPv6, longer in small pools.
 * @throws TsoverlayError OPTION_INVALID, POOL_INVALID: at least two blocks must fit
 */
export function routedLength({ pool, block, given }: PoolDocument): number {
  const family = familyOf(pool)
  const length = prefixLength(pool)
  const { usual, bits, longest } = LENGTHS[family]
  if (length >= longest) throw smallPoolError(pool, longest)
  if (given !== true || block === undefined)
    return Math.min(longest, Math.max(usual, length + bits))
  const from = Math.max(shortestBlock(family), length + 1)
  if (block < from || block > longest) throw routedBlockError(pool, block, from, longest)
  return block
}

/** What the block's subnet needs for itself: the first two addresses, and in IPv4 the last one. */
export function addressesAside(block: Cidr): ReadonlyMap<Ip, string> {
  const { first, last } = rangeOf(block)
  const family = familyOf(block)
  const name = family === 4 ? 'network' : 'subnet-router anycast'
  const aside = new Map<Ip, string>([
    [ipFromNumber(first, family), `the ${name} address of the block ${block}`],
    [ipFromNumber(first + 1n, family), `the gateway of the block ${block}, on its host's bridge`],
  ])
  if (family === 4)
    aside.set(ipFromNumber(last, family), `the broadcast address of the block ${block}`)
  return aside
}

/** The addresses of a block that containers may have. */
export function containerRange(block: Cidr): { readonly first: bigint; readonly last: bigint } {
  const { first, last } = rangeOf(block)
  return { first: first + 2n, last: familyOf(block) === 4 ? last - 1n : last }
}

/** An address as the container's interface has it: with its block, or, in another host's, alone. */
export function onLinkOf(ip: Ip, block: Cidr | undefined): Cidr {
  return block === undefined ? rangeOfOne(ip) : withPrefixOf(ip, block)
}

/** What an address of a routed pool is for, where that is no container. */
export function purposeOf(length: number, ip: Ip): string | undefined {
  return addressesAside(networkOf(`${ip}/${length}` as Cidr)).get(ip)
}
