/** What a kernel says of the way of a packet: facts, as they were read. Nothing here is judged. */
import type { Ip } from './ip.js'
import type { FdbReading, LinkReading, NeighbourReading, RouteReading } from './kernel.js'
import type { Mac } from './mac.js'
import type { Place } from './plan.js'

/** What would be done with a packet to an address (RTM_GETROUTE). */
export interface RouteFact {
  readonly to: Ip
  /** `none`: there is no route, or one that refuses; `local`: the address is this namespace's own */
  readonly kind: 'unicast' | 'local' | 'none'
  /** empty where packets go nowhere */
  readonly dev: string
  readonly via?: Ip
  readonly source?: Ip
  /** that the route itself sets */
  readonly mtu?: number
}

/** One namespace, as far as it matters for some addresses. */
export interface Surroundings {
  readonly links: readonly Omit<LinkReading, 'peer'>[]
  /** of each address that was asked for */
  readonly routes: readonly RouteFact[]
  /** of these addresses, and of gateways to them */
  readonly neighbours: readonly NeighbourReading[]
  /** of the MACs that were asked for */
  readonly fdb: readonly FdbReading[]
  /** routes of the main table that have one of the addresses in them, the narrowest first */
  readonly table: readonly RouteReading[]
}

export interface Asked {
  readonly ips: readonly Ip[]
  readonly macs?: readonly Mac[]
}

/** A socket that waits for packets of others. */
export interface ListenFact {
  readonly protocol: 'tcp' | 'udp'
  /** `0.0.0.0`, `::`: any */
  readonly address: Ip
  readonly port: number
}

/** The first packet of a connection, at a hook of this host. */
export interface TriedPacket {
  readonly hook: 'input' | 'forward' | 'output'
  /** names of devices; empty where there is none */
  readonly from: string
  readonly to: string
  readonly source: Ip
  readonly destination: Ip
  readonly protocol: 'tcp' | 'udp' | 'icmp'
  readonly port?: number
}

/** What rules that are not ours do with a packet. */
export interface RulesFact {
  readonly fate: 'passes' | 'refused' | 'unknown'
  /** where it is refused, or may be */
  readonly by?: {
    /** as nft names it: ip, ip6, inet */
    readonly family: string
    readonly table: string
    readonly chain: string
    /** of the rule; absent: the policy of the chain */
    readonly handle?: string
  }
}

/** Readings of the kernel along a packet's way. Nothing is changed; each may be asked at any time. */
export interface PathFacts {
  /**
   * @param where HOST, or the file name of a sandbox or of a container's namespace
   * @returns undefined: there is no such namespace
   * @throws TsoverlayError KERNEL_FAILED
   */
  surroundings(where: Place, asked: Asked): Promise<Surroundings | undefined>
  /** Sockets of a container's namespace that listen. @returns undefined: there is no such namespace */
  listeners(name: string): Promise<readonly ListenFact[] | undefined>
  /** What other people's rules in the host's namespace do with each packet. @throws TsoverlayError KERNEL_FAILED */
  tried(packets: readonly TriedPacket[]): Promise<readonly RulesFact[]>
  /** Whether this host forwards packets of the family between its devices. */
  forwards(family: 4 | 6): boolean
}
