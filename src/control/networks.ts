/**
 * The life of a network on this host. CreateNetwork ties the daemon's NetworkID to a network of the
 * cluster, making that if it is new; nothing of it is in the kernel before the first Join.
 */

import { untilAborted } from '../core/deadline.js'
import type { CreateNetworkRequest, PoolData } from '../core/driver.js'
import { messageOf, TsoverlayError } from '../core/errors.js'
import { networkOf } from '../core/ip.js'
import { sandboxName } from '../core/names.js'
import { invalidOption, RENDEZVOUS_OPTION } from '../core/options.js'
import type { Logger } from '../core/ports.js'
import type { DockerNetworkId, Network, NetworkKey } from '../core/types.js'
import { poolSubject } from '../ipam/subjects.js'
import type { Binding, PoolHold } from '../state/documents.js'
import type { Journal } from '../state/journal.js'
import type { NetworkRepository } from '../state/network-repository.js'
import type { Outbox } from '../state/outbox.js'
import { retryConflicts } from '../state/retry.js'
import { chores, networkSubject } from './chores.js'
import type { Endpoints } from './endpoints.js'
import type { ForeignAddresses } from './foreign-addresses.js'
import { differences } from './network-diff.js'
import { type NetworkOptions, parseNetworkOptions } from './network-options.js'
import { type NetworkSpec, networkSpec, poolsIdentity, swarmIdentity } from './network-spec.js'
import type { Reconciler } from './reconciler.js'
import type { TakenVnis } from './taken-vnis.js'
import type { UnderlaySource } from './underlay-source.js'

export interface NetworkParts {
  readonly scope: 'local' | 'global'
  /** address spaces that are ours: [local, global] */
  readonly addressSpaces: readonly [string, string]
  readonly journal: Journal
  readonly repository: NetworkRepository
  readonly outbox: Outbox
  readonly foreign: ForeignAddresses
  readonly endpoints: Endpoints
  readonly reconciler: Reconciler
  readonly underlay: UnderlaySource
  readonly takenVnis: TakenVnis
  readonly logger: Logger
}

interface Addressing {
  readonly ipam: Binding['ipam']
  readonly holds: readonly PoolHold[]
  readonly space: string
}

export class Networks {
  readonly #parts: NetworkParts
  /**
   * One creation of a network at a time, so that the undoing of one cannot hit another; and one of a
   * NetworkID, as it is tied to one network only.
   */
  readonly #creating = new Map<NetworkKey | DockerNetworkId, Promise<void>>()

  constructor(parts: NetworkParts) {
    this.#parts = parts
  }

  async create(request: CreateNetworkRequest, signal: AbortSignal): Promise<void> {
    const { journal, underlay, outbox } = this.#parts
    const options = parseNetworkOptions(request.options)
    if (journal.bindings.get(request.id) !== undefined) return this.#again(request.id)
    this.#refuseTwin(request.id)
    const ipam = this.#ipamOf(request.pools)
    const holds = this.#holdsOf(request.pools, options)
    const space = spaceOf(options, holds)
    const spec = networkSpec(
      request,
      options,
      this.#identity(request.id, request.pools, space),
      underlay.current(),
    )
    const { key } = spec.network
    const names = [key, request.id]
    const other = (): Promise<void> | undefined =>
      this.#creating.get(key) ?? this.#creating.get(request.id)
    for (let one = other(); one !== undefined; one = other()) {
      await untilAborted(one, signal, `another creation of ${spec.network.identity}`)
    }
    if (journal.bindings.get(request.id) !== undefined) return
    this.#refuseSecond(spec.network)
    const subjects = subjectsOf(key, { ipam, holds, space }, request.pools)
    const made = outbox.making(subjects, signal, () =>
      this.#make(request, spec, { ipam, holds, space }, signal),
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
    { ipam, holds, space }: Addressing,
    signal: AbortSignal,
  ): Promise<void> {
    const { journal, foreign, logger } = this.#parts
    const pools = request.pools.map((data) => networkOf(data.pool))
    try {
      if (ipam === 'docker') await foreign.hold(space, request.pools, signal)
      const network = await this.#join(spec, request.id, signal)
      journal.bindings.put({ dockerNetwork: request.id, network, ipam })
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
    journal.bindings.delete(id)
    if (binding?.name !== undefined && binding.leaving !== true)
      void outbox.submit(chores.unpublishNetwork(binding.network.key, binding.name))
    await reconciler.run(id).catch((error: unknown) => {
      logger.warn({ network: id.slice(0, 12), err: messageOf(error) }, 'sandbox is removed later')
      reconciler.mark(id)
    })
    if (binding === undefined) return
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

  async #join(spec: NetworkSpec, id: DockerNetworkId, signal: AbortSignal): Promise<Network> {
    const { repository, takenVnis } = this.#parts
    const { network, vnis } = spec
    return retryConflicts(`network ${network.identity}`, signal, async () => {
      const found = await repository.findReadable(network.key, signal)
      if (found === undefined) {
        await takenVnis.refuseWanted(vnis)
        return (await repository.create(network, vnis, id, signal)).made
      }
      refuseDifferences(found, spec)
      await takenVnis.refuseNetwork(found)
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

  /** The pools that RequestPool gave for this network a moment ago. */
  #holdsOf(pools: readonly PoolData[], options: NetworkOptions): PoolHold[] {
    const unbound = [...this.#parts.journal.pools.values()].filter(
      (hold) => hold.boundTo === undefined,
    )
    return pools.flatMap((data) => {
      const fitting = unbound.filter(
        (hold) => hold.pool === networkOf(data.pool) && hold.id.startsWith(`${data.addressSpace}|`),
      )
      const space = (fitting.find((hold) => hold.space === options.name) ?? fitting[0])?.space
      // All of them, should a former try have left one with another IP range.
      return fitting.filter((hold) => hold.space === space)
    })
  }

  /** Scope local: a name, else the set of pools. Scope global: swarm's own id, the same everywhere. */
  #identity(
    id: DockerNetworkId,
    pools: readonly PoolData[],
    space: string,
  ): { text: string; space: string } {
    if (this.#parts.scope === 'global') return { text: swarmIdentity(id), space }
    return { text: space === '' ? poolsIdentity(pools) : `name:${space}`, space }
  }

  /** Of two networks with one sandbox, each pass over one would undo the other. */
  #refuseTwin(id: DockerNetworkId): void {
    const sandbox = sandboxName(id)
    if (this.#parts.journal.networkOfSandbox(sandbox) === undefined) return
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
  const refs = [...holds, ...entered.map((pool) => ({ space, pool }))]
  return [networkSubject(key), ...refs.map(poolSubject)]
}

function spaceOf(options: NetworkOptions, holds: readonly PoolHold[]): string {
  const named = holds.find((hold) => hold.space !== '')?.space ?? ''
  if (options.name === '' || named === '' || named === options.name) return options.name || named
  throw invalidOption(
    '-o',
    RENDEZVOUS_OPTION,
    options.name,
    `the same name as in --ipam-opt ${RENDEZVOUS_OPTION}=${named}`,
  )
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
