/** From a CreateNetwork request to the network that it means: pure. */
import { createHash } from 'node:crypto'
import { DEFAULT_BACKEND, resolveBackend } from '../../backends/index.js'
import type { CreateNetworkRequest, PoolData } from '../../core/driver.js'
import { TsoverlayError } from '../../core/errors.js'
import { familyOf, type Ip, ipOf, networkOf, prefixLength, rangeOf } from '../../core/ip.js'
import { invalidOption } from '../../core/options.js'
import type { DockerNetworkId, Network, Segment, Subnet, Underlay } from '../../core/types.js'
import { checkVniCount, FLOATING_OPTION, type NetworkOptions } from './options.js'

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
    ...(options.sourceCheck === undefined ? {} : { sourceCheck: options.sourceCheck }),
    ...(options.floating === undefined ? {} : { floating: floatingOf(request.pools, options) }),
    ...(options.dns === undefined ? {} : { dns: options.dns }),
  }
  backend.validate(network, underlay)
  return { network, vnis: segments.map((_segment, index) => options.vnis[index]) }
}

/** The auxiliary addresses: reserved on all hosts, so nobody else is ever given one. */
function floatingOf(pools: readonly PoolData[], { floating }: NetworkOptions): readonly Ip[] {
  const aux = floating === true ? pools.flatMap((data) => data.aux.map(ipOf)).sort() : []
  if (floating !== true || aux.length > 0) return aux
  throw invalidOption(
    '-o',
    FLOATING_OPTION,
    'on',
    'on with an --aux-address for each address that is to float, such as --aux-address vip=10.20.0.100',
  )
}

/** Store key of a network: the same on every host that means the same network. */
export function keyOf(identity: string): string {
  return createHash('sha256').update(identity).digest('hex').slice(0, 20)
}

/** Identity of a network in a swarm, whose NetworkID is the same on every node. */
export function swarmIdentity(id: DockerNetworkId): string {
  return `id:${id}`
}

/** Identity of a network without a name: its pools, in a fixed order. */
export function poolsIdentity(pools: readonly PoolData[]): string {
  return `pools:${pools
    .map((data) => networkOf(data.pool))
    .sort()
    .join(',')}`
}

/**
 * One segment per subnet as long as a container has one address, so while all subnets are of one
 * family. In a network with both families dockerd combines any IPv4 subnet with any IPv6 subnet in
 * one container, which has one interface: then all subnets share one segment.
 *
 * In the order of their addresses, as the docker CLI sends several subnets in a random one
 * (docker/cli network/create.go keeps them in a map).
 */
function segmentsOf(pools: readonly PoolData[]): Segment[] {
  const subnets = pools.filter((data) => prefixLength(data.pool) > 0).map(subnet)
  if (subnets.length === 0) {
    throw new TsoverlayError(
      'POOL_INVALID',
      'the network has no subnet: the driver needs an IPAM driver that gives one, so use --ipam-driver tsoverlay and --subnet',
    )
  }
  refuseTwice(subnets)
  const sorted = [4, 6].flatMap((family) =>
    subnets
      .filter(({ pool }) => familyOf(pool) === family)
      .sort((a, b) => (rangeOf(a.pool).first < rangeOf(b.pool).first ? -1 : 1)),
  )
  const families = new Set(sorted.map(({ pool }) => familyOf(pool)))
  const lists = families.size === 1 ? sorted.map((one) => [one]) : [sorted]
  return lists.map((list) => ({ vni: 0, subnets: list }))
}

/** Overlapping ones are refused when they are held; the same twice is held once. */
function refuseTwice(subnets: readonly Subnet[]): void {
  const pools = subnets.map(({ pool }) => pool)
  const twice = pools.find((pool, index) => pools.indexOf(pool) < index)
  if (twice === undefined) return
  throw new TsoverlayError(
    'POOL_INVALID',
    `the subnet ${twice} stands there twice: give each --subnet once`,
  )
}

function subnet(data: PoolData): Subnet {
  const pool = networkOf(data.pool)
  return data.gateway === undefined ? { pool } : { pool, gateway: data.gateway }
}
