/**
 * What names mean: to a container, by the networks that it is on (`viewOf`), and to people (`list`,
 * `lookup`). Other hosts' endpoints come from the lists of peers, which are followed anyway, this
 * host's from its journal, and names of what is no container from static-names.ts. Nothing waits here:
 * what was known last is answered while etcd is away.
 */
import { type Ip, ipOf } from '../../core/ip.js'
import type { NamesView } from '../../core/names-view.js'
import type { DockerNetworkId, Endpoint, HostId } from '../../core/types.js'
import type { Binding } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'
import type { Peers } from '../peers/peers.js'
import type { Living } from './living.js'
import { LocalNames } from './local-names.js'
import type { OwnNames } from './own-names.js'
import type { StaticNames } from './static-names.js'

export interface DirectoryParts {
  readonly journal: Journal
  readonly peers: Pick<Peers, 'named' | 'withAddress'>
  readonly own: Pick<OwnNames, 'networkName'>
  readonly statics: Pick<StaticNames, 'addressesOf' | 'namesOf'>
  readonly living: Pick<Living, 'preferred'>
}

/** Who has a name, or an address, on which network. */
export interface Holding {
  readonly host: HostId
  readonly binding: Binding
  readonly endpoint: Endpoint
}

export class Directory {
  readonly #parts: DirectoryParts
  readonly #local: LocalNames

  constructor(parts: DirectoryParts) {
    this.#parts = parts
    this.#local = new LocalNames(parts.journal)
  }

  /** What a container may ask that is on these networks at the time; it follows all changes. */
  viewOf(networks: () => readonly DockerNetworkId[]): NamesView {
    return {
      addressesOf: (name) => this.#addressesOf(networks(), name),
      namesOf: (ip) => this.#namesOf(networks(), ip),
    }
  }

  /** Whether a container that is on these networks is answered at all: not with `dns=off` on all of them. */
  serves(networks: readonly DockerNetworkId[]): boolean {
    return this.#bindings(networks).length > 0
  }

  /**
   * Who has the name in one of the networks, as it is or as `NAME.NETWORK`. Of several those whose
   * hosts are on.
   */
  holdersOf(networks: readonly DockerNetworkId[], name: string): readonly Holding[] {
    const all = this.#bindings(networks).flatMap((binding) => {
      const plain = this.#named(binding, name)
      const short = withoutNetwork(name, this.#parts.own.networkName(binding.dockerNetwork))
      return short === undefined ? plain : [...plain, ...this.#named(binding, short)]
    })
    return this.#parts.living.preferred(all)
  }

  #addressesOf(networks: readonly DockerNetworkId[], name: string): readonly Ip[] | undefined {
    if (!this.serves(networks)) return undefined
    const found = new Set<Ip>()
    for (const { endpoint } of this.holdersOf(networks, name))
      for (const address of endpoint.addresses) found.add(ipOf(address))
    for (const ip of this.#parts.statics.addressesOf(name)) found.add(ip)
    return found.size === 0 ? undefined : [...found]
  }

  #namesOf(networks: readonly DockerNetworkId[], ip: Ip): readonly string[] | undefined {
    if (!this.serves(networks)) return undefined
    const found = this.#bindings(networks).flatMap((binding) => this.#namesIn(binding, ip))
    const all = new Set([...found, ...this.#parts.statics.namesOf(ip)])
    return all.size === 0 ? undefined : [...all]
  }

  #namesIn({ dockerNetwork, network }: Binding, ip: Ip): readonly string[] {
    const { peers, own } = this.#parts
    const local = this.#local.of(dockerNetwork).withAddress(ip)
    const suffix = own.networkName(dockerNetwork)
    return [...local, ...peers.withAddress(network.key, ip)]
      .flatMap(({ names = [] }) => names)
      .map((name) => (suffix === undefined ? name : `${name}.${suffix}`))
  }

  #named(binding: Binding, name: string): readonly Holding[] {
    const local = this.#local.of(binding.dockerNetwork).named(name)
    const all = [...local, ...this.#parts.peers.named(binding.network.key, name)]
    return all.map((endpoint) => ({ host: endpoint.host, binding, endpoint }))
  }

  #bindings(networks: readonly DockerNetworkId[]): readonly Binding[] {
    const { bindings } = this.#parts.journal
    const found = networks.flatMap((id) => bindings.get(id) ?? [])
    return found.filter(({ network }) => network.dns !== false)
  }
}

/** `web.blue` in the network `blue` is `web`; undefined: it is none of that network. */
function withoutNetwork(name: string, network: string | undefined): string | undefined {
  if (network === undefined) return undefined
  const suffix = `.${network.toLowerCase()}`
  return name.endsWith(suffix) ? name.slice(0, -suffix.length) : undefined
}
