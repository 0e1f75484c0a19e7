/**
 * NETWORK_SYNC: this host's dockerd gets every network of the cluster, and the cluster every network
 * of this dockerd. A pass compares three lists (the store's publications, dockerd's networks, the
 * journal) and does what is missing; whatever happens only asks for a pass. docs/design/networks.md
 * has the rules.
 */
import { rest, withLimit } from '../../core/deadline.js'
import { messageOf } from '../../core/errors.js'
import type { Store } from '../../core/ports.js'
import type { HostId, NetworkKey } from '../../core/types.js'
import { documents, type Publication } from '../../state/documents.js'
import { keys } from '../../state/keys.js'
import { Mirror } from '../../state/mirror.js'
import {
  type DockerChange,
  type DockerContainer,
  type DockerNetwork,
  GATEWAY_BRIDGE,
} from '../dockerd/docker-networks.js'
import { networkSubject } from '../records/chores.js'
import { decide, type Step } from './decide.js'
import { GatewayWait } from './gateway-wait.js'
import { type StepParts, Steps } from './steps.js'
import { Wishes } from './wishes.js'

/** Networks that are created or removed at once. */
const AT_ONCE = 4
const STORE_MS = 10_000
const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 15_000
/** A pass without a cause, should a cause have been missed. */
const SLOW_MS = 60_000

export interface SyncProblem {
  readonly network: string
  readonly problem: string
}

export interface NetworkSyncParts extends StepParts {
  readonly store: Store
  readonly identity: { readonly id: HostId }
  /** told dockerd's networks, as each pass lists them, and the networks of dockerd's IPAM */
  readonly onListed?: (docker: readonly DockerNetwork[], chosen: ReadonlySet<NetworkKey>) => void
  /** told the networks that are not as they should be, by name */
  readonly onProblems?: (problems: ReadonlyMap<string, string>) => void
}

export class NetworkSync {
  readonly #parts: NetworkSyncParts
  readonly #steps: Steps
  readonly #mirror: Mirror<Publication>
  readonly #closing = new AbortController()
  readonly #wishes = new Wishes()
  /** whether networks are to go, so that it matters which containers there are */
  #isWatching = false
  #problems: ReadonlyMap<string, string> = new Map()
  #wanted = false
  #pause = FIRST_RETRY_MS
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #following: Promise<void> | undefined
  #reached = false
  readonly #gateway = new GatewayWait(() => this.#makeGateway())

