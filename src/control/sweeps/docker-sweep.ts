/**
 * Compares what this host believes dockerd to have with what dockerd has, and lets go of the rest:
 * containers and networks removed while the plugin was off, and creations that dockerd gave up
 * without a word. Scope local only; swarm-sweep.ts does it in a swarm.
 *
 * The journal is read before dockerd is asked, so only what dockerd is just making can be missing
 * in its answer by right, and it makes it by calls to this process. So one look decides about what a
 * former process left; what this one was asked to make has to look dead for some time (records/sightings.ts).
 */
import { messageOf } from '../../core/errors.js'
import { networkOf, parseCidr } from '../../core/ip.js'
import type { Logger } from '../../core/ports.js'
import type { DockerNetworkId, LocalEndpoint } from '../../core/types.js'
import { poolSubject } from '../../ipam/subjects.js'
import type { Binding, PoolHold } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'
import type { Outbox } from '../../state/outbox.js'
import type { DockerContents, DockerNetwork } from '../dockerd/docker-networks.js'
import type { Endpoints } from '../endpoints/endpoints.js'
import type { Networks } from '../networks/networks.js'
import { Sightings } from '../records/sightings.js'

const SLOW_MS = 60_000
/** When something looks dead, or dockerd does not answer any more. */
const SOON_MS = 15_000
/** Until dockerd has answered once: it may be starting, and its API comes last. */
const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 2_000
const ROUNDS = 2
/** From CreateEndpoint on dockerd's own list of endpoints has it; this is for a host under load. */
const GRACE_MS = 25_000

export interface DockerSweepParts {
  readonly journal: Journal
  readonly docker: DockerContents
  readonly endpoints: Endpoints
  readonly networks: Networks
  readonly outbox: Outbox
  readonly logger: Logger
  /** milliseconds, never going back */
  readonly now: () => number
  /** a network was let go that others may have: network sync brings it back */
  readonly onForgotten: () => void
  /** dockerd has answered for the first time, and what it lacks has been let go */
  readonly onAnswered?: () => void
}

/** What a former process left. */
interface Inheritance {
  /** the journal's own records: what this process was asked about has got another one */
  readonly endpoints: ReadonlySet<LocalEndpoint>
  readonly networks: ReadonlySet<DockerNetworkId>
}

export class DockerSweep {
  readonly #parts: DockerSweepParts
  readonly #sightings: Sightings
  readonly #closing = new AbortController()
  #inherited: Inheritance
  #timer: NodeJS.Timeout | undefined
  #pause = FIRST_RETRY_MS

