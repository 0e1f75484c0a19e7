/** Whom a container of a routed network sends to: pure. */
import {
  type Cidr,
  contains,
  familyOf,
  type Ip,
  ipFromNumber,
  ipOf,
  prefixLength,
  rangeOf,
  rangeOfOne,
} from '../../core/ip.js'
import type { NetworkView } from '../../core/types.js'

/** What the bridge has of an own block: the address after the first, with the block's length. */
export function gatewayOfBlock(block: Cidr): Cidr {
  const ip = ipFromNumber(rangeOf(block).first + 1n, familyOf(block))
  return `${ip}/${prefixLength(block)}` as Cidr
}

/** Whether an address is in no block of this host: it was lent, or given out of another's by `--ip`. */
export function isLent(address: Cidr, blocks: readonly Cidr[]): boolean {
  return !blocks.some((block) => contains(block, ipOf(address)))
}

/** Addresses of the joined containers here that are in no block of this host. */
export function lentOf({ local, blocks }: Pick<NetworkView, 'local' | 'blocks'>): readonly Cidr[] {
  return local
    .filter(({ joined }) => joined)
    .flatMap(({ addresses }) => addresses)
    .filter((address) => isLent(address, blocks))
}

/**
 * The gateway of an address: of one in an own block, what the bridge has of it; else the network's,
 * which no container has and every bridge may.
 * @returns undefined: the network has none
 */
export function gatewayOf(address: Cidr, { network, blocks }: NetworkView): Ip | undefined {
  const block = blocks.find((each) => contains(each, ipOf(address)))
  if (block !== undefined) return ipOf(gatewayOfBlock(block))
  const subnets = network.segments.flatMap(({ subnets }) => subnets)
  const gateway = subnets.find(({ pool }) => contains(pool, ipOf(address)))?.gateway
  return gateway && ipOf(gateway)
}

/** Addresses of the bridge: one for each own block, and what lent addresses have as their gateway. */
export function bridgeAddresses(view: NetworkView): readonly Cidr[] {
  const own = view.blocks.map(gatewayOfBlock)
  const shared = lentOf(view).flatMap((address) => gatewayOf(address, view) ?? [])
  const more = [...new Set(shared)].filter((ip) => !own.some((address) => ipOf(address) === ip))
  return [...own, ...more.map(rangeOfOne)]
}
