/** What is known of names and where it comes from, for people. */
import type { NameReport, NameSource } from '../../core/admin/names.js'
import { TsoverlayError } from '../../core/errors.js'
import { ipOf, parseIp } from '../../core/ip.js'
import type { DockerNetworkId, Endpoint } from '../../core/types.js'
import type { Binding } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'
import type { Peers } from '../peers/peers.js'
import type { Directory } from './directory.js'
import type { OwnNames } from './own-names.js'
import type { StaticNames } from './static-names.js'

const SHORT_ID = /^[0-9a-f]{12}$/

export interface NamesReportParts {
  readonly journal: Journal
  readonly peers: Pick<Peers, 'endpoints' | 'hostName'>
  readonly own: Pick<OwnNames, 'networkName'>
  readonly statics: StaticNames
  readonly directory: Directory
  readonly identity: { readonly id: string }
}

export class NamesReport {
  readonly #parts: NamesReportParts

  constructor(parts: NamesReportParts) {
    this.#parts = parts
  }

  /**
   * All names of the networks that this host has containers in, and those that people have added.
   * @param withIds also the short ids, which each container has
   */
  list(withIds = true): readonly NameReport[] {
    const { journal, statics } = this.#parts
    const all = [...journal.bindings.values()].flatMap((binding) => this.#ofNetwork(binding))
    const rows = withIds ? all : all.filter((row) => !this.#isOnlyId(row))
    for (const { name, addresses } of statics.all())
      rows.push({ name, network: '', sources: [{ kind: 'static', addresses }] })
    return rows.sort((a, b) => compare(a.name, b.name) || compare(a.network, b.network))
  }

  /**
   * What a container would be answered.
   * @param as its name, id or the beginning of its id; absent: one that is on all networks of this host
   * @throws TsoverlayError NAME_UNKNOWN
   */
  lookup(text: string, as?: string): readonly NameReport[] {
    const networks = as === undefined ? this.#allNetworks() : this.#networksOf(as)
    const name = text.toLowerCase().replace(/\.$/, '')
    const ip = parseIp(name)
    const names =
      ip === undefined ? [name] : (this.#parts.directory.viewOf(() => networks).namesOf(ip) ?? [])
    const found = names.flatMap((each) => this.#lookup(networks, each.toLowerCase()))
    const fitting = ip === undefined ? found : found.filter((row) => has(row, ip))
    if (fitting.length > 0) return fitting
    throw new TsoverlayError(
      'NAME_UNKNOWN',
      `the cluster does not know "${text}"${as === undefined ? '' : ` in the networks of ${as}`}: Docker's own resolver is asked then; tsoverlay dns ls shows all names`,
    )
  }

  /** People call nothing by it: it is neither a container's own name, nor added. */
  #isOnlyId({ name, sources }: NameReport): boolean {
    if (!SHORT_ID.test(name) || this.#parts.statics.addressesOf(name).length > 0) return false
    return sources.every((source) => source.kind === 'container' && source.container !== name)
  }

  #lookup(networks: readonly DockerNetworkId[], name: string): NameReport[] {
    const { directory, statics } = this.#parts
    const byNetwork = new Map<string, NameSource[]>()
    for (const { binding, endpoint } of directory.holdersOf(networks, name)) {
      const network = this.#nameOf(binding)
      byNetwork.set(network, [...(byNetwork.get(network) ?? []), this.#source(endpoint)])
    }
    const addresses = directory.serves(networks) ? statics.addressesOf(name) : []
    if (addresses.length > 0) byNetwork.set('', [{ kind: 'static', addresses }])
    return [...byNetwork].map(([network, sources]) => ({ name, network, sources }))
  }

  #ofNetwork(binding: Binding): NameReport[] {
    const { journal, peers, identity } = this.#parts
    const own = journal.endpointsOf(binding.dockerNetwork).filter(({ joined }) => joined)
    const others = [...peers.endpoints(binding.network.key)].filter(
      ({ host }) => host !== identity.id,
    )
    const network = this.#nameOf(binding)
    const sources = new Map<string, NameSource[]>()
    for (const endpoint of [...own, ...others]) {
      const source = this.#source(endpoint)
      for (const name of endpoint.names ?? []) {
        const known = sources.get(name)
        if (known === undefined) sources.set(name, [source])
        else known.push(source)
      }
    }
    return [...sources].map(([name, all]) => ({ name, network, sources: all }))
  }

  #source({ id, host, names, addresses }: Endpoint): NameSource {
    const hostName = this.#parts.peers.hostName(host)
    const ips = addresses.map(ipOf)
    return {
      kind: 'container',
      addresses: ips,
      endpoint: id,
      host,
      hostName,
      container: names?.[0] ?? '',
    }
  }

  #nameOf({ dockerNetwork, network }: Binding): string {
    return this.#parts.own.networkName(dockerNetwork) ?? network.identity
  }

  #allNetworks(): readonly DockerNetworkId[] {
    return [...this.#parts.journal.bindings.values()].map(({ dockerNetwork }) => dockerNetwork)
  }

  #networksOf(container: string): readonly DockerNetworkId[] {
    const wanted = container.toLowerCase()
    const short = wanted.slice(0, 12)
    const own = [...this.#parts.journal.endpoints.values()].filter(({ joined }) => joined)
    const isIt = ({ names = [] }: Endpoint): boolean =>
      names[0] === wanted ||
      (/^[0-9a-f]{4,}$/.test(wanted) && names.at(-1)?.startsWith(short) === true)
    const found = own.filter(isIt)
    if (found.length > 0) return found.map(({ dockerNetwork }) => dockerNetwork)
    const known = [...new Set(own.flatMap(({ names = [] }) => names.slice(0, 1)))].sort()
    throw new TsoverlayError(
      'NAME_UNKNOWN',
      `option --as ${container} is not valid: no container of this host in a tsoverlay network has this name or id; it has ${known.join(', ') || 'none'}`,
    )
  }
}

function has({ sources }: NameReport, ip: string): boolean {
  return sources.some(({ addresses }) => addresses.some((each) => each === ip))
}

/** By code unit, the same on every host whatever its locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
