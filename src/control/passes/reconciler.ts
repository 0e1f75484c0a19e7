/**
 * The one writer of kernel state. A pass takes a place, which is the sandbox of a network or the
 * host's own namespace, reads what is wanted there from journal and peers, asks the backends for their
 * parts and has the dataplane make it so. RPC handlers, watchers and kernel notices only mark
 * networks; docs/DESIGN.md follows one of each, docs/design/places.md says why by place.
 */
import { resolveBackend } from '../../backends/index.js'
import { messageOf } from '../../core/errors.js'
import type { Part, Place, Plan } from '../../core/plan.js'
import { HOST } from '../../core/plan.js'
import type { ApplyResult, Attachment, Dataplane, Logger } from '../../core/ports.js'
import type { DockerNetworkId, LocalEndpoint, NetworkKey } from '../../core/types.js'
import { ownWay } from '../../core/way.js'
import type { Binding } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'
import { LINGER_MS, Linger } from '../peers/linger.js'
import type { Peers } from '../peers/peers.js'
import type { UnderlaySource } from '../underlay/underlay-source.js'
import { HostPass } from './host-pass.js'
import { homeOf, networksAt, portsAt } from './places.js'
import { KeyedQueue } from './queue.js'
import type { Counters } from './reports.js'
import { Reports } from './reports.js'
import type { ViewParts } from './views.js'
import { ownPeers, viewOf } from './views.js'
import type { PassResult } from './vital.js'
import { NOTHING, withoutLeft } from './vital.js'

export interface ReconcilerParts extends ViewParts {
  readonly journal: Journal
  readonly peers: Peers
  readonly underlay: UnderlaySource
  readonly dataplane: Dataplane
  /** UDP port of VXLAN */
  readonly port: number
  readonly logger: Logger
  /** milliseconds of a clock that only goes forward */
  readonly now?: () => number
  /** how long a sandbox outlives its last container (ms) */
  readonly lingerMs?: number
}

const RETRY_MS = 1_000

export class Reconciler {
  readonly #parts: ReconcilerParts
  readonly #reports: Reports
  readonly #queue: KeyedQueue<ApplyResult>
  readonly #linger: Linger
  readonly #host: HostPass
  /** what the last pass over each sandbox was to make */
  readonly #plans = new Map<Place, Plan>()

  constructor(parts: ReconcilerParts) {
    this.#parts = parts
    this.#reports = new Reports(parts.logger, parts.now ?? (() => performance.now()))
    this.#queue = new KeyedQueue((place) => this.#pass(place))
    const ms = parts.lingerMs ?? LINGER_MS
    this.#linger = new Linger({ ms, onEnd: (id) => this.mark(id) })
    this.#host = new HostPass({ ...parts, linger: this.#linger })
  }

  get counters(): Counters {
    return this.#reports.counters
  }

  /** Why strangers' packets are not kept out, or networks not kept apart; undefined when all is well. */
  get problem(): string | undefined {
    return this.#host.problem
  }

  /** What of others on this host may drop packets of our networks, with what helps. */
  get obstacle(): string | undefined {
    return this.#host.obstacle
  }

  /** Takes up what a former run has made; the first pass over the host's namespace. Never rejects. */
  async start(): Promise<void> {
    await this.#host.adopt()
    await this.#queue.settle(HOST)
  }

