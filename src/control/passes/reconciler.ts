/**
 * The one writer of kernel state. A pass takes a network of this host, reads what is wanted from
 * journal and peers, asks the backend for the plan and has the dataplane make it so. RPC handlers,
 * watchers and kernel notices only mark networks; docs/DESIGN.md follows one of each.
 */
import { resolveBackend } from '../../backends/index.js'
import { messageOf } from '../../core/errors.js'
import { PORTS, portName, sandboxName } from '../../core/names.js'
import type { Plan } from '../../core/plan.js'
import type { ApplyResult, Dataplane, Logger } from '../../core/ports.js'
import type { DockerNetworkId, NetworkKey } from '../../core/types.js'
import type { Binding } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'
import { LINGER_MS, Linger } from '../peers/linger.js'
import type { Peers } from '../peers/peers.js'
import type { UnderlaySource } from '../underlay/underlay-source.js'
import type { Admission } from './admission.js'
import { KeyedQueue } from './queue.js'

export interface Counters {
  passes: number
  written: number
  drift: number
  failures: number
}

const NOTHING: ApplyResult = { written: 0, drift: 0, failures: [] }

export class Reconciler {
  readonly counters: Counters = { passes: 0, written: 0, drift: 0, failures: 0 }
  readonly #journal: Journal
  readonly #peers: Peers
  readonly #underlay: UnderlaySource
  readonly #dataplane: Dataplane
  readonly #admission: Pick<Admission, 'cover' | 'update'>
  readonly #logger: Logger
  readonly #queue: KeyedQueue<ApplyResult>
  readonly #troubled = new Set<DockerNetworkId>()
  /** when drift was logged last, and how much came since */
  readonly #told = new Map<DockerNetworkId, { at: number; untold: number }>()
  readonly #now: () => number
  readonly #linger: Linger

  constructor(parts: {
    journal: Journal
    peers: Peers
    underlay: UnderlaySource
    dataplane: Dataplane
    admission: Pick<Admission, 'cover' | 'update'>
    logger: Logger
    /** milliseconds of a clock that only goes forward */
    now?: () => number
    /** how long a sandbox outlives its last container (ms) */
    lingerMs?: number
  }) {
    this.#now = parts.now ?? (() => performance.now())
    this.#journal = parts.journal
    this.#peers = parts.peers
    this.#underlay = parts.underlay
    this.#dataplane = parts.dataplane
    this.#admission = parts.admission
    this.#logger = parts.logger
    this.#queue = new KeyedQueue((id) => this.#pass(id))
    const ms = parts.lingerMs ?? LINGER_MS
    this.#linger = new Linger({ ms, onEnd: (id) => this.mark(id) })
  }

  /** A pass over the network that begins after this call. */
  run(network: DockerNetworkId): Promise<ApplyResult> {
    return this.#queue.run(network)
  }

  mark(network: DockerNetworkId): void {
    this.#queue.mark(network)
  }

  markKey(key: NetworkKey): void {
    const binding = this.#journal.bindingOf(key)
    if (binding !== undefined) this.mark(binding.dockerNetwork)
  }

  /** Marks the network of a sandbox, if this host has it. */
  markSandbox(sandbox: string): void {
    for (const { dockerNetwork } of this.#journal.bindings.values()) {
      if (sandboxName(dockerNetwork) === sandbox) this.mark(dockerNetwork)
    }
  }

  markAll(): void {
    for (const binding of this.#journal.bindings.values()) this.mark(binding.dockerNetwork)
  }

  /** As mark. @returns when the pass has ended, well or not */
  settle(network: DockerNetworkId): Promise<void> {
    return this.#queue.settle(network)
  }

  /** A pass that reads the kernel instead of trusting memory. @returns when it has ended, well or not */
  resync(network: DockerNetworkId): Promise<void> {
    this.#dataplane.queueResync(sandboxName(network))
    return this.settle(network)
  }

  /** Removes sandboxes of ours whose network this host has no longer. @returns how many */
  async sweep(): Promise<number> {
    let removed = 0
    for (const sandbox of await this.#dataplane.list()) {
      // Asked for each anew: networks come while this goes on.
      const networks = [...this.#journal.bindings.values()]
      if (networks.some(({ dockerNetwork }) => sandboxName(dockerNetwork) === sandbox)) continue
      this.#logger.warn({ sandbox }, 'sandbox without a network removed')
      await this.#dataplane.remove(sandbox)
      removed += 1
    }
    return removed
  }

  close(): Promise<void> {
    this.#linger.end()
    return this.#queue.close()
  }

  async #pass(network: DockerNetworkId): Promise<ApplyResult> {
    this.counters.passes += 1
    const result = await this.#make(network)
    this.counters.written += result.written
    this.counters.drift += result.drift
    this.#report(network, this.#lasting(network, result))
    return result
  }

  async #make(network: DockerNetworkId): Promise<ApplyResult> {
    try {
      const plan = await this.#plan(network)
      if (plan === undefined) return this.#lingers(network) ? NOTHING : await this.#remove(network)
      this.#linger.use(network)
      await this.#admission.cover(network)
      const result = await this.#dataplane.apply(plan)
      const taken = result.failures.some(({ error }) => error.code === 'VNI_TAKEN')
      return taken && (await this.#makeRoom()) ? await this.#dataplane.apply(plan) : result
    } catch (error) {
      // The queue tries again; who did not wait for the pass would never learn why.
      this.counters.failures += 1
      if (!this.#troubled.has(network)) {
        const fields = { network: network.slice(0, 12), err: messageOf(error) }
        this.#logger.error(fields, 'pass over the network failed')
      }
      this.#troubled.add(network)
      throw error
    }
  }

  /** The sandbox of a network that this host has no longer may have the VNI. */
  async #makeRoom(): Promise<boolean> {
    try {
      return (await this.sweep()) > 0
    } catch (error) {
      this.#logger.warn({ err: messageOf(error) }, 'sandboxes without a network are removed later')
      return false
    }
  }

