/** The nouns of the project as read-only data. docs/DESIGN.md says what each word means. */
import type { Cidr, Ip } from './ip.js'
import type { Mac } from './mac.js'
import type { PublishedPort } from './published-port.js'

/** Stable id of one Docker daemon with its plugin; survives restarts and plugin upgrades. */
export type HostId = string
/** Cluster-wide id of a network. */
export type NetworkKey = string
/** The id under which one daemon knows a network; another daemon's differs (scope local). */
export type DockerNetworkId = string
export type EndpointId = string

export interface Host {
  readonly id: HostId
  /** hostname, for people */
  readonly name: string
  /** underlay address to which peers send VXLAN packets */
  readonly vtep: Ip
  /** changes with every boot of the host */
  readonly boot: string
}

export interface Subnet {
  /** host bits cleared */
  readonly pool: Cidr
  /** address with the pool's prefix length; absent when the user asked for none */
  readonly gateway?: Cidr
}

/** One layer-2 segment of an overlay network: one VNI, one bridge, one vxlan device per host. */
export interface Segment {
  readonly vni: number
  readonly subnets: readonly Subnet[]
}

export interface Network {
  readonly key: NetworkKey
  /** what ties the daemons' networks together: `name:blue`, `pools:10.20.0.0/16` or `id:<NetworkID>` */
  readonly identity: string
  /** address space of its pools in the store; empty for networks without a rendezvous name */
  readonly space: string
  readonly backend: string
  readonly segments: readonly Segment[]
  /** MTU of the containers' interfaces; absent = underlay MTU less the encapsulation */
  readonly mtu?: number
  readonly internal: boolean
  /** false: containers may use MACs and addresses that are not theirs; absent = true */
  readonly sourceCheck?: boolean
  /** addresses that a container gets by announcing them; absent: none */
  readonly floating?: readonly Ip[]
  /** false: its containers have no names on other hosts, and their DNS is Docker's alone; absent = true */
  readonly dns?: boolean
  /** its backend's own options, as far as they were given */
  readonly options?: Readonly<Record<string, string>>
}

/** An address that an endpoint has by announcing it (docs/design/floating.md). */
export interface Float {
  readonly ip: Ip
  /** one more than that of whoever had it before: of several that claim it the highest has it */
  readonly turn: number
}

export interface Endpoint {
  readonly id: EndpointId
  readonly network: NetworkKey
  readonly host: HostId
  /** boot of the host in which it was made: it cannot outlive that boot */
  readonly boot: string
  readonly mac: Mac
  /** each with its pool's prefix length; the IPv4 one first */
  readonly addresses: readonly Cidr[]
  /** what it has announced; absent: nothing */
  readonly floating?: readonly Float[]
  /** as DNS sees them, the container's own name first; absent: not known yet, or not wanted */
  readonly names?: readonly string[]
}

/** An endpoint of this host. */
export interface LocalEndpoint extends Endpoint {
  readonly dockerNetwork: DockerNetworkId
  /** true between Join and Leave: only then it has a veth */
  readonly joined: boolean
  /** file of the container's namespace, by dockerd's path; known from Join on */
  readonly sandboxKey?: string
  /** ports of this host that lead to it; those of docker_gwbridge are Docker's own */
  readonly published?: readonly PublishedPort[]
}

/** A range of addresses that another host decides on: a block, or one address lent out of one. */
export interface Block {
  /** unique among the blocks of a network, and the same on all hosts */
  readonly id: string
  readonly host: HostId
  readonly range: Cidr
}

/** What is behind another host. */
export type Peer = Endpoint | Block

export function isBlock(peer: Peer): peer is Block {
  return 'range' in peer
}

/** How this host sends to another one: decided once per pair, for all networks. */
export interface Way {
  readonly host: HostId
  readonly vtep: Ip
  /** device on whose link that address is; absent: a router is between, only a tunnel gets there */
  readonly dev?: string
  /** what was found to pass, if that is less than the MTU of this host's underlay says */
  readonly mtu?: number
}

/** All that a backend may know of one network on this host, but for its peers. */
export interface NetworkView {
  readonly network: Network
  readonly dockerNetwork: DockerNetworkId
  /** this host */
  readonly self: HostId
  readonly local: readonly LocalEndpoint[]
  /** this host's own blocks of the network's pools; empty where the pools have none */
  readonly blocks: readonly Cidr[]
  /** a container is here, or was until a moment ago */
  readonly inUse: boolean
  readonly underlay: Underlay
}

export interface Underlay {
  readonly vtep: Ip
  /** MTU of the route that packets to peers take */
  readonly mtu: number
  /** the device that has the address, and the prefix that is on its link; absent: it is on lo */
  readonly link?: { readonly dev: string; readonly subnet: Cidr }
  /** UDP port of VXLAN */
  readonly port: number
}
