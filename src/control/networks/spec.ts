/** From a CreateNetwork request to the network that it means: pure. */
import { createHash } from 'node:crypto'
import { resolveBackend } from '../../backends/index.js'
import { FLOATING } from '../../backends/options.js'
import type { CreateNetworkRequest, PoolData } from '../../core/driver.js'
import { TsoverlayError } from '../../core/errors.js'
import { type Ip, ipOf, networkOf, prefixLength } from '../../core/ip.js'
import { invalidOption } from '../../core/options.js'
import type { DockerNetworkId, Network, Segment, Subnet, Underlay } from '../../core/types.js'
import { checkVniCount, type NetworkOptions } from './options.js'

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
  const backend = resolveBackend(options.backend)
  const segments = backend
    .layout(subnetsOf(request.pools))
    .map((subnets): Segment => ({ vni: 0, subnets }))
  checkVniCount(options.vnis, segments.length)
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
    ...(options.own === undefined ? {} : { options: options.own }),
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
    FLOATING,
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

/** @throws TsoverlayError POOL_INVALID for none, and for one that stands there twice */
function subnetsOf(pools: readonly PoolData[]): readonly Subnet[] {
  const subnets = pools.filter((data) => prefixLength(data.pool) > 0).map(subnet)
  if (subnets.length === 0) {
    throw new TsoverlayError(
      'POOL_INVALID',
      'the network has no subnet: the driver needs an IPAM driver that gives one, so use --ipam-driver tsoverlay and --subnet',
    )
  }
  refuseTwice(subnets)
  return subnets
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
