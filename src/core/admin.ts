/** What the admin socket answers: the contract between the plugin and the CLI. */
import type { HostId, NetworkKey } from './types.js'

/** Where the admin socket is on a host. */
export const ADMIN_SOCKET = '/run/tsoverlay/admin.sock'

/** The part of GET /status that the CLI shows. */
export interface StatusReport {
  readonly host: {
    readonly id: HostId
    readonly name: string
    readonly vtep?: string
    readonly mtu?: number
    readonly problem?: string
  }
  readonly store: { readonly reached: boolean; readonly owed: number }
  readonly networks: readonly {
    readonly id: string
    readonly identity: string
    /** its name in docker; empty where network sync has not published it */
    readonly name: string
    readonly vnis: readonly number[]
    readonly subnets: readonly string[]
    readonly endpoints: number
    /** addresses that containers of this host have by announcing them */
    readonly floating: readonly string[]
    /** ports of this host that lead to them; those of docker_gwbridge are Docker's own */
    readonly published: readonly string[]
    readonly peers: number
    readonly synced: boolean
  }[]
  readonly kernel: { readonly drift: number; readonly failures: number }
  /** questions of containers for names */
  readonly names?: {
    readonly namespaces: number
    readonly answered: number
    readonly passed: number
  }
  /** containers whose address is another host's in the store */
  readonly conflicts: readonly { readonly endpoint: string; readonly problem: string }[]
  /** what else is not well, by the part of the program that says so */
  readonly problems: readonly {
    readonly part: string
    readonly about: string
    readonly problem: string
  }[]
  readonly sync?: {
    readonly docker: boolean
    readonly problems: readonly { readonly network: string; readonly problem: string }[]
  }
}

/** A host of the cluster, in GET /hosts. */
export interface HostReport {
  readonly id: HostId
  /** empty where only leftovers of it are in the store */
  readonly name: string
  readonly vtep: string
  /** its plugin runs and reaches the store, or did so in the last 15 s */
  readonly alive: boolean
  /** the host that was asked */
  readonly self: boolean
  readonly networks: number
  readonly endpoints: number
  readonly blocks: number
}

/** A network of the cluster, in GET /networks. */
export interface NetworkReport {
  readonly key: NetworkKey
  readonly identity: string
  /** its name in docker; empty where network sync has not published it */
  readonly name: string
  readonly backend: string
  readonly internal: boolean
  readonly vnis: readonly number[]
  readonly subnets: readonly string[]
  /** names of the hosts that have it */
  readonly hosts: readonly string[]
  readonly endpoints: number
  /** a user has removed it, and not all hosts have done so yet */
  readonly leaving: boolean
  /** hosts that cannot have it as it should be */
  readonly troubles: readonly { readonly host: string; readonly problem: string }[]
}

/** A container's attachment, in GET /endpoints. */
export interface EndpointReport {
  readonly id: string
  readonly network: NetworkKey
  /** the network's name, else what ties the hosts' networks together */
  readonly networkName: string
  readonly host: HostId
  readonly hostName: string
  readonly addresses: readonly string[]
  /** those that it has by announcing them */
  readonly floating: readonly string[]
  readonly mac: string
}

/** Who has a name. */
export type NameSource =
  | {
      readonly kind: 'container'
      readonly addresses: readonly string[]
      readonly endpoint: string
      readonly host: HostId
      readonly hostName: string
      /** the container's own name; this may be an alias of it, its hostname or its short id */
      readonly container: string
    }
  | { readonly kind: 'static'; readonly addresses: readonly string[] }

/** A name in one network, in GET /names and GET /names/lookup. */
export interface NameReport {
  readonly name: string
  /** what this host calls the network; empty: all of them */
  readonly network: string
  readonly sources: readonly NameSource[]
}

/** What PUT /names/<name> takes. */
export interface NameWish {
  readonly addresses: readonly string[]
}

/** What the removal of a host has taken out of the store. */
export interface RemovalCounts {
  readonly asks: number
  readonly networks: number
  readonly endpoints: number
  readonly pools: number
  readonly blocks: number
  readonly addresses: number
}

/** A line of DELETE /hosts/<host>, which answers one JSON document a line; the last one is no progress. */
export type RemovalLine =
  | { readonly progress: string }
  | { readonly removed: HostId; readonly name: string; readonly freed: RemovalCounts }
  | { readonly error: ErrorReport }

/** How every refusal of the admin socket looks, under `error`. */
export interface ErrorReport {
  readonly code: string
  readonly message: string
}
