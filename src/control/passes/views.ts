/** What a backend is shown of a network on this host. */
import { resolveBackend } from '../../backends/index.js'
import type { Cidr } from '../../core/ip.js'
import { ipOf, rangeOfOne } from '../../core/ip.js'
import { poolsOf } from '../../core/pools.js'
import type { Block, HostId, NetworkView, Peer, Underlay } from '../../core/types.js'
import type { Binding } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'
import type { PoolRef } from '../../state/keys.js'

export interface ViewParts {
  readonly self: HostId
  readonly journal: Pick<Journal, 'endpointsOf'>
  /** this host's own blocks of a pool, if it is a routed one */
  readonly blocks: { ownBlocks(ref: PoolRef): readonly Cidr[] }
}

/** @param inUse a container is here, or was until a moment ago */
export function viewOf(
  { self, journal, blocks }: ViewParts,
  { network, dockerNetwork }: Binding,
  underlay: Underlay,
  inUse: boolean,
): NetworkView {
  const { space } = network
  return {
    network,
    dockerNetwork,
    self,
    local: journal.endpointsOf(dockerNetwork),
    blocks: poolsOf(network).flatMap((pool) => blocks.ownBlocks({ space, pool })),
    inUse,
    underlay,
  }
}

/** What this host has of a network itself, as other hosts see it. */
export function ownPeers({ network, local, blocks, self }: NetworkView): readonly Peer[] {
  if (resolveBackend(network.backend).follows === 'endpoints') return local
  const lent = local.flatMap(({ addresses }) => addresses.map((each) => rangeOfOne(ipOf(each))))
  return [...blocks, ...lent].map((range): Block => ({ id: range, host: self, range }))
}
