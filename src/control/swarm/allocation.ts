/**
 * What swarm's leader decides for all nodes: AllocateNetwork and FreeNetwork. A leader that takes
 * over, or restarts, repeats all its networks, and after them their addresses; docs/swarm.md.
 */
import { randomUUID } from 'node:crypto'
import { VNIS } from '../../backends/options.js'
import type { AllocateNetworkRequest, Options } from '../../core/driver.js'
import { networkOf } from '../../core/ip.js'
import type { Logger, Store } from '../../core/ports.js'
import type { DockerNetworkId, Network } from '../../core/types.js'
import { poolSubject } from '../../ipam/subjects.js'
import { bindPool } from '../../ipam/swarm-pools.js'
import type { PoolHold } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'
import { SWARM } from '../../state/keys.js'
import type { NetworkRepository } from '../../state/network-repository.js'
import type { Outbox } from '../../state/outbox.js'
import { retryConflicts } from '../../state/retry.js'
import { parseNetworkOptions } from '../networks/options.js'
import { refuseAddressing } from '../networks/routed.js'
import { keyOf, type NetworkSpec, networkSpec, swarmIdentity } from '../networks/spec.js'
import type { TakenVnis } from '../networks/taken-vnis.js'
import { chores, networkSubject } from '../records/chores.js'
import type { UnderlaySource } from '../underlay/underlay-source.js'

export interface SwarmParts {
  readonly store: Store
  /** of pools that swarm chooses from */
  readonly globalAddressSpace: string
  readonly journal: Journal
  /** with swarm in the place of a host */
  readonly repository: NetworkRepository
  readonly outbox: Outbox
  readonly underlay: Pick<UnderlaySource, 'current'>
  readonly takenVnis: Pick<TakenVnis, 'refuseWanted'>
  readonly logger: Logger
}

export class SwarmAllocation {
  readonly #parts: SwarmParts

  constructor(parts: SwarmParts) {
    this.#parts = parts
  }

  /**
   * Claims the VNIs, so that every node gets the same, and keeps the network until FreeNetwork,
   * whatever nodes come and go. The next requests for its addresses begin a new term.
   * @returns the options as CreateNetwork shall see them; given back to us on a replay
   * @throws TsoverlayError POOL_IN_USE, VNI_TAKEN and those of the options
   */
  async allocate(request: AllocateNetworkRequest, signal: AbortSignal): Promise<Options> {
    const { outbox, underlay } = this.#parts
    const options = parseNetworkOptions(request.options)
    const holds = this.#holdsOf(request, options.name)
    const space = holds[0]?.space ?? options.name
    const identity = { text: swarmIdentity(request.id), space }
    const spec = networkSpec({ ...request, internal: false }, options, identity, underlay.current())
    refuseAddressing(spec.network, { ipam: 'swarm', scope: 'global' })
    return outbox.making([networkSubject(spec.network.key)], signal, () =>
      this.#make(request, spec, holds, signal),
    )
  }

  async #make(
    request: AllocateNetworkRequest,
    spec: NetworkSpec,
    holds: readonly PoolHold[],
    signal: AbortSignal,
  ): Promise<Options> {
    const { store, journal, logger } = this.#parts
    const { key } = spec.network
    for (const hold of holds) await bindPool(store, hold, key, signal)
    const network = await this.#findOrMake(spec, request.id, signal)
    const term = randomUUID()
    for (const hold of holds) journal.pools.put({ ...hold, boundTo: request.id, term })
    const vnis = network.segments.map(({ vni }) => vni)
    logger.info({ network: request.id.slice(0, 12), key, vnis }, 'network allocated for swarm')
    return { ...request.options, [VNIS]: vnis.join(',') }
  }

  /** Swarm has removed the network; never fails. */
  async free(id: DockerNetworkId): Promise<void> {
    const { journal, outbox, logger } = this.#parts
    const key = keyOf(swarmIdentity(id))
    for (const hold of [...journal.pools.values()]) {
      if (hold.boundTo !== id || !this.#isGlobal(hold)) continue
      journal.pools.delete(hold.id)
      // Also a chore of its own, so that the next network with this subnet waits for it.
      const { space, pool } = hold
      const args = { space, pool, holder: SWARM, network: key }
      void outbox.submit({ kind: 'drop-pool', subject: poolSubject(hold), args })
    }
    void outbox.submit(chores.freeNetwork(key))
    logger.info({ network: id.slice(0, 12), key }, 'network freed by swarm')
  }

  #findOrMake({ network, vnis }: NetworkSpec, id: DockerNetworkId, signal: AbortSignal) {
    const { repository, takenVnis } = this.#parts
    return retryConflicts<Network>(`network ${network.identity}`, signal, async () => {
      const found = await repository.find(network.key, signal)
      if (found === undefined) {
        await takenVnis.refuseWanted(vnis)
        return (await repository.create(network, vnis, id, signal)).made
      }
      return (await repository.attach(network.key, id, signal)) ? found : undefined
    })
  }

  /** The pools that RequestPool gave for it, a moment ago or in another term. */
  #holdsOf(request: AllocateNetworkRequest, name: string): PoolHold[] {
    const held = [...this.#parts.journal.pools.values()].filter((hold) => this.#isGlobal(hold))
    return request.pools.flatMap((data) => {
      const fitting = held.filter((hold) => hold.pool === networkOf(data.pool))
      const space = (fitting.find((hold) => hold.space === name) ?? fitting[0])?.space
      return fitting.filter((hold) => hold.space === space)
    })
  }

  #isGlobal(hold: PoolHold): boolean {
    return hold.id.startsWith(`${this.#parts.globalAddressSpace}|`)
  }
}
