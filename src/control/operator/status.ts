/** What an operator sees of this host, as data. */

import type { NetworkStatus, StatusReport } from '../../core/admin/status.js'
import { poolsOf } from '../../core/pools.js'
import { portText } from '../../core/published-port.js'
import type { Network, Underlay } from '../../core/types.js'
import type { BlockBook } from '../../ipam/block-book.js'
import type { Identity } from '../../state/identity.js'
import type { Journal } from '../../state/journal.js'
import type { Outbox } from '../../state/outbox.js'
import { unreachedBy } from '../endpoints/reachability.js'
import type { Presence } from '../hosts/presence.js'
import type { Names } from '../names/names.js'
import type { Misses } from '../passes/misses.js'
import { homeOf } from '../passes/places.js'
import type { Reconciler } from '../passes/reconciler.js'
import type { Peers } from '../peers/peers.js'
import type { Restoration } from '../records/restoration.js'
import type { NetworkSync } from '../sync/network-sync.js'
import type { Problems } from '../troubles/problems.js'

export interface StatusParts {
  readonly identity: Identity
  readonly journal: Journal
  readonly outbox: Outbox
  readonly blocks: BlockBook
  readonly peers: Peers
  readonly presence: Presence
  readonly reconciler: Reconciler
  readonly misses: Misses
  readonly problems: Pick<Problems, 'list'>
  readonly names?: Pick<Names, 'status'>
  readonly restoration?: Pick<Restoration, 'status'>
  readonly sync?: NetworkSync | undefined
  /** the underlay, or why there is none */
  readonly underlay: {
    readonly known: Underlay | undefined
    summary(): { readonly vtep?: string; readonly mtu?: number; readonly problem?: string }
  }
}

export function statusOf(parts: StatusParts): StatusReport {
  const { identity, journal, outbox, peers, presence, reconciler, misses } = parts
  return {
    host: { ...identity, ...parts.underlay.summary() },
    store: { reached: presence.reached, owed: outbox.owed },
    networks: [...journal.bindings.values()].map(({ dockerNetwork, network, name }) => ({
      id: dockerNetwork,
      key: network.key,
      identity: network.identity,
      name: name ?? '',
      backend: network.backend,
      sandbox: homeOf({ dockerNetwork, network }),
      vnis: network.segments.map(({ vni }) => vni),
      subnets: poolsOf(network),
      endpoints: journal.endpointsOf(dockerNetwork).length,
      floating: journal
        .endpointsOf(dockerNetwork)
        .flatMap(({ floating }) => (floating ?? []).map(({ ip }) => ip)),
      published: journal
        .endpointsOf(dockerNetwork)
        .flatMap(({ published }) => (published ?? []).map(portText)),
      ...holdings(parts.blocks, network),
      peers: peers.count(network.key),
      parted: [
        ...peers.parted(network.key),
        ...unreachedBy(network, { self: identity.id, peers, underlay: parts.underlay }).map(
          ({ host }) => host.name,
        ),
      ],
      synced: peers.isSynced(network.key),
    })),
    kernel: { ...reconciler.counters },
    admission: admissionOf(reconciler),
    misses: { ...misses.counters },
    ...(parts.names === undefined ? {} : { names: parts.names.status() }),
    conflicts: parts.restoration?.status() ?? [],
    problems: [...parts.problems.list(), ...obstacles(reconciler)],
    ...(parts.sync === undefined ? {} : { sync: parts.sync.status() }),
  }
}

function admissionOf({ problem }: Pick<Reconciler, 'problem'>): StatusReport['admission'] {
  return { inForce: problem === undefined, ...(problem === undefined ? {} : { problem }) }
}

function obstacles({ obstacle }: Pick<Reconciler, 'obstacle'>): StatusReport['problems'] {
  if (obstacle === undefined) return []
  return [{ part: 'rules', about: "the host's firewall", problem: obstacle }]
}

function holdings(blocks: BlockBook, network: Network): Pick<NetworkStatus, 'blocks' | 'held'> {
  const all = poolsOf(network).map((pool) => blocks.holdings({ space: network.space, pool }))
  return {
    blocks: all.reduce((sum, each) => sum + each.blocks, 0),
    held: all.flatMap(({ addresses }) => addresses),
  }
}