  /**
   * A pass over the network's home that begins after this call; before it packets of the network are
   * taken from the cluster's hosts only.
   */
  async run(network: DockerNetworkId): Promise<ApplyResult> {
    const home = this.#homeOf(network)
    if (home === HOST) return this.#queue.run(HOST)
    if (!this.#host.covers(network)) await this.#queue.settle(HOST)
    return home === undefined ? NOTHING : this.#queue.run(home)
  }

  mark(network: DockerNetworkId): void {
    void this.settle(network)
  }

  markKey(key: NetworkKey): void {
    const binding = this.#parts.journal.bindingOf(key)
    if (binding !== undefined) this.mark(binding.dockerNetwork)
  }

  /** A place is not as the last pass made it. */
  markPlace(place: Place): void {
    const bindings = this.#parts.journal.bindings.values()
    if (place === HOST || networksAt(bindings, place).length > 0) this.#queue.mark(place)
  }

  markAll(): void {
    for (const binding of this.#parts.journal.bindings.values()) this.mark(binding.dockerNetwork)
    this.#queue.mark(HOST)
  }

  /** As mark. @returns when its passes have ended, well or not */
  async settle(network: DockerNetworkId): Promise<void> {
    const home = this.#homeOf(network)
    if (home === undefined) return
    if (home !== HOST && this.#host.covers(network)) {
      await this.#queue.settle(home)
      return
    }
    await Promise.all([
      this.#queue.settle(HOST),
      home === HOST ? undefined : this.#queue.settle(home),
    ])
  }

  /** A pass that reads the kernel instead of trusting memory. @returns when it has ended, well or not */
  resync(place: Place): Promise<void> {
    this.#parts.dataplane.queueResync(place)
    return this.#queue.settle(place)
  }

  /** Places in which containers of this host are. */
  places(): readonly Place[] {
    const { journal } = this.#parts
    const joined = new Set(
      [...journal.endpoints.values()]
        .filter((each) => each.joined)
        .map((each) => each.dockerNetwork),
    )
    const homes = [...joined].flatMap((id) => this.#homeOf(id) ?? [])
    return [...new Set([...homes, ...(homes.length === 0 ? [] : [HOST])])]
  }

  /**
   * What the last pass over a place was to make, for people: it is live, so to be read before others
   * have a turn. Undefined: nothing is wanted there.
   */
  planOf(place: Place): Plan | undefined {
    return place === HOST ? this.#host.plan : this.#plans.get(place)
  }

  /** What is wanted of a network at home now; undefined: nothing, or it is not known. */
  partOf(network: DockerNetworkId): Part | undefined {
    const { journal, underlay } = this.#parts
    const binding = journal.bindings.get(network)
    if (binding === undefined || underlay.known === undefined) return undefined
    const view = viewOf(this.#parts, binding, underlay.known, true)
    return resolveBackend(binding.network.backend).parts(view).get(homeOf(binding))
  }

  /**
   * What the container is told at Join.
   * @throws TsoverlayError UNDERLAY_UNKNOWN
   */
  attachment(binding: Binding, endpoint: LocalEndpoint): Attachment {
    const view = viewOf(this.#parts, binding, this.#parts.underlay.current(), true)
    return resolveBackend(binding.network.backend).attach(view, endpoint)
  }

  /** Takes away what a network has that is not in the journal any more. What fails is tried again. */
  leave(binding: Binding): Promise<ApplyResult> {
    this.#linger.forget(binding.dockerNetwork)
    return this.#queue.run(homeOf(binding))
  }

  /** Removes sandboxes of ours whose network this host has no longer. @returns how many */
  async sweep(): Promise<number> {
    const { dataplane, journal, logger } = this.#parts
    let removed = 0
    for (const sandbox of await dataplane.list()) {
      // Asked for each anew: networks come while this goes on.
      if (sandbox === HOST || networksAt(journal.bindings.values(), sandbox).length > 0) continue
      logger.warn({ sandbox }, 'sandbox without a network removed')
      await dataplane.remove(sandbox)
      removed += 1
    }
    return removed
  }

  close(): Promise<void> {
    this.#linger.end()
    return this.#queue.close()
  }

  #homeOf(network: DockerNetworkId): Place | undefined {
    const binding = this.#parts.journal.bindings.get(network)
    return binding && homeOf(binding)
  }

  async #pass(place: Place): Promise<ApplyResult> {
    this.counters.passes += 1
    const [binding] = place === HOST ? [] : networksAt(this.#parts.journal.bindings.values(), place)
    const fields =
      place === HOST ? { place } : { network: binding?.dockerNetwork.slice(0, 12) ?? place }
    try {
      const { made, lasting } =
        place === HOST ? await this.#host.run() : await this.#sandbox(place, binding)
      this.#reports.passed(place, fields, lasting)
      if (lasting.failures.length > 0) this.#again(place)
      return made
    } catch (error) {
      // The queue tries again; who did not wait for the pass would never learn why.
      this.#reports.failed(place, fields, error)
      throw error
    }
  }

  /** What stands stays; the rest comes again with the kernel read anew. */
  #again(place: Place): void {
    this.#parts.dataplane.queueResync(place)
    setTimeout(() => this.#queue.mark(place), RETRY_MS).unref()
  }

  async #sandbox(place: Place, binding: Binding | undefined): Promise<PassResult> {
    const plan = binding && (await this.#plan(binding.dockerNetwork))
    if (binding === undefined || plan === undefined) {
      const isKept = binding !== undefined && this.#linger.keeps(binding.dockerNetwork)
      const made = isKept ? NOTHING : await this.#remove(place)
      return { made, lasting: made }
    }
    this.#linger.use(binding.dockerNetwork)
    const { dataplane } = this.#parts
    this.#plans.set(place, plan)
    const result = await dataplane.apply(plan)
    const taken = result.failures.some(({ error }) => error.code === 'VNI_TAKEN')
    const made = taken && (await this.#makeRoom()) ? await dataplane.apply(plan) : result
    return {
      made,
      lasting: withoutLeft(made, plan.links, () => portsAt(this.#parts.journal, place)),
    }
  }

  /** The sandbox of a network that this host has no longer may have the VNI. */
  async #makeRoom(): Promise<boolean> {
    try {
      return (await this.sweep()) > 0
    } catch (error) {
      const err = messageOf(error)
      this.#parts.logger.warn({ err }, 'sandboxes without a network are removed later')
      return false
    }
  }

  async #plan(network: DockerNetworkId): Promise<Plan | undefined> {
    const { peers, underlay, self } = this.#parts
    const wanted = this.#joined(network)
    if (wanted === undefined) return undefined
    const backend = resolveBackend(wanted.network.backend)
    const book = await peers.book(wanted.network, backend.reach)
    // It may have gone meanwhile. From here to the plan there is no await: all is of one moment.
    const binding = this.#joined(network)
    if (binding === undefined) return undefined
    const current = underlay.current()
    const view = viewOf(this.#parts, binding, current, true)
    const place = backend.home(network)
    const part = backend.parts(view).get(place)
    if (part === undefined) return undefined
    book.setLocal(ownPeers(view), ownWay(current, self))
    const partial = !peers.isSynced(binding.network.key)
    return {
      ...part,
      place,
      neighbours: book.entries('neighbours'),
      fdb: book.entries('fdb'),
      partial,
    }
  }

  /** Without a joined endpoint nothing is wanted, and the underlay need not be known. */
  #joined(network: DockerNetworkId): Binding | undefined {
    const { journal } = this.#parts
    const isJoined = journal.endpointsOf(network).some(({ joined }) => joined)
    return isJoined ? journal.bindings.get(network) : undefined
  }

  async #remove(place: Place): Promise<ApplyResult> {
    this.#reports.forget(place)
    this.#plans.delete(place)
    await this.#parts.dataplane.remove(place)
    this.#queue.mark(HOST)
    return NOTHING
  }
}
