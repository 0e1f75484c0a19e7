/**
 * What dockerd asks of us, in our words: the seam between rpc/ (wire formats, no decision) and the
 * use cases in control/ and ipam/. Each method is idempotent, ends soon after `signal` aborts, and
 * undoes what it half did. Facts about the calls: moby daemon/libnetwork/drivers/remote/api/api.go.
 */
import type { Cidr, Ip } from './ip.js'
import type { Mac } from './mac.js'
import type { PublishedPort } from './published-port.js'
import type { DockerNetworkId, EndpointId } from './types.js'

export type Options = Readonly<Record<string, string>>

/** A pool as dockerd hands it to CreateNetwork (moby driverapi/ipamdata.go). */
export interface PoolData {
  readonly addressSpace: string
  readonly pool: Cidr
  readonly gateway?: Cidr
  readonly aux: readonly Cidr[]
}

export interface CreateNetworkRequest {
  readonly id: DockerNetworkId
  /** the `-o` options */
  readonly options: Options
  readonly internal: boolean
  readonly ipv6: boolean
  /** IPv4 pools first */
  readonly pools: readonly PoolData[]
}

export interface AllocateNetworkRequest {
  readonly id: DockerNetworkId
  readonly options: Options
  readonly pools: readonly PoolData[]
}

export interface CreateEndpointRequest {
  readonly network: DockerNetworkId
  readonly id: EndpointId
  /** at most one per family */
  readonly addresses: readonly Cidr[]
  readonly mac?: Mac
}

/** What Docker left empty and we chose; what it gave must not be repeated. */
export interface CreatedEndpoint {
  readonly mac?: Mac
}

export interface StaticRoute {
  readonly destination: Cidr
  /** absent: the destination is on the interface itself */
  readonly nextHop?: Ip
}

export interface JoinedEndpoint {
  /** link in the host's namespace that dockerd moves into the container */
  readonly sourceName: string
  /** the container's interface is this plus a number */
  readonly namePrefix: string
  readonly routes: readonly StaticRoute[]
  /** the container's default gateways, one per family; absent: docker_gwbridge's */
  readonly gateways?: readonly Ip[]
}

/** A port of a container as `-p` asks for it. */
export interface PortWish extends Pick<PublishedPort, 'protocol' | 'hostIp' | 'port'> {
  /** ports of the host, one of which it shall be; absent: any that is free */
  readonly hostPorts?: { readonly first: number; readonly last: number }
}

export interface NetworkDriver {
  readonly scope: 'local' | 'global'
  /** Swarm leader only: the returned options reach CreateNetwork on every node. */
  allocateNetwork(request: AllocateNetworkRequest, signal: AbortSignal): Promise<Options>
  freeNetwork(id: DockerNetworkId, signal: AbortSignal): Promise<void>
  createNetwork(request: CreateNetworkRequest, signal: AbortSignal): Promise<void>
  deleteNetwork(id: DockerNetworkId, signal: AbortSignal): Promise<void>
  createEndpoint(request: CreateEndpointRequest, signal: AbortSignal): Promise<CreatedEndpoint>
  /** Values for people; dockerd passes them through. */
  endpointInfo(network: DockerNetworkId, id: EndpointId): Promise<Options>
  deleteEndpoint(network: DockerNetworkId, id: EndpointId, signal: AbortSignal): Promise<void>
  /** @param sandboxKey file of the container's namespace, which dockerd may make only afterwards */
  join(
    network: DockerNetworkId,
    id: EndpointId,
    signal: AbortSignal,
    sandboxKey?: string,
  ): Promise<JoinedEndpoint>
  /**
   * The endpoint is the container's way out, so its ports are published by it. Called again, it has
   * these and no others.
   */
  publish(
    network: DockerNetworkId,
    id: EndpointId,
    ports: readonly PortWish[],
    signal: AbortSignal,
  ): Promise<void>
  /** Another endpoint is the container's way out, or none is any more. */
  unpublish(network: DockerNetworkId, id: EndpointId): Promise<void>
  leave(network: DockerNetworkId, id: EndpointId, signal: AbortSignal): Promise<void>
}

export interface RequestPoolRequest {
  readonly addressSpace: string
  /** absent: choose one */
  readonly pool?: Cidr
  /** `--ip-range` */
  readonly subPool?: Cidr
  /** the `--ipam-opt` options */
  readonly options: Options
  readonly ipv6: boolean
}

export interface GrantedPool {
  readonly id: string
  readonly pool: Cidr
}

export interface RequestAddressRequest {
  readonly poolId: string
  /** absent: choose one */
  readonly address?: Ip
  /** dockerd asks for the network's gateway */
  readonly gateway: boolean
  /** swarm's leader replays its allocations: what is held already is granted again */
  readonly replay: boolean
  /** of the endpoint that it is for: the container's name, from dockerd 29 on */
  readonly name?: string
}

export interface IpamDriver {
  readonly localAddressSpace: string
  readonly globalAddressSpace: string
  requestPool(request: RequestPoolRequest, signal: AbortSignal): Promise<GrantedPool>
  releasePool(poolId: string, signal: AbortSignal): Promise<void>
  /** @returns the address as its interface shall have it: with the pool's prefix length, or its block's */
  requestAddress(request: RequestAddressRequest, signal: AbortSignal): Promise<Cidr>
  releaseAddress(poolId: string, address: Ip, signal: AbortSignal): Promise<void>
}
