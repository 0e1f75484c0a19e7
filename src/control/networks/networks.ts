/**
 * The life of a network on this host. CreateNetwork ties the daemon's NetworkID to a network of the
 * cluster, making that if it is new; nothing of it is in the kernel before the first Join.
 */

import { resolveBackend } from '../../backends/index.js'
import { untilAborted } from '../../core/deadline.js'
import type { CreateNetworkRequest, PoolData } from '../../core/driver.js'
import { messageOf, TsoverlayError } from '../../core/errors.js'
import { networkOf } from '../../core/ip.js'
import { HOST } from '../../core/plan.js'
import type { Logger, Store } from '../../core/ports.js'
import type { DockerNetworkId, Network, NetworkKey } from '../../core/types.js'
import type { AddressBook } from '../../ipam/address-book.js'
import type { BlockBook } from '../../ipam/block-book.js'
import type { PoolTurns } from '../../ipam/pool-turns.js'
import { poolSubject } from '../../ipam/subjects.js'
import type { Binding } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'
import type { NetworkRepository } from '../../state/network-repository.js'
import type { Outbox } from '../../state/outbox.js'
import type { Publications } from '../../state/publications.js'
import { retryConflicts } from '../../state/retry.js'
import type { Endpoints } from '../endpoints/endpoints.js'
import { networksAt } from '../passes/places.js'
import type { Reconciler } from '../passes/reconciler.js'
import type { ClusterRanges } from '../ranges/cluster-ranges.js'
import { chores, networkSubject } from '../records/chores.js'
import type { ForeignAddresses } from '../records/foreign-addresses.js'
import { PoolMoves } from '../records/pool-moves.js'
import type { UnderlaySource } from '../underlay/underlay-source.js'
import { differences } from './diff.js'
import { NetworkKin } from './kin.js'
import { type Addressing, holdsOf, meantOf, spaceOf } from './meaning.js'
import { type NetworkOptions, parseNetworkOptions } from './options.js'
import { RoutedNetworks, refuseAddressing } from './routed.js'
import { type NetworkSpec, networkSpec } from './spec.js'
import type { TakenVnis } from './taken-vnis.js'

export interface NetworkParts {
  readonly scope: 'local' | 'global'
  /** network sync is on: names, not subnets, say which networks are one */
  readonly synced: boolean
  /** address spaces that are ours: [local, global] */
  readonly addressSpaces: readonly [string, string]
  readonly journal: Journal
  readonly repository: NetworkRepository
  readonly publications: Publications
  readonly book: AddressBook
  readonly turns: PoolTurns
  readonly outbox: Outbox
  readonly foreign: ForeignAddresses
  readonly endpoints: Endpoints
  readonly reconciler: Reconciler
  readonly underlay: UnderlaySource
  readonly takenVnis: TakenVnis
  readonly clusterRanges: Pick<ClusterRanges, 'refuse' | 'refuseRouted'>
  readonly store: Store
  readonly blocks: Pick<BlockBook, 'routed'>
  readonly logger: Logger
}

export class Networks {
  readonly #parts: NetworkParts
  readonly #kin: NetworkKin
  readonly #moves: PoolMoves
  readonly #routed: RoutedNetworks
  /**
   * One creation of a network at a time, so that the undoing of one cannot hit another; and one of a
   * NetworkID, as it is tied to one network only.
   */
  readonly #creating = new Map<NetworkKey | DockerNetworkId, Promise<void>>()

  constructor(parts: NetworkParts) {
    this.#parts = parts
    this.#kin = new NetworkKin(parts)
    this.#moves = new PoolMoves(parts)
    this.#routed = new RoutedNetworks(parts)
  }

  async create(request: CreateNetworkRequest, signal: AbortSignal): Promise<void> {
    const { journal, turns } = this.#parts
    const options = parseNetworkOptions(request.options)
    if (journal.bindings.get(request.id) !== undefined) return this.#again(request.id)
    this.#refuseTwin(request.id, options.backend)
    const ipam = this.#ipamOf(request.pools)
    const holds = holdsOf(request.pools, journal, options.name)
    try {
      await this.#createOf(request, options, { ipam, holds }, signal)
    } finally {
      for (const { pool } of holds) turns.end(pool)
    }
  }