  async #plan(network: DockerNetworkId): Promise<Plan | undefined> {
    const wanted = this.#joined(network)
    if (wanted === undefined) return undefined
    const backend = resolveBackend(wanted.network.backend)
    const book = await this.#peers.book(wanted.network, backend)
    // It may have gone meanwhile. From here to the plan there is no await: all is of one moment.
    const binding = this.#joined(network)
    if (binding === undefined) return undefined
    const local = this.#journal.endpointsOf(network)
    const underlay = this.#underlay.current()
    const view = { network: binding.network, dockerNetwork: network, local, underlay }
    const frame = backend.frame(view)
    if (frame === undefined) return undefined
    book.setLocal(local, underlay.vtep)
    const partial = !this.#peers.isSynced(binding.network.key)
    return { ...frame, neighbours: book.neighbours, fdb: book.fdb, partial }
  }

  /** Without a joined endpoint nothing is wanted, and the underlay need not be known. */
  #joined(network: DockerNetworkId): Binding | undefined {
    const isJoined = this.#journal.endpointsOf(network).some(({ joined }) => joined)
    return isJoined ? this.#journal.bindings.get(network) : undefined
  }

  #lingers(network: DockerNetworkId): boolean {
    if (this.#journal.bindings.get(network) !== undefined) return this.#linger.keeps(network)
    this.#linger.forget(network)
    return false
  }

  async #remove(network: DockerNetworkId): Promise<ApplyResult> {
    this.#told.delete(network)
    // A network that this host does not have may be called as one that it has (core/names.ts).
    const twin = this.#journal.networkOfSandbox(sandboxName(network)) ?? network
    if (twin === network) await this.#dataplane.remove(sandboxName(network))
    await this.#admission.update()
    return NOTHING
  }

  /**
   * Without what is about ports of containers that have left meanwhile (`link veth…`, `station veth…`):
   * DeleteEndpoint takes them away amid a pass.
   */
  #lasting(network: DockerNetworkId, result: ApplyResult): ApplyResult {
    if (result.failures.length === 0) return result
    const joined = this.#journal.endpointsOf(network).filter((endpoint) => endpoint.joined)
    const ports = new Set(joined.map(({ id }) => portName(id)))
    const lasts = (item: string): boolean => {
      const [, dev = ''] = item.split(' ')
      return !dev.startsWith(PORTS) || ports.has(dev)
    }
    return { ...result, failures: result.failures.filter(({ item }) => lasts(item)) }
  }

  /** One line a minute and network: who changes things again and again fills no log. */
  #reportDrift(network: DockerNetworkId, drift: number): void {
    if (drift === 0) return
    const told = this.#told.get(network)
    if (told !== undefined && this.#now() - told.at < TELL_MS) {
      told.untold += drift
      return
    }
    this.#told.set(network, { at: this.#now(), untold: 0 })
    this.#logger.warn(
      { network: network.slice(0, 12), drift: drift + (told?.untold ?? 0) },
      'kernel state was changed by others and is repaired',
    )
  }

  /** One line for the first failure of a network and one when it is well again. */
  #report(network: DockerNetworkId, result: ApplyResult): void {
    const fields = { network: network.slice(0, 12) }
    const [first] = result.failures
    this.counters.failures += result.failures.length
    this.#reportDrift(network, result.drift)
    if (first === undefined) {
      if (this.#troubled.delete(network)) this.#logger.info(fields, 'kernel in sync again')
      return
    }
    if (!this.#troubled.has(network)) {
      const err = messageOf(first.error)
      this.#logger.error(
        { ...fields, failed: result.failures.length, item: first.item, err },
        'kernel refused part of the plan',
      )
    }
    this.#troubled.add(network)
    // What stands stays; the rest comes again with the kernel read anew.
    this.#dataplane.queueResync(sandboxName(network))
    setTimeout(() => this.mark(network), RETRY_MS).unref()
  }
}

const RETRY_MS = 1_000
const TELL_MS = 60_000
