/** What an operator sees of this host, as data. */

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
import type { Counters } from '../passes/reports.js'
import type { Peers } from '../peers/peers.js'
import type { Conflict, Restoration } from '../records/restoration.js'
import type { NetworkSync } from '../sync/network-sync.js'
import type { Problem, Problems } from '../troubles/problems.js'

export interface NetworkStatus {
  readonly id: string
  readonly key: string
  readonly identity: string
  /** its name in docker; empty where network sync has not published it */
  readonly name: string
  readonly backend: string
  /** file of its namespace, or `host` for the host's own */
  readonly sandbox: string
  readonly vnis: readonly number[]
  readonly subnets: readonly string[]
  readonly endpoints: number
  /** addresses that containers of this host have by announcing them */
  readonly floating: readonly string[]
  /** ports of this host that lead to its containers; those of docker_gwbridge are Docker's own */
  readonly published: readonly string[]
  /** blocks of the subnets that this host decides on */
  readonly blocks: number
  /** addresses that it has handed out of them */
  readonly held: readonly string[]
  readonly peers: number
  /**
   * hosts that this one cannot send to: with a VTEP of the other address family and endpoints on it, or
   * with a router between, where the backend has no tunnel
   */
  readonly parted: readonly string[]
  readonly synced: boolean
}

export interface Status {
  readonly host: Identity & {
    readonly vtep?: string
    readonly mtu?: number
    readonly problem?: string
  }
  readonly store: { readonly reached: boolean; readonly owed: number }
  readonly networks: readonly NetworkStatus[]
  readonly kernel: Counters
  /** whether VXLAN packets of strangers are dropped, or why not */
  readonly admission: { readonly inForce: boolean; readonly problem?: string }
  readonly misses: { readonly known: number; readonly unknown: number }
  /** questions of containers for names, since the start; absent: nobody answers them here */
  readonly names?: ReturnType<Names['status']>
  /** containers whose address is another host's in the store */
  readonly conflicts: readonly Conflict[]
  readonly problems: readonly Problem[]
  /** absent when network sync is off */
  readonly sync?: ReturnType<NetworkSync['status']>
}

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

export function statusOf(parts: StatusParts): Status {
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

function admissionOf({ problem }: Pick<Reconciler, 'problem'>): Status['admission'] {
  return { inForce: problem === undefined, ...(problem === undefined ? {} : { problem }) }
}

function obstacles({ obstacle }: Pick<Reconciler, 'obstacle'>): Status['problems'] {
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
