/**
 * Finds what swarm has left on this node without a word. dockerd does not store a swarm's networks:
 * after its crash nobody ever leaves or deletes the endpoints of its old tasks, nor the network, if
 * no task of it comes back to this node.
 *
 * An endpoint is dead when its container's namespace is; a network is, when it has no endpoint and
 * swarm has freed it. Between Join and the making of the namespace (dockerd up to 27) an endpoint
 * looks dead, so it has to look so several times.
 */
import { basename } from 'node:path'
import { messageOf } from '../../core/errors.js'
import type { Dataplane, Logger } from '../../core/ports.js'
import type { LocalEndpoint } from '../../core/types.js'
import type { Binding } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'
import type { NetworkRepository } from '../../state/network-repository.js'
import type { Endpoints } from '../endpoints/endpoints.js'
import type { Networks } from '../networks/networks.js'
import { Sightings } from '../records/sightings.js'

const INTERVAL_MS = 15_000
const SIGHTINGS = 3

export interface SweepParts {
  readonly journal: Journal
  readonly repository: NetworkRepository
  readonly dataplane: Pick<Dataplane, 'hasNamespace'>
  readonly endpoints: Endpoints
  readonly networks: Networks
  readonly logger: Logger
}

export class SwarmSweep {
  readonly #parts: SweepParts
  readonly #sightings = new Sightings({ rounds: SIGHTINGS, ms: 0, now: () => performance.now() })
  #timer: NodeJS.Timeout | undefined

  constructor(parts: SweepParts) {
    this.#parts = parts
  }

  start(): void {
    this.#timer = setTimeout(() => {
      void this.sweep()
        .catch((error: unknown) => {
          this.#parts.logger.debug({ err: messageOf(error) }, 'search for dead endpoints put off')
        })
        .then(() => this.#timer && this.start())
    }, INTERVAL_MS)
    this.#timer.unref()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /**
   * Looks once, and removes what has looked dead often enough.
   * @throws TsoverlayError STORE_UNAVAILABLE
   */
  async sweep(): Promise<void> {
    const isDead = this.#sightings.round()
    for (const binding of [...this.#parts.journal.bindings.values()]) {
      if (binding.ipam === 'swarm') await this.#sweepNetwork(binding, isDead)
    }
  }

  async #sweepNetwork(
    { dockerNetwork, network }: Binding,
    isDead: (id: string) => boolean,
  ): Promise<void> {
    const { journal, repository, endpoints, networks, logger } = this.#parts
    for (const endpoint of journal.endpointsOf(dockerNetwork)) {
      if (this.#lives(endpoint) || !isDead(endpoint.id)) continue
      await endpoints.delete(dockerNetwork, endpoint.id)
      logger.info(
        { network: dockerNetwork.slice(0, 12), endpoint: endpoint.id.slice(0, 12) },
        'endpoint of a container that is gone removed',
      )
    }
    if (journal.endpointsOf(dockerNetwork).length > 0) return
    if (await repository.isAllocated(network.key)) return
    if (isDead(dockerNetwork)) await networks.delete(dockerNetwork)
  }

  #lives({ joined, sandboxKey }: LocalEndpoint): boolean {
    if (!joined) return false
    return sandboxKey === undefined || this.#parts.dataplane.hasNamespace(basename(sandboxKey))
  }
}
