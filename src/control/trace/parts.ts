/** What a trace is made of. */
import type { Ip } from '../../core/ip.js'
import type { Mac } from '../../core/mac.js'
import type { Dataplane, Store } from '../../core/ports.js'
import type {
  DockerNetworkId,
  EndpointId,
  Host,
  LocalEndpoint,
  Underlay,
} from '../../core/types.js'
import type { Binding } from '../../state/documents.js'
import type { Identity } from '../../state/identity.js'
import type { Journal } from '../../state/journal.js'
import type { ContainerState, DockerStates } from '../dockerd/docker-states.js'
import type { Inquiries } from '../inquiries/inquiries.js'
import type { Names } from '../names/names.js'
import type { Reconciler } from '../passes/reconciler.js'
import type { Peers } from '../peers/peers.js'

export interface TraceParts {
  readonly identity: Identity
  readonly journal: Journal
  readonly store: Store
  /** URLs of etcd; none: the plugin's own */
  readonly endpoints: readonly string[]
  readonly docker: DockerStates
  readonly dataplane: Pick<Dataplane, 'path' | 'live' | 'read' | 'foreignVxlans' | 'echo'>
  readonly peers: Peers
  readonly names: Pick<Names, 'own' | 'directory'>
  readonly reconciler: Pick<Reconciler, 'partOf'>
  readonly presence: { readonly reached: boolean }
  readonly inquiries: Pick<Inquiries, 'ask' | 'askAll'>
  readonly underlay: { readonly known: Underlay | undefined }
}

/** What is sent. */
export interface Load {
  readonly protocol: 'tcp' | 'udp' | 'icmp'
  /** destination port; absent: none in particular */
  readonly port?: number
}

/** A container of this host in a network, and what it exchanges packets with there. */
export interface Path {
  readonly binding: Binding
  readonly mine: LocalEndpoint
  /** name of the container */
  readonly name: string
  readonly other: Other
}

export interface Other {
  readonly ip: Ip
  /** absent: not known here */
  readonly mac?: Mac
  /** absent: this host */
  readonly host?: Host
  readonly name: string
}

/** Containers of this host, as its dockerd says; undefined: it does not answer. */
export type States = readonly ContainerState[] | undefined

export function stateWith(states: States, endpoint: EndpointId): ContainerState | undefined {
  return states?.find(({ endpoints }) => endpoints.includes(endpoint))
}

/** What people call a container here; the beginning of its endpoint's id where dockerd does not answer. */
export function nameOf(states: States, { id, names }: LocalEndpoint): string {
  return stateWith(states, id)?.name ?? names?.[0] ?? id.slice(0, 12)
}

/** What docker calls the network here. */
export function networkName({ names, journal }: TraceParts, id: DockerNetworkId): string {
  return names.own.networkName(id) ?? journal.bindings.get(id)?.network.identity ?? id.slice(0, 12)
}
