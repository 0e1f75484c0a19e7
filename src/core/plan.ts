/**
 * The wanted kernel state of one network on this host: the language between backends, which write
 * plans, and the dataplane, which makes the kernel so. A plan is complete: what it does not name
 * and what is ours in that sandbox is removed.
 */
import type { Cidr, Ip } from './ip.js'
import type { Mac } from './mac.js'

export interface BridgeLink {
  readonly kind: 'bridge'
  readonly name: string
  readonly mtu: number
  readonly addresses: readonly Cidr[]
}

export interface VxlanLink {
  readonly kind: 'vxlan'
  readonly name: string
  readonly mtu: number
  readonly vni: number
  /** UDP destination port */
  readonly port: number
  /** source address of the outer packets */
  readonly local: Ip
  /** bridge that it is a port of */
  readonly master: string
  /** the bridge learns MACs from it; absent: it knows them, or they are behind this device */
  readonly learns?: true
}

/** A veth pair: one end in the sandbox, the other in the host's namespace for dockerd to move. */
export interface VethLink {
  readonly kind: 'veth'
  readonly name: string
  readonly mtu: number
  readonly master: string
  /** the container's end: its name while in the host's namespace, and its MAC */
  readonly peer: { readonly name: string; readonly mac: Mac }
  /** other MACs may be behind it: the bridge learns them, and sends there what it does not know */
  readonly learns?: true
}

export type LinkPlan = BridgeLink | VxlanLink | VethLink

/** inner IP → inner MAC: a PERMANENT neighbour, so that the device answers ARP and ND itself */
export interface NeighbourPlan {
  readonly dev: string
  readonly ip: Ip
  readonly mac: Mac
}

/** inner MAC → VTEP of the host that has it */
export interface FdbPlan {
  readonly dev: string
  readonly mac: Mac
  readonly vtep: Ip
}

/**
 * Entries by device and key: an address of neighbours, a MAC of FDB entries. It may be kept from plan
 * to plan and change between them, so that who makes the kernel so looks at the changes only.
 */
export interface EntrySet<E> extends Iterable<E> {
  get(dev: string, key: string): E | undefined
  /**
   * Device → key → what stood there at the last call, undefined for nothing; keys that are not named
   * are as they were. The first call tells nothing: who makes it reads all.
   */
  takeChanges(): ReadonlyMap<string, ReadonlyMap<string, E | undefined>>
}

/** Who may speak on a port: frames with another source MAC or address are dropped there. */
export interface SourcePlan {
  /** the port in the sandbox */
  readonly dev: string
  readonly mac: Mac
  readonly ips: readonly Ip[]
}

/** Who may send VXLAN packets to this host's devices. */
export interface AdmissionPlan {
  /** UDP port of the packets */
  readonly port: number
  /** of the networks that this host has a sandbox for; packets of others are none of our business */
  readonly vnis: readonly number[]
  /** VTEPs of all hosts of the cluster */
  readonly vteps: readonly Ip[]
  /** not all hosts are known yet: VTEPs that are admitted and not named stay */
  readonly partial: boolean
  /** false: nothing is made where nothing is, so that nobody unknown is shut out */
  readonly create: boolean
}

/** What a network needs on this host, but for its peers. */
export interface Frame {
  /** file name of the network namespace under the host's /run/docker/netns */
  readonly sandbox: string
  /** bridges before the devices that are their ports */
  readonly links: readonly LinkPlan[]
  /** one per port that is heard at all; absent: whatever comes from a port is let through */
  readonly sources?: readonly SourcePlan[]
  /** addresses of this host's own containers, with the bridge that they are behind */
  readonly residents?: readonly NeighbourPlan[]
  /** announcements of these addresses by containers are told; absent: nobody listens */
  readonly floating?: readonly Ip[]
}

export interface Plan extends Frame {
  readonly neighbours: readonly NeighbourPlan[] | EntrySet<NeighbourPlan>
  readonly fdb: readonly FdbPlan[] | EntrySet<FdbPlan>
  /**
   * The peers are not known yet, as the store was not read since the start: neighbours and FDB
   * entries that are there and not named stay, since a former run knew why.
   */
  readonly partial?: boolean
}
