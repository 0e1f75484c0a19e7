/** The plan of the host's own namespace: the parts of all networks, and what leads to other hosts. */
import type { Ip } from '../../core/ip.js'
import type { Entries, Part, Plan, StrangersPlan, TableName } from '../../core/plan.js'
import { HOST, routeKey } from '../../core/plan.js'
import type { DockerNetworkId, Underlay } from '../../core/types.js'
import type { PeerBook } from '../peers/peer-book.js'
import { JointEntries } from './joint-entries.js'

interface HostPlanOptions {
  readonly parts: ReadonlyMap<DockerNetworkId, Part>
  /** of the networks at home there */
  readonly books: ReadonlyMap<DockerNetworkId, PeerBook>
  readonly underlay: Underlay
  /** UDP port of VXLAN */
  readonly port: number
  /** VTEPs of the other hosts */
  readonly vteps: readonly Ip[]
  /** not all hosts are known */
  readonly unknownHosts: boolean
  /** there is what a former run has made, which must not be shut out before the hosts are known */
  readonly adopted: boolean
  /** the peers of some network are not known */
  readonly partial: boolean
}

export class HostPlan {
  readonly #joint: { readonly [T in TableName]: JointEntries<Entries[T]> } = {
    neighbours: new JointEntries<Entries['neighbours']>(({ ip }) => ip),
    fdb: new JointEntries<Entries['fdb']>(({ mac }) => mac),
    routes: new JointEntries<Entries['routes']>(routeKey),
    proxies: new JointEntries<Entries['proxies']>(({ ip }) => ip),
  }

  make(options: HostPlanOptions): Plan {
    const { parts, books, underlay, partial } = options
    const all = [...parts.values()]
    const domains = all.flatMap(({ domain }) => domain ?? [])
    this.#join('neighbours', books, [])
    this.#join('fdb', books, [])
    this.#join(
      'routes',
      books,
      all.flatMap(({ routes }) => routes ?? []),
    )
    this.#join('proxies', books, [])
    return {
      place: HOST,
      links: all.flatMap(({ links }) => links),
      sources: all.flatMap(({ sources }) => sources ?? []),
      ...this.#joint,
      strangers: strangers(options),
      domains,
      ...(underlay.link === undefined ? {} : { trunk: underlay.link.dev }),
      partial,
    }
  }

  #join<T extends TableName>(
    table: T,
    books: ReadonlyMap<DockerNetworkId, PeerBook>,
    fixed: readonly Entries[T][],
  ): void {
    const sets = new Map([...books].map(([network, book]) => [network, book.entries(table)]))
    this.#joint[table].set(sets, fixed)
  }
}

function strangers(options: HostPlanOptions): StrangersPlan {
  const { parts, underlay, port, vteps, unknownHosts, adopted } = options
  return {
    port,
    vnis: [...new Set([...parts.values()].flatMap(({ vnis }) => vnis ?? []))],
    vteps: [...new Set([underlay.vtep, ...vteps])],
    partial: unknownHosts,
    create: !(unknownHosts && adopted),
  }
}
