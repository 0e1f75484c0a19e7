/** The interfaces between the layers. Each has a fake in test/fakes and a contract suite. */

import type { StaticRoute } from './driver.js'
import type { TsoverlayError } from './errors.js'
import type { HostLooks } from './host-looks.js'
import type { Cidr, Ip } from './ip.js'
import type { Item } from './item.js'
import type { LinkCounters, NamespaceReading, PlaceReading, RulesReading } from './kernel.js'
import type { LivePackets } from './live.js'
import type { Mac } from './mac.js'
import type { PathFacts } from './path-facts.js'
import type { Entries, Part, Place, Plan, TableName } from './plan.js'
import type { Probe, ProbeTarget } from './probe.js'
import type {
  DockerNetworkId,
  EndpointId,
  LocalEndpoint,
  Network,
  NetworkView,
  Peer,
  Subnet,
  Underlay,
  Way,
} from './types.js'
import type { VxlanDevice } from './vxlan-device.js'

/** The part of pino that we use: constant lower-case message, data as fields. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/**
 * What is needed to reach a peer; pure. A table that is not named has nothing. Who has what several
 * of them claim is decided elsewhere (control/peers/claims.ts).
 */
export type Reach = {
  readonly [T in TableName]?: (network: Network, peer: Peer, way: Way) => readonly Entries[T][]
}

/** An `-o` option that a backend has for itself, with all that it may be; the first is the default. */
export interface BackendOption<V extends string = string> {
  readonly name: string
  readonly values: readonly [V, ...V[]]
}

/** What Join tells dockerd of a container's interface. */
export interface Attachment {
  readonly routes: readonly StaticRoute[]
  /** the ways to everything else, one per family at most; absent: docker_gwbridge is */
  readonly gateways?: readonly Ip[]
}

/** How packets of a network travel. Pure: no I/O, no clock, no memory. */
export interface Backend {
  readonly name: string
  /** what is followed of other hosts */
  readonly follows: 'endpoints' | 'blocks'
  /**
   * What a container has on its link; anything else goes by a route. Blocks are subnets of their own
   * then, and IPAM gives each address the length of its block.
   */
  readonly onLink: 'pool' | 'block'
  /** those of the common `-o` options that not every backend takes (backends/options.ts) */
  readonly takes: readonly string[]
  /** its own `-o` options */
  readonly options: readonly BackendOption[]
  readonly reach: Reach
  /** Where its containers and what leads to other hosts are. */
  home(network: DockerNetworkId): Place
  /** Name of the link that is a container's port at home. */
  portOf(endpoint: EndpointId): string
  /** The subnets by segment, in the order that all hosts agree on. */
  layout(subnets: readonly Subnet[]): readonly (readonly Subnet[])[]
  /**
   * Rejects what this backend cannot carry, before anything is stored.
   * @throws TsoverlayError OPTION_INVALID, POOL_INVALID
   */
  validate(network: Network, underlay: Underlay): void
  /** What is wanted of one network on this host but for its peers, by place; none: nothing is. */
  parts(view: NetworkView): ReadonlyMap<Place, Part>
  attach(view: NetworkView, endpoint: LocalEndpoint): Attachment
  /** Whether the network itself is its containers' way out; absent: docker_gwbridge always is. */
  hasGateway?(network: Network): boolean
  /** Of a host to which this backend has no way, why; absent: there is none such. */
  unreached?(network: Network, way: Way): NoWay | undefined
}

/** The `-o` option of a network by which there is no way, and what would give one. */
export interface NoWay {
  readonly option: string
  readonly value: string
  /** as people give it */
  readonly instead: string
}

export interface ApplyFailure {
  /** what was refused */
  readonly item: Item
  readonly error: TsoverlayError
}

export interface ApplyResult {
  /** kernel writes done by this pass */
  readonly written: number
  /** objects found missing or changed although a former pass had made them */
  readonly drift: number
  /** what failed; everything else of the plan stands */
  readonly failures: readonly ApplyFailure[]
  /** why this kernel cannot have the rules of the host's namespace, if it cannot */
  readonly unsupported?: string
  /** what of others on this host works against what is planned, and what to do about it */
  readonly obstacle?: string
}

/** An address that the kernel was asked for and did not know (l3miss). */
export interface Miss {
  readonly sandbox: string
  readonly dev: string
  readonly ip: Ip
}

/** A container has said that it has an address (gratuitous ARP, unsolicited neighbour advertisement). */
export interface Announcement {
  readonly sandbox: string
  /** the port that it came from */
  readonly dev: string
  readonly ip: Ip
  /** as it says */
  readonly mac: Mac
}

/** A route of the host. */
export interface HostRoute {
  readonly destination: Cidr
  /** name of its device; empty for one with several */
  readonly dev: string
}

