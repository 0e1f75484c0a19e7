/** From a CreateNetwork request to the network that it means: pure. */
import { createHash } from 'node:crypto'
import { DEFAULT_BACKEND, resolveBackend } from '../backends/index.js'
import type { CreateNetworkRequest, PoolData } from '../core/driver.js'
import { TsoverlayError } from '../core/errors.js'
import { familyOf, networkOf, prefixLength } from '../core/ip.js'
import type { Network, Segment, Subnet, Underlay } from '../core/types.js'
import { checkVniCount, type NetworkOptions } from './network-options.js'

export interface NetworkSpec {
  readonly network: Network
  /** VNIs that the user wants, by segment */
  readonly vnis: readonly (number | undefined)[]
}

/**
 * @param identity what ties the daemons' networks together (docs/design/networks.md)
 * @throws TsoverlayError POOL_INVALID, VNI_INVALID, OPTION_INVALID
 */
export function networkSpec(
  request: Pick<CreateNetworkRequest, 'pools' | 'internal'>,
  options: NetworkOptions,
  identity: { readonly text: string; readonly space: string },
  underlay: Underlay,
): NetworkSpec {
  const segments = segmentsOf(request.pools)
  checkVniCount(options.vnis, segments.length)
  const backend = resolveBackend(options.backend ?? DEFAULT_BACKEND)
  const network: Network = {
    key: keyOf(identity.text),
    identity: identity.text,
    space: identity.space,
    backend: backend.name,
    segments,
    internal: request.internal,
    ...(options.mtu === undefined ? {} : { mtu: options.mtu }),
  }
  backend.validate(network, underlay)
  return { network, vnis: segments.map((_segment, index) => options.vnis[index]) }
}

/** Store key of a network: the same on every host that means the same network. */
export function keyOf(identity: string): string {
  return createHash('sha256').update(identity).digest('hex').slice(0, 20)
}

/** Identity of a network without a name: its pools, in a fixed order. */
export function poolsIdentity(pools: readonly PoolData[]): string {
  return `pools:${pools
    .map((data) => networkOf(data.pool))
    .sort()
    .join(',')}`
}

/**
 * One segment per IPv4 subnet; the n-th IPv6 subnet shares the n-th segment, further ones the last.
 * Without IPv4, one segment per IPv6 subnet.
 */
function segmentsOf(pools: readonly PoolData[]): Segment[] {
  const usable = pools.filter((data) => prefixLength(data.pool) > 0)
  if (usable.length === 0) {
    throw new TsoverlayError(
      'POOL_INVALID',
      'the network has no subnet: the driver needs an IPAM driver that gives one, so use --ipam-driver tsoverlay and --subnet',
    )
  }
  const main = usable.filter((data) => familyOf(data.pool) === 4)
  const rest = main.length === 0 ? [] : usable.filter((data) => familyOf(data.pool) === 6)
  const subnets: Subnet[][] = (main.length === 0 ? usable : main).map((data) => [subnet(data)])
  rest.forEach((data, index) => {
    subnets[Math.min(index, subnets.length - 1)]?.push(subnet(data))
  })
  return subnets.map((list) => ({ vni: 0, subnets: list }))
}

function subnet(data: PoolData): Subnet {
  const pool = networkOf(data.pool)
  return data.gateway === undefined ? { pool } : { pool, gateway: data.gateway }
}
