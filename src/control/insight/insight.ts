/** What this host's kernel has, whose it is, and what it should be; for people. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { EntriesReport, EntryRow, EntryTable } from '../../core/admin/entries.js'
import {
  type LinkRow,
  type LinksReport,
  type NamespaceReport,
  NETNS_FOLDER,
  type WayReport,
} from '../../core/admin/kernel.js'
import { HOST, type Place } from '../../core/plan.js'
import type { Dataplane, Logger } from '../../core/ports.js'
import type { Binding } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'
import type { DockerSandboxes } from '../dockerd/docker-sandboxes.js'
import { homeOf } from '../passes/places.js'
import type { Reconciler } from '../passes/reconciler.js'
import type { Peers } from '../peers/peers.js'
import { compareTable } from './compare.js'
import { compareRules } from './compare-rules.js'
import { isDifference } from './comparison.js'
import { findBinding, type Names, nameOf } from './find-binding.js'
import { ownerOf } from './owners.js'
import { SandboxOwners } from './sandbox-owners.js'
import { type Scope, scopeOf } from './scope.js'
import { waysOf } from './ways.js'

export interface InsightParts {
  readonly journal: Journal
  readonly dataplane: Pick<Dataplane, 'namespaces' | 'read' | 'rulesOf'>
  readonly docker: DockerSandboxes
  readonly reconciler: Pick<Reconciler, 'planOf' | 'partOf'>
  readonly peers: Pick<Peers, 'revision' | 'hosts'>
  readonly logger: Logger
  /** between two looks where something is not as it should be (ms) */
  readonly pauseMs?: number
}

/** A pass that is under way, or mends what was just found, has ended by then. */
const PAUSE_MS = 250
const LOOKS = 4

export class Insight {
  readonly #parts: InsightParts
  readonly #owners: SandboxOwners

  constructor(parts: InsightParts) {
    this.#parts = parts
    this.#owners = new SandboxOwners(parts.docker, parts.logger)
  }

  /** All network namespaces, with whose each is. @throws TsoverlayError KERNEL_FAILED */
  async namespaces(): Promise<readonly NamespaceReport[]> {
    const { dataplane, journal } = this.#parts
    const [readings, networks] = await Promise.all([
      dataplane.namespaces(),
      this.#owners.networks(),
    ])
    const live = readings.flatMap(({ name, live, aliases }) => (live ? [name, ...aliases] : []))
    const containers = await this.#owners.containers(new Set(live))
    const ours = [...journal.bindings.values()]
    const names = new Map(ours.map((one) => [one.dockerNetwork, nameOf(one, networks)]))
    const owners = {
      containers,
      networks: new Map([...networks, ...names]),
      ours: new Set(names.keys()),
    }
    return readings.map((reading) => {
      const { name, aliases, inode, links, problem } = reading
      return {
        name,
        aliases,
        path: name === HOST ? '' : `${NETNS_FOLDER}/${name}`,
        inode,
        ...ownerOf(reading, owners),
        links,
        ...(problem === undefined ? {} : { problem }),
      }
    })
  }

  /**
   * Links of all namespaces.
   * @param match ifindex or name; absent: all
   * @param withWays also what leads to other hosts
   * @throws TsoverlayError KERNEL_FAILED
   */
  async links(match?: string, withWays = false): Promise<LinksReport> {
    const [found, names] = await Promise.all([this.namespaces(), this.#owners.networks()])
    const networks = this.#networksOfLinks(names)
    const rows = found.flatMap(({ name: namespace, owner, network, links }) =>
      links.map((link): LinkRow => {
        const of = namespace === HOST ? networks.get(link.name) : network
        return { ...link, namespace, owner, ...(of === undefined ? {} : { network: of }) }
      }),
    )
    const links =
      match === undefined
        ? rows
        : rows.filter(({ index, name }) => `${index}` === match || name === match)
    return { links, ways: withWays ? await this.#ways(names) : [] }
  }

  /**
   * What a network has in the kernel beside what it should have. What is about to be put right does not
   * count: a difference is one that lasts.
   * @param network name, id in docker or its beginning, identity, or key
   * @throws TsoverlayError NETWORK_UNKNOWN, KERNEL_FAILED
   */
  async entries(table: EntryTable, network: string): Promise<EntriesReport> {
    const { journal, peers, reconciler, pauseMs = PAUSE_MS } = this.#parts
    const names = await this.#owners.networks()
    const binding = findBinding(journal.bindings.values(), network, names)
    let rows = await this.#look(table, binding)
    for (let looks = 1; looks < LOOKS && rows.some(isDifference); looks += 1) {
      const before = differencesOf(rows)
      await sleep(pauseMs)
      rows = await this.#look(table, binding)
      if (differencesOf(rows) === before) break
    }
    const plan = reconciler.planOf(homeOf(binding))
    const part = reconciler.partOf(binding.dockerNetwork)
    return {
      network: nameOf(binding, names),
      table,
      revision: peers.revision(binding.network.key),
      wanted: plan !== undefined && part !== undefined,
      partial: plan?.partial === true,
      differences: rows.filter(isDifference).length,
      rows,
    }
  }

  async #look(table: EntryTable, binding: Binding): Promise<readonly EntryRow[]> {
    const { dataplane, reconciler } = this.#parts
    const home = homeOf(binding)
    if (table !== 'rules') {
      const found = await dataplane.read(home)
      return compareTable(table, found, reconciler.planOf(home), this.#scope(home, binding))
    }
    const rows: EntryRow[] = []
    for (const place of new Set([home, HOST])) {
      const found = (await dataplane.read(place))?.rules
      const plan = reconciler.planOf(place)
      const wanted = plan === undefined ? [] : dataplane.rulesOf(plan)
      const partial = plan?.partial === true || plan?.strangers?.partial === true
      rows.push(...compareRules(found, wanted, this.#scope(place, binding), partial))
    }
    return rows
  }

  #scope(place: Place, binding: Binding): Scope {
    const part = this.#parts.reconciler.partOf(binding.dockerNetwork)
    return scopeOf(place, binding.network, homeOf(binding) === place ? part : undefined)
  }

  /** Of links in the host's own namespace. */
  #networksOfLinks(names: Names): ReadonlyMap<string, string> {
    const found = new Map<string, string>()
    for (const binding of this.#parts.journal.bindings.values()) {
      if (homeOf(binding) !== HOST) continue
      const part = this.#parts.reconciler.partOf(binding.dockerNetwork)
      for (const { name } of part?.links ?? []) found.set(name, nameOf(binding, names))
    }
    return found
  }

  async #ways(names: Names): Promise<readonly WayReport[]> {
    const { dataplane, journal, peers } = this.#parts
    const hosts = new Map<string, string>(peers.hosts().map(({ vtep, name }) => [vtep, name]))
    const ways: WayReport[] = []
    for (const binding of journal.bindings.values()) {
      const home = homeOf(binding)
      const found = await dataplane.read(home)
      if (found === undefined) continue
      const scope = this.#scope(home, binding)
      ways.push(...waysOf(nameOf(binding, names), found, scope, (address) => hosts.get(address)))
    }
    return ways
  }
}

/** Told apart by all that makes a difference. */
function differencesOf(rows: readonly EntryRow[]): string {
  return JSON.stringify(rows.filter(isDifference))
}
