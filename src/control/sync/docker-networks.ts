/** The part of the Docker API that network sync needs; docker-api.ts is the real one. */
import type { DockerNetworkId, EndpointId } from '../../core/types.js'

type Texts = Readonly<Record<string, string>>

export interface DockerPool {
  readonly subnet: string
  readonly gateway?: string
  readonly ipRange?: string
  /** name to address */
  readonly aux: Texts
}

export interface NewNetwork {
  readonly name: string
  readonly driver: string
  readonly options: Texts
  readonly labels: Texts
  readonly ipamDriver: string
  readonly ipamOptions: Texts
  readonly pools: readonly DockerPool[]
  readonly internal: boolean
  readonly attachable: boolean
  readonly ipv6: boolean
}

export interface DockerNetwork extends NewNetwork {
  readonly id: DockerNetworkId
}

/** A container in whatever state. */
export interface DockerContainer {
  readonly id: string
  /** `id` is empty until its first start there; `name` is what the user called the network */
  readonly networks: readonly { readonly name: string; readonly id: DockerNetworkId }[]
}

/** What has come or gone. */
export type DockerChange = 'network' | 'container'

/**
 * Every call ends within its own deadline, or soon after `signal` aborts. Never to be awaited by what
 * answers dockerd: it may hold locks that the call needs.
 */
export interface DockerNetworks {
  list(signal: AbortSignal): Promise<readonly DockerNetwork[]>
  create(network: NewNetwork, signal: AbortSignal): Promise<DockerNetworkId>
  /** @returns false when docker keeps it because containers use it; gone already is success */
  remove(id: DockerNetworkId, signal: AbortSignal): Promise<boolean>
  /** All containers, running or not. */
  containers(signal: AbortSignal): Promise<readonly DockerContainer[]>
  /**
   * Calls back when it has connected and after each network and container that came or went; returns
   * when cut off.
   */
  follow(onChange: (what: DockerChange) => void, signal: AbortSignal): Promise<void>
}

/** What dockerd has, to compare with; every call as those of DockerNetworks. */
export interface DockerContents extends Pick<DockerNetworks, 'list'> {
  /** Endpoints of all containers that have one, running or not. */
  endpointIds(signal: AbortSignal): Promise<ReadonlySet<EndpointId>>
  /** Endpoints of one network, those of containers that are starting, too; none if it is gone. */
  endpointsOf(network: DockerNetworkId, signal: AbortSignal): Promise<ReadonlySet<EndpointId>>
}
