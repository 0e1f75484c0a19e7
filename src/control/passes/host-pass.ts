/**
 * The pass over the host's own namespace: what all networks of this host want there, and who may send
 * VXLAN packets to it. One for all networks, so none can undo what another wants.
 */
import { resolveBackend } from '../../backends/index.js'
import { messageOf } from '../../core/errors.js'
import type { Plan } from '../../core/plan.js'
import { HOST } from '../../core/plan.js'
import type { Dataplane, Logger } from '../../core/ports.js'
import type { DockerNetworkId, NetworkView, Underlay } from '../../core/types.js'
import { ownWay } from '../../core/way.js'
import type { Binding } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'
import type { Linger } from '../peers/linger.js'
import type { PeerBook } from '../peers/peer-book.js'
import type { Peers } from '../peers/peers.js'
import type { UnderlaySource } from '../underlay/underlay-source.js'
import { HostParts } from './host-parts.js'
import { HostPlan } from './host-plan.js'
import { homeOf, portsAt } from './places.js'
import type { ViewParts } from './views.js'
import { ownPeers, viewOf } from './views.js'
import type { PassResult } from './vital.js'
import { NOTHING, withoutLeft } from './vital.js'

export interface HostPassParts extends ViewParts {
  readonly journal: Journal
  readonly peers: Peers
  readonly underlay: Pick<UnderlaySource, 'known'>
  readonly dataplane: Pick<Dataplane, 'apply' | 'list'>
  readonly linger: Linger
  readonly port: number
  readonly logger: Logger
}

export class HostPass {
  readonly #parts: HostPassParts
  readonly #wanted: HostParts
  readonly #plan = new HostPlan()
  /** running containers of a former run, which must not be shut out before the hosts are known */
  #adopted = true
  /** VNIs that are taken from the cluster's hosts only */
  #covered: ReadonlySet<number> = new Set()
  #made: Plan | undefined
  #problem: string | undefined
  #obstacle: string | undefined

  constructor(parts: HostPassParts) {
    this.#parts = parts
    this.#wanted = new HostParts(parts.logger)
  }

  /** Why the rules are not in force; undefined when they are. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** What the last pass was to make; undefined: there was none. */
  get plan(): Plan | undefined {
    return this.#made
  }

  /** What of others on this host may drop packets of our networks, with what helps. */
  get obstacle(): string | undefined {
    return this.#obstacle
  }

  /** Looks for what a former run has made. Never rejects. */
  async adopt(): Promise<void> {
    const { dataplane, logger } = this.#parts
    try {
      this.#adopted = (await dataplane.list()).length > 0
    } catch (error) {
      logger.warn({ err: messageOf(error) }, 'sandboxes of a former run not listed')
    }
  }

  /** Whether packets of the network are taken from the cluster's hosts only. */
  covers(network: DockerNetworkId): boolean {
    const segments = this.#parts.journal.bindings.get(network)?.network.segments ?? []
    return segments.every(({ vni }) => this.#covered.has(vni))
  }

  /** @throws TsoverlayError KERNEL_FAILED */
  async run(): Promise<PassResult> {
    const plan = await this.#make()
    if (plan === undefined) return { made: NOTHING, lasting: NOTHING }
    this.#made = plan
    const result = await this.#parts.dataplane.apply(plan)
    this.#obstacle = result.obstacle
    const rules = result.failures.find(({ item }) => item.in === 'rules')
    this.#covered = new Set(rules === undefined ? plan.strangers?.vnis : [])
    this.#report(result.unsupported ?? (rules && messageOf(rules.error)))
    return {
      made: result,
      lasting: withoutLeft(result, plan.links, () => portsAt(this.#parts.journal, HOST)),
    }
  }

  /** @returns undefined before the underlay's address is known: what is there stays */
  async #make(): Promise<Plan | undefined> {
    const { peers, port, underlay } = this.#parts
    const books = new Map<DockerNetworkId, PeerBook>()
    for (const { network, dockerNetwork } of this.#routed()) {
      books.set(dockerNetwork, await peers.book(network, resolveBackend(network.backend).reach))
    }
    // From here to the plan there is no await: all is of one moment.
    const { known } = underlay
    if (known === undefined) return undefined
    const views = this.#views(known)
    const parts = this.#wanted.of(views)
    let isPartial = false
    for (const [id, book] of books) {
      const view = views.find(({ dockerNetwork }) => dockerNetwork === id)
      if (view?.local.some(({ joined }) => joined) === true) this.#parts.linger.use(id)
      if (view === undefined || parts.get(id)?.domain === undefined) {
        books.delete(id)
        continue
      }
      book.setLocal(ownPeers(view), ownWay(view.underlay, view.self))
      isPartial ||= !peers.isSynced(view.network.key)
    }
    return this.#plan.make({
      parts,
      books,
      underlay: known,
      port,
      vteps: peers.hosts().map(({ vtep }) => vtep),
      unknownHosts: !peers.knowsHosts,
      adopted: this.#adopted,
      partial: isPartial,
    })
  }

  /** Networks with containers here whose routes stand in the host's namespace. */
  #routed(): readonly Binding[] {
    const isUsed = this.#used()
    return this.#bindings().filter((each) => homeOf(each) === HOST && isUsed(each))
  }

  /** Of overlays that are not in use nothing is wanted: they cost nothing. */
  #views(known: Underlay): readonly NetworkView[] {
    const isUsed = this.#used()
    return this.#bindings()
      .filter((each) => homeOf(each) === HOST || isUsed(each))
      .map((each) => viewOf(this.#parts, each, known, isUsed(each)))
  }

  #bindings(): readonly Binding[] {
    return [...this.#parts.journal.bindings.values()]
  }

  /** Which networks have containers here, or had some until a moment ago. */
  #used(): (binding: Binding) => boolean {
    const { journal, linger } = this.#parts
    const joined = new Set<DockerNetworkId>()
    for (const each of journal.endpoints.values()) if (each.joined) joined.add(each.dockerNetwork)
    return ({ dockerNetwork }) => joined.has(dockerNetwork) || linger.keeps(dockerNetwork)
  }

  /** One line when it goes wrong and one when it is well again. */
  #report(problem: string | undefined): void {
    const { logger } = this.#parts
    if (problem !== undefined && this.#problem === undefined) {
      logger.error({ err: problem }, 'strangers are not kept out, the kernel refused the rules')
    }
    if (problem === undefined && this.#problem !== undefined) {
      logger.info({}, 'strangers are kept out again')
    }
    this.#problem = problem
  }
}
