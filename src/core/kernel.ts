/** The kernel as it is: readings for people, beside which plans are held. No pass decides by them. */
import type { Cidr, Ip } from './ip.js'
import type { Mac } from './mac.js'
import type { Place, RoutePlan } from './plan.js'

/** The other end of a veth pair. */
export interface PeerReading {
  /** of the link there; an ifindex is unique in its namespace only */
  readonly index: number
  /** as NamespaceReading has it; absent: a namespace that has no file, or one that could not be read */
  readonly namespace?: string
  /** of the link; there where `namespace` is */
  readonly name?: string
}

/** How a link is a port of a bridge. */
export interface PortReading {
  /** `disabled`, `blocking`, `listening`, `learning` or `forwarding` */
  readonly state: string
  readonly learns: boolean
  readonly floods: boolean
}

export interface LinkReading {
  readonly index: number
  readonly name: string
  /** `bridge`, `vxlan`, `veth`, …; empty for one without, such as lo and most hardware */
  readonly kind: string
  readonly mac?: Mac
  readonly mtu: number
  /** as set by people and programs */
  readonly up: boolean
  /** whether frames go through */
  readonly carrier: boolean
  /** name of the bridge that it is a port of */
  readonly master?: string
  readonly addresses: readonly Cidr[]
  readonly vxlan?: { readonly vni: number; readonly port: number; readonly local?: Ip }
  readonly port?: PortReading
  /** of a veth */
  readonly peer?: PeerReading
}

/** Bytes through a link since it is there, as its own side of it sees them. */
export interface LinkCounters {
  readonly received: number
  readonly sent: number
}

export interface NamespaceReading {
  /** HOST, or the name of its file in /run/docker/netns */
  readonly name: string
  /** other files of the same namespace, such as Docker's `default` for the host's own */
  readonly aliases: readonly string[]
  /** of the namespace in the kernel (`ls -Li`) */
  readonly inode: number
  /** false: a file that no namespace is on any more, as after a reboot */
  readonly live: boolean
  /** a sandbox of our making */
  readonly ours: boolean
  readonly links: readonly LinkReading[]
  /** why its links could not be read */
  readonly problem?: string
}

export interface NeighbourReading {
  readonly dev: string
  readonly ip: Ip
  readonly mac?: Mac
  /** `permanent`, `reachable`, `stale`, `failed`, …, as `ip neigh` says it */
  readonly state: string
  /** as plans make them: permanent, and of no link-local or multicast address */
  readonly planned: boolean
}

export interface FdbReading {
  readonly dev: string
  readonly mac: Mac
  /** of an entry of a vxlan device's own table */
  readonly vtep?: Ip
  /** as `bridge fdb` says them: `self`, `master`, `permanent`, `static`, `sticky` */
  readonly flags: readonly string[]
  /** as plans make them: with a VTEP, permanent, by the device's own VNI and UDP port */
  readonly planned: boolean
}

/** A route of the main table; of the default route `to` is `0.0.0.0/0` or `::/0`. */
export interface RouteReading extends RoutePlan {
  /** `unicast`, `blackhole`, … */
  readonly type: string
  /** who made it, as `ip route` says it: `kernel`, `static`, a number; `tsoverlay` is us */
  readonly protocol: string
  /** it bears our number */
  readonly planned: boolean
}

export interface ProxyReading {
  readonly dev: string
  readonly ip: Ip
}

/** A table of nf_tables of ours. */
export interface RulesReading {
  /** as nft says it: `inet tsoverlay_routed` */
  readonly table: string
  /** what it is for, in some words */
  readonly purpose: string
  /** what the table says of itself: tables of one version have the same rules */
  readonly version: string
  readonly chains: readonly ChainReading[]
  readonly sets: readonly SetReading[]
}

interface ChainReading {
  readonly name: string
  /** rules in it and rules that lead to it, as the kernel counts */
  readonly uses: number
}

export interface SetReading {
  readonly name: string
  /** as nft would say them, sorted: `tsp-1a2b . 10.32.1.2`, `ip . 10.32.0.0/16` */
  readonly elements: readonly string[]
}

/** What is in one place, whoever made it. */
export interface PlaceReading {
  readonly place: Place
  readonly neighbours: readonly NeighbourReading[]
  readonly fdb: readonly FdbReading[]
  readonly routes: readonly RouteReading[]
  readonly proxies: readonly ProxyReading[]
  /** tables that are there; absent: this kernel has no nf_tables */
  readonly rules?: readonly RulesReading[]
}