  /** To be made before the sockets answer: what the journal has then is a former process's. */
  constructor(parts: DockerSweepParts) {
    const { journal } = parts
    this.#parts = parts
    this.#sightings = new Sightings({ rounds: ROUNDS, ms: GRACE_MS, now: parts.now })
    this.#inherited = {
      endpoints: new Set(journal.endpoints.values()),
      networks: new Set([...journal.bindings.values()].map(({ dockerNetwork }) => dockerNetwork)),
    }
  }

  /** Looks at once, and then from time to time. */
  start(): void {
    void this.#rounds()
  }

  close(): void {
    this.#closing.abort()
    clearTimeout(this.#timer)
  }

  async #rounds(): Promise<void> {
    const answered = await this.sweep().then(
      () => true,
      (error: unknown) => {
        this.#parts.logger.debug({ err: messageOf(error) }, 'comparison with dockerd put off')
        return false
      },
    )
    if (this.#closing.signal.aborted) return
    if (answered && this.#pause < SOON_MS) this.#parts.onAnswered?.()
    this.#timer = setTimeout(() => void this.#rounds(), this.#pauseAfter(answered))
    this.#timer.unref()
  }

  #pauseAfter(answered: boolean): number {
    if (answered) this.#pause = SOON_MS
    if (answered && !this.#sightings.any) return SLOW_MS
    const pause = this.#pause
    if (pause < SOON_MS) this.#pause = Math.min(pause * 2, LAST_RETRY_MS)
    return pause
  }

  /** Looks once, and lets go of what is dead for sure. @throws what dockerd answers */
  async sweep(): Promise<void> {
    const { journal, docker } = this.#parts
    const { signal } = this.#closing
    const inherited = this.#inherited
    const endpoints = [...journal.endpoints.values()]
    const bindings = [...journal.bindings.values()]
    const holds = [...journal.pools.values()]
    const networks = await docker.list(signal)
    const used = await docker.endpointIds(signal)
    const present = new Set(networks.map(({ id }) => id))
    const suspects = endpoints.filter(
      ({ id, dockerNetwork }) => present.has(dockerNetwork) && !used.has(id),
    )
    const dead = await this.#withoutContainers(suspects)
    const looksDead = this.#sightings.round()
    const isDead = (id: string): boolean => inherited.networks.has(id) || looksDead(`network ${id}`)
    for (const endpoint of dead) {
      if (inherited.endpoints.has(endpoint) || looksDead(`endpoint ${endpoint.id}`))
        await this.#dropEndpoint(endpoint)
    }
    for (const binding of bindings) {
      const { dockerNetwork: id } = binding
      if (!present.has(id) && isDead(id)) await this.#dropNetwork(binding)
    }
    for (const hold of holds) {
      if (this.#isUnused(hold, networks) && looksDead(`pool ${hold.id}`)) this.#dropPool(hold)
    }
    this.#inherited = { endpoints: new Set(), networks: new Set() }
  }

  /** A network also lists endpoints whose container is still starting. */
  async #withoutContainers(suspects: readonly LocalEndpoint[]): Promise<LocalEndpoint[]> {
    const known = new Map<string, ReadonlySet<string>>()
    for (const network of new Set(suspects.map(({ dockerNetwork }) => dockerNetwork)))
      known.set(network, await this.#parts.docker.endpointsOf(network, this.#closing.signal))
    return suspects.filter(({ id, dockerNetwork }) => known.get(dockerNetwork)?.has(id) !== true)
  }

  async #dropEndpoint(endpoint: LocalEndpoint): Promise<void> {
    const { id, dockerNetwork, addresses } = endpoint
    // Asked for once more while dockerd was looking: then it is another record.
    if (this.#parts.journal.endpoints.get(id) !== endpoint) return
    const fields = { network: dockerNetwork.slice(0, 12), endpoint: id.slice(0, 12), addresses }
    this.#parts.logger.info(fields, 'endpoint that dockerd does not have removed')
    await this.#parts.endpoints.discard(dockerNetwork, id)
  }

  async #dropNetwork({ dockerNetwork, network }: Binding): Promise<void> {
    const { journal, networks, logger, onForgotten } = this.#parts
    const now = journal.bindings.get(dockerNetwork)
    if (now === undefined) return
    // No wish of a user that we know of: the cluster keeps it.
    journal.bindings.put({ ...now, leaving: true })
    const fields = { network: dockerNetwork.slice(0, 12), identity: network.identity }
    logger.warn(fields, 'network that dockerd does not have let go')
    await networks.delete(dockerNetwork)
    onForgotten()
  }

  /** No network of this plugin has it, and none of another driver with our IPAM. */
  #isUnused({ boundTo, pool }: PoolHold, networks: readonly DockerNetwork[]): boolean {
    if (boundTo !== undefined && this.#parts.journal.bindings.get(boundTo) !== undefined)
      return false
    // Ours have pools of their own, also those of the same subnet.
    const others = networks.filter(({ id }) => this.#parts.journal.bindings.get(id) === undefined)
    return !others.some(({ pools }) =>
      pools.some(({ subnet }) => {
        const cidr = parseCidr(subnet)
        return cidr !== undefined && networkOf(cidr) === pool
      }),
    )
  }

  #dropPool(hold: PoolHold): void {
    const { journal, outbox, logger } = this.#parts
    const now = journal.pools.get(hold.id)
    if (now === undefined || now.boundTo !== hold.boundTo) return
    journal.pools.delete(hold.id)
    const { space, pool } = hold
    void outbox.submit({ kind: 'drop-pool', subject: poolSubject(hold), args: { space, pool } })
    logger.info({ space, pool }, 'subnet that no network of dockerd has given back')
  }
}