  async #createOf(
    request: CreateNetworkRequest,
    options: NetworkOptions,
    { ipam, holds }: Pick<Addressing, 'ipam' | 'holds'>,
    signal: AbortSignal,
  ): Promise<void> {
    const { journal, underlay, outbox, scope } = this.#parts
    const sync = holds.find((hold) => hold.sync !== undefined)?.sync
    const named = { ipam, space: spaceOf(options, holds), ...(sync === undefined ? {} : { sync }) }
    const parts = { scope, synced: this.#parts.synced, kin: this.#kin }
    const meant = await meantOf(request, named, parts, signal)
    const spec = networkSpec(request, options, meant, underlay.current())
    refuseAddressing(spec.network, { ipam, scope })
    const { key } = spec.network
    const addressing = { ...named, holds, space: meant.space }
    const names = [key, request.id]
    const other = (): Promise<void> | undefined =>
      this.#creating.get(key) ?? this.#creating.get(request.id)
    for (let one = other(); one !== undefined; one = other()) {
      await untilAborted(one, signal, `another creation of ${spec.network.identity}`)
    }
    if (journal.bindings.get(request.id) !== undefined) return
    this.#refuseSecond(spec.network)
    const subjects = subjectsOf(key, addressing, request.pools)
    const made = outbox.making(subjects, signal, () =>
      this.#make(request, spec, addressing, signal),
    )
    const ended = made.catch(() => undefined)
    for (const name of names) this.#creating.set(name, ended)
    void ended.then(() => {
      for (const name of names) this.#creating.delete(name)
    })
    await made
  }

  /**
   * A swarm's networks are not on dockerd's disk: after its crash it asks for them anew, and of the
   * containers that they had it will never say a word.
   */
  async #again(id: DockerNetworkId): Promise<void> {
    const { journal, endpoints, logger } = this.#parts
    if (journal.bindings.get(id)?.ipam !== 'swarm') return
    for (const endpoint of journal.endpointsOf(id)) {
      await endpoints.delete(id, endpoint.id)
      logger.info(
        { network: id.slice(0, 12), endpoint: endpoint.id.slice(0, 12) },
        'endpoint that a former dockerd left removed',
      )
    }
  }

  async #make(
    request: CreateNetworkRequest,
    spec: NetworkSpec,
    { ipam, holds, space, sync }: Addressing,
    signal: AbortSignal,
  ): Promise<void> {
    const { journal, foreign, scope, logger } = this.#parts
    const pools = request.pools.map((data) => networkOf(data.pool))
    // In a swarm the leader decides where they are.
    const moved = scope === 'global' ? [] : holds
    try {
      if (ipam === 'docker') await foreign.hold(space, request.pools, signal)
      await this.#moves.enter(moved, space, request.pools, signal)
      const network = await this.#join(spec, request.id, { ipam, sync }, signal)
      const routed = await this.#routed.cutAnew(network, moved, signal)
      // From here on its removal is seen as a removal, not as a network that the cluster does not know.
      const name = sync && (await this.#kin.published(sync, signal)).name
      // Until network sync has seen it in dockerd, a deletion is dockerd's own, no wish of a user.
      const named = name === undefined ? {} : { name, leaving: true }
      journal.bindings.put({ dockerNetwork: request.id, network, ipam, ...named })
      this.#moves.settle(moved, space, { id: request.id, routed })
      if (scope === 'global')
        for (const hold of holds) journal.pools.put({ ...hold, boundTo: request.id })
      logger.info(
        {
          network: request.id.slice(0, 12),
          key: network.key,
          identity: network.identity,
          vnis: network.segments.map(({ vni }) => vni),
        },
        'network created',
      )
    } catch (error) {
      if (ipam === 'docker') foreign.drop(space, pools)
      this.#moves.undo(moved, space)
      // The answer of a transaction may have been lost: leaving what was not joined is harmless.
      void this.#parts.outbox.submit(chores.leaveNetwork(spec.network.key))
      throw error
    }
  }

  /** Forgets the network on this host; never fails. */
  async delete(id: DockerNetworkId): Promise<void> {
    const { journal, endpoints, outbox, foreign, reconciler, logger } = this.#parts
    const binding = journal.bindings.get(id)
    for (const endpoint of journal.endpointsOf(id)) await endpoints.delete(id, endpoint.id)
    if (binding === undefined) return
    journal.bindings.delete(id)
    if (binding.name !== undefined && binding.leaving !== true)
      void outbox.submit(chores.unpublishNetwork(binding.network.key, binding.name))
    await reconciler.leave(binding).catch((error: unknown) => {
      logger.warn({ network: id.slice(0, 12), err: messageOf(error) }, 'sandbox is removed later')
    })
    this.#dropPools(binding, foreign)
    void outbox.submit(chores.leaveNetwork(binding.network.key))
    logger.info({ network: id.slice(0, 12), key: binding.network.key }, 'network deleted')
  }

  #dropPools(binding: Binding, foreign: ForeignAddresses): void {
    const { journal } = this.#parts
    if (binding.ipam === 'docker') {
      const subnets = binding.network.segments.flatMap((segment) => segment.subnets)
      foreign.drop(
        binding.network.space,
        subnets.map(({ pool }) => pool),
      )
    }
    for (const hold of [...journal.pools.values()]) {
      // What swarm's leader holds is all nodes', also when this one does not need it any more.
      if (hold.boundTo !== binding.dockerNetwork || hold.term !== undefined) continue
      journal.pools.delete(hold.id)
      foreign.drop(hold.space, [hold.pool])
    }
  }

  async #join(
    spec: NetworkSpec,
    id: DockerNetworkId,
    { ipam, sync }: { readonly ipam: Binding['ipam']; readonly sync: NetworkKey | undefined },
    signal: AbortSignal,
  ): Promise<Network> {
    const { repository, takenVnis, clusterRanges, scope } = this.#parts
    const { network, vnis } = spec
    return retryConflicts(`network ${network.identity}`, signal, async () => {
      // Network sync never makes a network of the cluster: that would undo its removal.
      const found =
        sync === undefined
          ? await repository.findReadable(network.key, signal)
          : await this.#kin.synced(sync, signal)
      if (found === undefined) {
        await takenVnis.refuseWanted(vnis)
        if (scope === 'local') await clusterRanges.refuse(network, ipam, signal)
        const also = () => this.#routed.change(network, signal)
        return (await repository.create(network, vnis, id, signal, also)).made
      }
      refuseDifferences(found, spec)
      await takenVnis.refuseNetwork(found)
      await this.#routed.join(found, signal)
      return (await repository.attach(network.key, id, signal)) ? found : undefined
    })
  }

  #ipamOf(pools: readonly PoolData[]): Binding['ipam'] {
    const { addressSpaces, scope } = this.#parts
    const space = pools[0]?.addressSpace ?? ''
    // In a swarm the leader decides for all nodes, also where the IPAM is swarm's own.
    if (scope === 'global' && space !== addressSpaces[1]) return 'swarm'
    return addressSpaces.includes(space) ? 'tsoverlay' : 'docker'
  }

  /** Of two networks with one sandbox, each pass over one would undo the other. */
  #refuseTwin(id: DockerNetworkId, backend: string): void {
    const sandbox = resolveBackend(backend).home(id)
    const isShared =
      sandbox === HOST || networksAt(this.#parts.journal.bindings.values(), sandbox).length === 0
    if (isShared) return
    throw new TsoverlayError(
      'NETWORK_CONFLICT',
      `the network's id ${id} begins as that of another network of this host, and both would have the sandbox ${sandbox}: create it once more, for another id`,
    )
  }

  #refuseSecond(network: Network): void {
    const other = this.#parts.journal.bindingOf(network.key)
    if (other === undefined) return
    throw new TsoverlayError(
      'NETWORK_CONFLICT',
      `this host already has the network ${network.identity} as ${other.dockerNetwork.slice(0, 12)}: use that one, or give the new network another --subnet or -o network=NAME`,
    )
  }
}

/** What a creation makes and chores undo: the network, the pools that we gave, those that it enters. */
function subjectsOf(
  key: NetworkKey,
  { ipam, holds, space }: Addressing,
  pools: readonly PoolData[],
): readonly string[] {
  const entered = ipam === 'docker' ? pools.map((data) => networkOf(data.pool)) : []
  const refs = [...holds.map(({ pool }) => pool), ...entered].map((pool) => ({ space, pool }))
  return [networkSubject(key), ...refs.map(poolSubject)]
}

function refuseDifferences(found: Network, spec: NetworkSpec): void {
  // With swarm's id as identity there is one truth, and AllocateNetwork does not see all of it.
  if (found.identity.startsWith('id:')) return
  const diff = differences(found, spec.network, spec.vnis)
  if (diff.length === 0) return
  throw new TsoverlayError(
    'NETWORK_CONFLICT',
    `the network ${found.identity} exists in the cluster with other properties: ${diff.join('; ')}`,
  )
}