  constructor(parts: NetworkSyncParts) {
    this.#parts = parts
    this.#steps = new Steps({ ...parts, wishes: this.#wishes })
    this.#mirror = new Mirror({
      store: parts.store,
      prefix: keys.publications,
      decode: (_key, value) => documents.publication.decode(value),
      logger: parts.logger,
    })
  }

  /** Begins; neither dockerd nor the store has to be there yet. */
  start(): void {
    this.#mirror.onChange(() => this.trigger())
    this.#mirror.start()
    this.#following = this.#follow()
  }

  /** Asks for a pass that begins after this call. */
  trigger(): void {
    this.#pause = FIRST_RETRY_MS
    this.#again()
  }

  /** Whether dockerd's events arrive, and which networks are not as they should be. */
  status(): { readonly docker: boolean; readonly problems: readonly SyncProblem[] } {
    const problems = [...this.#problems].map(([network, problem]) => ({ network, problem }))
    return { docker: this.#reached, problems }
  }

  /**
   * A container with a way out starts. Without a docker_gwbridge dockerd would make one for it, on
   * whatever its IPAM takes for free.
   * @returns when there is one again, as far as is known, or after a while
   */
  gatewayReady(): Promise<void> {
    return this.#gateway.ready()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    clearTimeout(this.#timer)
    await this.#mirror.close()
    await this.#following
    await this.#running
  }

  #again(): void {
    this.#wanted = true
    clearTimeout(this.#timer)
    this.#running ??= this.#passes().finally(() => {
      this.#running = undefined
      if (this.#wanted) this.#again()
    })
  }

  async #passes(): Promise<void> {
    while (this.#wanted && !this.#closing.signal.aborted) {
      this.#wanted = false
      const settled = await this.#pass()
      if (this.#wanted) continue
      this.#timer = setTimeout(() => this.#again(), settled ? SLOW_MS : this.#pause)
      this.#timer.unref()
      if (!settled) this.#pause = Math.min(this.#pause * 2, LAST_RETRY_MS)
    }
    if (this.#closing.signal.aborted) this.#wanted = false
  }

  /** @returns false when another pass is needed soon */
  async #pass(): Promise<boolean> {
    const { journal, docker, identity } = this.#parts
    const { signal } = this.#closing
    try {
      await withLimit(STORE_MS, signal, (limit) => this.#mirror.synced(limit))
      // Before the bindings are read: what dockerd lists is bound, unless it is being removed.
      const lost = this.#gateway.losses
      const networks = await docker.list(signal)
      if (networks.some(({ name }) => name === GATEWAY_BRIDGE)) this.#gateway.found(lost)
      const owed = new Set([...journal.chores.values()].map(({ subject }) => subject))
      const publications = this.#publications()
      const containers = await this.#containersOf(publications)
      const chosen = publications.filter(({ ipam }) => ipam === 'docker').map(({ key }) => key)
      this.#parts.onListed?.(networks, new Set(chosen))
      const steps = decide({
        docker: networks,
        bindings: [...journal.bindings.values()],
        publications,
        self: identity.id,
        useOf: (network, publication) => this.#wishes.look(publication, network, containers),
        isOwed: (key) => owed.has(networkSubject(key)),
      })
      const gateway = await this.#gatewayBridge(networks, publications)
      const wrong = await this.#takeAll(steps)
      const unmoved = await this.#steps.finishMoves(publications, signal)
      this.#report(new Map([...gateway, ...unmoved, ...wrong]))
      return steps.length === 0 && !this.#steps.awaitsGateway && !this.#steps.hasMoves
    } catch (error) {
      this.#report(new Map([['', messageOf(error)]]))
      return false
    }
  }

  /** Asks dockerd only when a network of this host is to go. */
  async #containersOf(publications: readonly Publication[]): Promise<readonly DockerContainer[]> {
    const { journal, docker } = this.#parts
    const going = publications.filter(
      ({ key, removal, unwanted }) =>
        (removal ?? unwanted) !== undefined && journal.bindingOf(key) !== undefined,
    )
    this.#wishes.keep(new Set(going.map(({ key }) => key)))
    this.#isWatching = going.length > 0
    return this.#isWatching ? docker.containers(this.#closing.signal) : []
  }

  /** Before the networks, whose containers need it. @returns what is wrong with it, by its name */
  async #gatewayBridge(
    docker: readonly DockerNetwork[],
    publications: readonly Publication[],
  ): Promise<ReadonlyMap<string, string>> {
    try {
      await this.#gateway.made
      await this.#steps.gatewayBridge(docker, publications, this.#closing)
      return new Map()
    } catch (error) {
      return new Map([[GATEWAY_BRIDGE, messageOf(error)]])
    }
  }

  /** At once, as a container needs it. */
  async #makeGateway(): Promise<void> {
    const { docker, logger } = this.#parts
    const { signal } = this.#closing
    try {
      const networks = await docker.list(signal)
      await this.#steps.gatewayBridge(networks, this.#publications(), { signal, hurry: true })
    } catch (error) {
      logger.debug({ err: messageOf(error) }, 'docker_gwbridge not made')
    }
  }

  #publications(): readonly Publication[] {
    return [...this.#mirror.entries()].map(([, publication]) => publication)
  }

  /** @returns what is wrong, by name of network */
  async #takeAll(steps: readonly Step[]): Promise<Map<string, string>> {
    const problems = new Map<string, string>()
    const queue = steps.values()
    const worker = async (): Promise<void> => {
      for (const step of queue) {
        if (step.do === 'wait') continue
        const problem = await this.#steps.take(step, this.#closing.signal).catch(messageOf)
        if (problem !== undefined) problems.set(step.name, problem)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    return problems
  }

  #report(problems: ReadonlyMap<string, string>): void {
    if (this.#closing.signal.aborted) return
    const { logger } = this.#parts
    for (const [network, problem] of problems) {
      if (this.#problems.get(network) !== problem)
        logger.warn({ network, problem }, 'network is not in sync')
    }
    for (const network of this.#problems.keys()) {
      if (!problems.has(network)) logger.info({ network }, 'network is in sync again')
    }
    this.#problems = problems
    this.#parts.onProblems?.(problems)
  }

  /** dockerd may be starting, or restart at any time. */
  async #follow(): Promise<void> {
    const { signal } = this.#closing
    const { docker } = this.#parts
    for (let pause = FIRST_RETRY_MS; !signal.aborted; ) {
      const onChange = (what: DockerChange): void => {
        pause = FIRST_RETRY_MS
        this.#reached = true
        if (what === 'gateway') this.#gateway.lost()
        if (what !== 'container' || this.#isWatching) this.trigger()
      }
      // The end of the stream is not worth a line: the pass says it when dockerd stays away.
      await docker.follow(onChange, signal).catch(() => undefined)
      this.#reached = false
      await rest(pause, signal)
      pause = Math.min(pause * 2, 4_000)
    }
  }
}
