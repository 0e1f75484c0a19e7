/**
 * The wanted kernel state of one place: the language between backends, which write a part of it for
 * each network, and the dataplane, which makes the kernel so. A plan is complete: what it does not
 * name and what is ours in that place is removed. docs/design/places.md says why by place.
 */
import type { Cidr, Ip } from './ip.js'
import type { Mac } from './mac.js'
import type { PublishedPort } from './published-port.js'

/** Where a pass works: a network's sandbox, by the name of its file, or the host's own namespace. */
export type Place = string
export const HOST: Place = 'host'

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
  /**
   * bridge that it is a port of: it answers ARP and ND there from its neighbours, and tells what it
   * lacks. Absent: packets are routed to it, and it answers nobody
   */
  readonly master?: string
  /** absent: the kernel chooses */
  readonly mac?: Mac
  readonly addresses?: readonly Cidr[]
  /** the bridge learns MACs from it; absent: it knows them, or they are behind this device */
  readonly learns?: true
}

/** A veth pair: one end in the place, the other in the host's namespace for dockerd to move. */
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
 * A route in the main table. In the host's namespace it bears our protocol number, by which it is
 * known as ours; the kernel's key is destination and metric.
 */
export interface RoutePlan {
  readonly to: Cidr
  /** empty: packets to it are dropped (blackhole) */
  readonly dev: string
  /** absent: whatever it leads to is on the link of `dev` */
  readonly via?: Ip
  /** the gateway is at the other end of a tunnel and needs no route of its own */
  readonly onlink?: true
  /** source address of what the host itself sends there */
  readonly source?: Ip
  /** of packets that go by it; absent: that of the device */
  readonly mtu?: number
  /** absent: 0 */
  readonly metric?: number
}

/** An address for which the host answers on a link (proxy ARP, proxy ND), as it is elsewhere. */
export interface ProxyPlan {
  readonly dev: string
  readonly ip: Ip
}

/** The tables of small entries that lead to other hosts, by name. */
export interface Entries {
  readonly neighbours: NeighbourPlan
  readonly fdb: FdbPlan
  readonly routes: RoutePlan
  readonly proxies: ProxyPlan
}
export type TableName = keyof Entries

/** What identifies a route among those of its device. */
export function routeKey({ to, metric = 0 }: Pick<RoutePlan, 'to' | 'metric'>): string {
  return `${to} ${metric}`
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
export interface StrangersPlan {
  /** UDP port of the packets */
  readonly port: number
  /** of the networks that this host has devices for; packets of others are none of our business */
  readonly vnis: readonly number[]
  /** VTEPs of all hosts of the cluster, this one's first */
  readonly vteps: readonly Ip[]
  /** not all hosts are known yet: VTEPs that are admitted and not named stay */
  readonly partial: boolean
  /** false: nothing is made where nothing is, so that nobody unknown is shut out */
  readonly create: boolean
}

/** A routed network as the rules of the host's namespace see it. */
export interface Domain {
  /** where its containers of this host are */
  readonly bridge: string
  /** the device that leads to other hosts; absent: bare packets by the trunk */
  readonly tunnel?: string
  /** all addresses of its containers, wherever they are */
  readonly ranges: readonly Cidr[]
  /** true: it exchanges packets with other domains that are open, too */
  readonly open: boolean
  /** whether the host, other hosts and machines with a route may speak to its containers first */
  readonly exposed: boolean
  /** whether what its containers send elsewhere gets an address of this host */
  readonly masquerade: boolean
  readonly published: readonly PublishedPort[]
}

/** What one network wants in one place, but for what leads to other hosts. */
export interface Part {
  /** bridges before the devices that are their ports */
  readonly links: readonly LinkPlan[]
  /** one per port that is heard at all; absent: whatever comes from a port is let through */
  readonly sources?: readonly SourcePlan[]
  /** addresses of this host's own containers, with the bridge that they are behind */
  readonly residents?: readonly NeighbourPlan[]
  /** announcements of these addresses by containers are told; absent: nobody listens */
  readonly floating?: readonly Ip[]
  /** those that lead to no other host, such as the blackhole of an own block */
  readonly routes?: readonly RoutePlan[]
  /** VNIs whose packets are taken from the cluster's hosts only; in the host's place */
  readonly vnis?: readonly number[]
  /** in the host's place */
  readonly domain?: Domain
}

/** The parts of all networks of one place, and what leads to other hosts. */
export interface Plan extends Omit<Part, 'routes' | 'vnis' | 'domain'> {
  readonly place: Place
  readonly neighbours: readonly NeighbourPlan[] | EntrySet<NeighbourPlan>
  readonly fdb: readonly FdbPlan[] | EntrySet<FdbPlan>
  readonly routes?: readonly RoutePlan[] | EntrySet<RoutePlan>
  readonly proxies?: readonly ProxyPlan[] | EntrySet<ProxyPlan>
  /** in the host's place */
  readonly strangers?: StrangersPlan
  /** in the host's place */
  readonly domains?: readonly Domain[]
  /** in the host's place: the device by which other hosts are reached */
  readonly trunk?: string
  /**
   * The peers are not known yet, as the store was not read since the start: neighbours, FDB entries
   * and routes that are there and not named stay, since a former run knew why.
   */
  readonly partial?: boolean
}
