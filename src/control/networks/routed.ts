/**
 * What a network needs whose backend has routes to blocks: its pools are cut into blocks that are
 * subnets of their own, which is written with the network itself, and overlap those of no other such
 * network, as all have their routes in the hosts' own tables.
 */
import { backendsThat, resolveBackend } from '../../backends/index.js'
import { invalidOption } from '../../core/options.js'
import { poolsOf } from '../../core/pools.js'
import type { Change, Store } from '../../core/ports.js'
import type { Network } from '../../core/types.js'
import { unchanged } from '../../ipam/pool-register.js'
import type { RoutedPools } from '../../ipam/routed-pools.js'
import type { Binding, PoolHold } from '../../state/documents.js'
import { keys, type PoolRef } from '../../state/keys.js'
import type { ClusterRanges } from '../ranges/cluster-ranges.js'

export interface RoutedNetworksParts {
  readonly store: Store
  readonly blocks: { readonly routed: Pick<RoutedPools, 'routing' | 'route' | 'cutAnew'> }
  readonly clusterRanges: Pick<ClusterRanges, 'refuseRouted'>
}

export class RoutedNetworks {
  readonly #parts: RoutedNetworksParts

  constructor(parts: RoutedNetworksParts) {
    this.#parts = parts
  }

  /**
   * What is written with a network that is new in the cluster: nothing for other backends.
   * @throws TsoverlayError POOL_OVERLAP with another routed network or a host's address, and as
   * RoutedPools.routing
   */
  async change(network: Network, signal: AbortSignal): Promise<Change> {
    if (!isRouted(network)) return { guards: [], writes: [] }
    const { store, blocks, clusterRanges } = this.#parts
    // The gate first: a network that comes after the look at all makes the transaction fail.
    const gate = await store.get(keys.routedGate, signal)
    await clusterRanges.refuseRouted(network, signal)
    const changes = await Promise.all(
      refsOf(network).map((ref) => blocks.routed.routing(ref, signal)),
    )
    return {
      guards: [
        unchanged(keys.routedGate, gate),
        ...changes.flatMap((change) => change?.guards ?? []),
      ],
      writes: [
        { put: keys.routedGate, value: network.key },
        ...changes.flatMap((change) => change?.writes ?? []),
      ],
    }
  }

  /** The network is there: so are its pools, unless the store has lost data. @throws as routing */
  async join(network: Network, signal: AbortSignal): Promise<void> {
    if (!isRouted(network)) return
    for (const ref of refsOf(network)) await this.#parts.blocks.routed.route(ref, signal)
  }

  /**
   * Makes this host's blocks subnets of their own; none was handed out of yet.
   * @param holds of the network
   * @returns whether the network is one that needs it
   */
  async cutAnew(
    network: Network,
    holds: readonly PoolHold[],
    signal: AbortSignal,
  ): Promise<boolean> {
    if (!isRouted(network)) return false
    const { routed } = this.#parts.blocks
    for (const { pool, subPool } of holds)
      await routed.cutAnew({ space: network.space, pool, subPool }, signal)
    return true
  }
}

/**
 * Refuses what would leave a host without blocks of its own: dockerd's own IPAM counts on each host
 * alone, and a swarm's leader decides on each address.
 * @throws TsoverlayError OPTION_INVALID
 */
export function refuseAddressing(
  network: Network,
  { ipam, scope }: { readonly ipam: Binding['ipam']; readonly scope: 'local' | 'global' },
): void {
  if (!isRouted(network) || (ipam === 'tsoverlay' && scope === 'local')) return
  const others = backendsThat(({ onLink }) => onLink === 'pool').join(' or ')
  const allowed =
    scope === 'global'
      ? `${others} where SCOPE=global; ${network.backend} gives each host a block of the subnet, and needs SCOPE=local`
      : `${others} with the IPAM driver "default"; ${network.backend} gives each host a block of the subnet, and needs --ipam-driver tsoverlay`
  throw invalidOption('-o', 'backend', network.backend, allowed)
}

function isRouted({ backend }: Pick<Network, 'backend'>): boolean {
  return resolveBackend(backend).onLink === 'block'
}

function refsOf(network: Network): readonly PoolRef[] {
  return poolsOf(network).map((pool) => ({ space: network.space, pool }))
}
