/** The part of the Docker API that network sync needs; docker-api.ts is the real one. */
import type { Cidr } from '../../core/ip.js'
import type { DockerNetworkId, EndpointId } from '../../core/types.js'

/** moby daemon/libnetwork/default_gateway_linux.go: the bridge behind which containers get out. */
export const GATEWAY_BRIDGE = 'docker_gwbridge'

type Texts = Readonly<Record<string, string>>

/** dockerd's setting `default-address-pools`. */
export interface AddressPool {
  readonly base: Cidr
  /** prefix length of each subnet of it */
  readonly size: number
}

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
  /** when dockerd made it (ms since the epoch) */
  readonly created?: number
}

/** A running container on a network, and how it is connected. */
export interface Attached {
  readonly container: string
  /** for people */
  readonly name: string
  readonly aliases: readonly string[]
  readonly links: readonly string[]
  readonly driverOptions: Texts
  /** addresses that the user chose */
  readonly fixed: { readonly ipv4?: string; readonly ipv6?: string }
}

/** A container in whatever state. */
export interface DockerContainer {
  readonly id: string
  /** `id` is empty until its first start there; `name` is what the user called the network */
  readonly networks: readonly { readonly name: string; readonly id: DockerNetworkId }[]
}

/** What has come or gone; `gateway`: docker_gwbridge has gone. */
export type DockerChange = 'network' | 'container' | 'gateway'

/**
 * Every call ends within its own deadline, or soon after `signal` aborts. Never to be awaited by what
 * answers dockerd: it may hold locks that the call needs.
 */
export interface DockerNetworks {
  list(signal: AbortSignal): Promise<readonly DockerNetwork[]>
  /** What it chooses subnets from, if that was set; empty: what is built into it. */
  addressPools(signal: AbortSignal): Promise<readonly AddressPool[]>
  create(network: NewNetwork, signal: AbortSignal): Promise<DockerNetworkId>
  /** @returns false when docker keeps it because containers use it; gone already is success */
  remove(id: DockerNetworkId, signal: AbortSignal): Promise<boolean>
  /** Running containers, those that are just starting not. */
  attached(network: DockerNetwork, signal: AbortSignal): Promise<readonly Attached[]>
  /** Whether containers that were made for the network have not been started yet. */
  isAwaited(network: DockerNetwork, signal: AbortSignal): Promise<boolean>
  /** Takes a container off a network; one that is not on it is success. */
  disconnect(network: DockerNetworkId, container: string, signal: AbortSignal): Promise<void>
  /** Puts it on a network; one that is on it already, or gone itself, is success. */
  connect(network: DockerNetworkId, attached: Attached, signal: AbortSignal): Promise<void>
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