/**
 * Where a container's questions for names arrive, as long as `beat` is called every few seconds. It
 * holds on to the container's namespace.
 */
export interface NamePlace {
  /** descriptors of bound sockets, UDP and TCP; who has the place closes them */
  readonly udp: number
  readonly tcp: number
  /** A new UDP socket that may ask Docker's resolver. @returns its descriptor @throws TsoverlayError KERNEL_FAILED */
  openUdp(): number
  /** The same for TCP, not connected: it has to be bound to 127.0.0.12. */
  openTcp(): number
  /** Says that this program is well. @returns false: `repair` is needed */
  beat(): boolean
  /** Looks whether questions still come here, and sees to it. @throws TsoverlayError KERNEL_FAILED */
  repair(): Promise<void>
  /** Questions go to Docker again at once; all is closed but the two sockets. Never fails. */
  close(): Promise<void>
}

/** The kernel. Only the reconciler calls the writing methods, one pass per place at a time. */
export interface Dataplane extends HostLooks {
  /**
   * Makes the kernel as planned, creating the sandbox if it is not there. One refused item does
   * not stop the rest.
   */
  apply(plan: Plan): Promise<ApplyResult>
  /**
   * Removes a sandbox with all in it; none there is success. Of HOST, all that is ours in the host's
   * own namespace.
   * @throws TsoverlayError KERNEL_FAILED
   */
  remove(place: Place): Promise<void>
  /** The next apply of this place reads the kernel instead of trusting memory. */
  queueResync(place: Place): void
  /** Names of the sandboxes in the kernel that are of our making (`1-<id>` with our vxlan or bridge). */
  list(): Promise<readonly string[]>
  /**
   * vxlan devices that others have made in the host's namespace, wherever they are now. No device
   * of ours can have the VNI of one on the same UDP port.
   */
  foreignVxlans(): Promise<readonly VxlanDevice[]>
  /** True while a network namespace is on the file of this name, ours or a container's. */
  hasNamespace(name: string): boolean
  /** Deletes a veth that dockerd left in the host's namespace; none there is success. */
  deleteHostLink(name: string): Promise<void>
  /**
   * The underlay as `advertise` selects it: an address, an interface name, a CIDR, or empty for
   * the source address of the default route.
   * @throws TsoverlayError UNDERLAY_UNKNOWN when no address of this host fits
   */
  underlay(advertise: string): Promise<Omit<Underlay, 'port'>>
  /** Destinations of the host's routes, without the default route. */
  routes(): Promise<readonly Cidr[]>
  /** The same with their devices, without those that this program has made. */
  hostRoutes(): Promise<readonly HostRoute[]>
  /**
   * Whether a container's namespace has an interface besides `lo`; true too if it cannot be read.
   * @param name of its file
   */
  hasInterfaces(name: string): Promise<boolean>
  /**
   * Opens a place for a resolver in a container's namespace.
   * @param name of its file
   * @returns undefined: there is no such namespace (yet)
   * @throws TsoverlayError KERNEL_FAILED
   */
  openNames(name: string): Promise<NamePlace | undefined>
  /** Called with the names of containers' namespaces that have just appeared; one listener. */
  onNamespace(listener: (name: string) => void): void
  /**
   * Sends echo requests (ICMP) that must not be fragmented, and waits a moment for the answers.
   * @param size of the IP packet
   * @returns how many were answered; undefined: this host does not send such packets there
   */
  echo(from: Ip, to: Ip, size: number, count: number): Promise<number | undefined>
  /**
   * Sends a probe to another host, as the kernel sends a container's packet.
   * @returns undefined: it was sent; else the name of an errno: EPERM where this host's own firewall
   * drops it, EMSGSIZE where it is larger than the MTU
   */
  sendProbe(probe: Probe, to: ProbeTarget): string | undefined
  /**
   * Hears the probes that come out of a vxlan device, behind all firewalls and our own rules.
   * @returns what ends it; undefined: there is no such device (now)
   * @throws TsoverlayError KERNEL_FAILED
   */
  hearProbes(place: Place, dev: string, onProbe: (probe: Probe) => void): (() => void) | undefined
  /** MTUs of the paths to VTEPs that `setPathMtu` has set and that are in force. */
  pathMtus(): Promise<ReadonlyMap<Ip, number>>
  /**
   * Sets the MTU of the path to a VTEP, by a route of our own beside the one that leads there; called
   * again, it follows that one. Routes of others to that very address stay as they are.
   * @param mtu undefined: as if nobody had set one
   * @throws TsoverlayError KERNEL_FAILED
   */
  setPathMtu(vtep: Ip, mtu: number | undefined): Promise<void>
  /** Readings along a packet's way. */
  readonly path: PathFacts
  /** Packets of our own on a container's way, and who hears them. */
  readonly live: LivePackets
  /**
   * The host's own network namespace and all that have a file in /run/docker/netns, with their links.
   * Nothing is written, and no pass waits for it; it takes some seconds at most.
   * @throws TsoverlayError KERNEL_FAILED when the host's own cannot be opened
   */
  namespaces(): Promise<readonly NamespaceReading[]>
  /**
   * What is in a place now, whoever made it; as `namespaces`, it disturbs nothing.
   * @returns undefined: there is no such sandbox
   * @throws TsoverlayError KERNEL_FAILED
   */
  read(place: Place): Promise<PlaceReading | undefined>
  /**
   * What has gone through the links of a place, by name; as `read`, it disturbs nothing.
   * @returns undefined: there is no such sandbox
   * @throws TsoverlayError KERNEL_FAILED
   */
  linkCounters(place: Place): Promise<ReadonlyMap<string, LinkCounters> | undefined>
  /** The rules that `read` would find if the plan were made. Pure. */
  rulesOf(plan: Plan): readonly RulesReading[]
  /** Called for each l3miss notice of any sandbox; one listener. */
  onMiss(listener: (miss: Miss) => void): void
  /** Called for each announcement of an address that a plan has as floating; one listener. */
  onAnnouncement(listener: (heard: Announcement) => void): void
  /**
   * Called when a place is not as the last apply made it, soon after somebody changed it; one
   * listener. The next apply reads what it is about.
   */
  onDrift(listener: (place: Place) => void): void
  /** Called when links, addresses or routes of the host have changed; one listener. */
  onHostChange(listener: () => void): void
  /** Closes sockets; the kernel keeps what is there. */
  close(): Promise<void>
}

