/** The NetworkDriver port, handed out to the use cases. */
import type {
  AllocateNetworkRequest,
  CreatedEndpoint,
  CreateEndpointRequest,
  CreateNetworkRequest,
  JoinedEndpoint,
  NetworkDriver,
  Options,
  PortWish,
} from '../core/driver.js'
import { TsoverlayError } from '../core/errors.js'
import type { DockerNetworkId, EndpointId } from '../core/types.js'
import type { Endpoints } from './endpoints/endpoints.js'
import type { Publishing } from './endpoints/publishing.js'
import type { Networks } from './networks/networks.js'
import type { SwarmAllocation } from './swarm/allocation.js'

export class TsoverlayDriver implements NetworkDriver {
  readonly scope: 'local' | 'global'
  readonly #networks: Networks
  readonly #endpoints: Endpoints
  readonly #publishing: Publishing
  readonly #swarm: SwarmAllocation

  constructor(
    scope: 'local' | 'global',
    parts: {
      networks: Networks
      endpoints: Endpoints
      publishing: Publishing
      swarm: SwarmAllocation
    },
  ) {
    this.scope = scope
    this.#networks = parts.networks
    this.#endpoints = parts.endpoints
    this.#publishing = parts.publishing
    this.#swarm = parts.swarm
  }

  async allocateNetwork(request: AllocateNetworkRequest, signal: AbortSignal): Promise<Options> {
    if (this.scope === 'local') {
      // What it makes is swarm's, and only a driver of scope global is told to free it.
      throw new TsoverlayError(
        'REQUEST_INVALID',
        'NetworkDriver.AllocateNetwork is asked for by a swarm, but this plugin has SCOPE=local: set SCOPE=global on all nodes',
      )
    }
    return this.#swarm.allocate(request, signal)
  }

  freeNetwork(id: DockerNetworkId): Promise<void> {
    return this.#swarm.free(id)
  }

  createNetwork(request: CreateNetworkRequest, signal: AbortSignal): Promise<void> {
    return this.#networks.create(request, signal)
  }

  deleteNetwork(id: DockerNetworkId): Promise<void> {
    return this.#networks.delete(id)
  }

  createEndpoint(request: CreateEndpointRequest, signal: AbortSignal): Promise<CreatedEndpoint> {
    return this.#endpoints.create(request, signal)
  }

  async endpointInfo(network: DockerNetworkId, id: EndpointId): Promise<Options> {
    return this.#endpoints.info(network, id)
  }

  deleteEndpoint(network: DockerNetworkId, id: EndpointId): Promise<void> {
    return this.#endpoints.delete(network, id)
  }

  join(
    network: DockerNetworkId,
    id: EndpointId,
    signal: AbortSignal,
    sandboxKey?: string,
  ): Promise<JoinedEndpoint> {
    return this.#endpoints.join(network, id, signal, sandboxKey)
  }

  publish(
    network: DockerNetworkId,
    id: EndpointId,
    ports: readonly PortWish[],
    signal: AbortSignal,
  ): Promise<void> {
    return this.#publishing.publish(network, id, ports, signal)
  }

  unpublish(network: DockerNetworkId, id: EndpointId): Promise<void> {
    return this.#publishing.unpublish(network, id)
  }

  leave(network: DockerNetworkId, id: EndpointId): Promise<void> {
    this.#endpoints.leave(network, id)
    return Promise.resolve()
  }
}