export interface Entry {
  readonly key: string
  readonly value: string
  /** revision of its last write */
  readonly revision: number
}

/** All entries under a prefix, as of one revision of the store. */
export interface Snapshot {
  readonly kind: 'snapshot'
  readonly entries: readonly Entry[]
  readonly revision: number
  /** of a watch: the entries of the pages before it belong to it, too */
  readonly continues?: boolean
}

/**
 * Entries of a large snapshot that is still being read: the rest follows in further pages and a
 * snapshot that `continues` them. Other than that, the pages that came so far are void.
 */
export interface Page {
  readonly kind: 'page'
  readonly entries: readonly Entry[]
  readonly revision: number
  /** false: the first one */
  readonly continues: boolean
}

/** Changes since the last batch, in order; a delete has only its key. */
export interface Delta {
  readonly kind: 'delta'
  readonly puts: readonly Entry[]
  readonly deletes: readonly string[]
  readonly revision: number
}

export type Guard =
  | { readonly key: string; readonly is: 'absent' | 'present' }
  | { readonly key: string; readonly is: 'unchanged'; readonly revision: number }

export type Write =
  | { readonly put: string; readonly value: string; readonly lease?: Pick<Lease, 'id'> }
  | { readonly delete: string }
  | { readonly deletePrefix: string }

/** A part of a transaction that others add theirs to. */
export interface Change {
  readonly guards: readonly Guard[]
  readonly writes: readonly Write[]
}

export interface TxnResult {
  /** false: a guard did not hold and nothing was written */
  readonly done: boolean
  readonly revision: number
}

export interface Lease {
  readonly id: string
  /** Aborts when the lease has expired or was lost; the holder asks for another. */
  readonly lost: AbortSignal
  revoke(): Promise<void>
}

/** How the store is. */
export interface StoreHealth {
  /** of the member that was asked, in bytes: what its file takes */
  readonly size: number
  /** alarms of any member: `NOSPACE`, `CORRUPT` */
  readonly alarms: readonly string[]
}

/**
 * etcd as we use it. Keys are relative to STORE_PREFIX and start with `/`. Every call ends within
 * its deadline; one that cannot reach etcd throws STORE_UNAVAILABLE.
 */
export interface Store {
  get(key: string, signal?: AbortSignal): Promise<Entry | undefined>
  list(prefix: string, signal?: AbortSignal): Promise<Snapshot>
  /** Keys only, sorted: for large prefixes whose values do not matter. */
  keys(prefix: string, signal?: AbortSignal): Promise<readonly string[]>
  /** The only way to write: all writes happen if all guards hold, else none. */
  txn(guards: readonly Guard[], writes: readonly Write[], signal?: AbortSignal): Promise<TxnResult>
  /**
   * First a snapshot, a large one in pages, then deltas from its revision on. After a compaction, a cancelled watch or a
   * lost connection a fresh snapshot follows. Ends when `signal` aborts; never throws.
   */
  watch(prefix: string, signal: AbortSignal): AsyncIterable<Page | Snapshot | Delta>
  lease(ttlSeconds: number, signal?: AbortSignal): Promise<Lease>
  health(signal?: AbortSignal): Promise<StoreHealth>
  close(): Promise<void>
}
