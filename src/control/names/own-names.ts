/**
 * Learns from dockerd what the containers of this host are called, and has it published with their
 * endpoints. dockerd never tells a driver (moby daemon/libnetwork/drivers/remote/api/api.go), so an
 * event is followed by an inspect, and a lost stream of events by a look at all running containers.
 *
 * Never inside of a call of dockerd's: it may hold the container's lock, which the inspect needs.
 */
import { setMaxListeners } from 'node:events'
import { rest } from '../../core/deadline.js'
import { messageOf } from '../../core/errors.js'
import type { Logger } from '../../core/ports.js'
import type { DockerNetworkId, EndpointId, LocalEndpoint } from '../../core/types.js'
import type { Journal } from '../../state/journal.js'
import type { Outbox } from '../../state/outbox.js'
import type { Attachment, DockerNames, NamedContainer, NameEvent } from '../dockerd/docker-names.js'
import { chores } from '../records/chores.js'
import type { Problems } from '../troubles/problems.js'
import { Looks } from './looks.js'
import { namesOf } from './names-of.js'

const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 4_000
/** A look at all without a cause, while there are endpoints that nobody has named. */
const SLOW_MS = 10_000

export interface OwnNamesParts {
  readonly docker: DockerNames
  readonly journal: Journal
  readonly outbox: Outbox
  readonly problems: Pick<Problems, 'report'>
  readonly logger: Logger
  /** told when names of this host's endpoints, or of its networks, have changed */
  readonly onLearned?: () => void
  readonly slowMs?: number
}

export class OwnNames {
  readonly #parts: OwnNamesParts
  readonly #closing = new AbortController()
  readonly #looks: Looks
  readonly #networks = new Map<DockerNetworkId, string>()
  #following: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #listing: Promise<void> | undefined

  constructor(parts: OwnNamesParts) {
    this.#parts = parts
    // One for each look under way.
    setMaxListeners(0, this.#closing.signal)
    this.#looks = new Looks({
      look: (container, signal) => this.#look(container, signal),
      signal: this.#closing.signal,
      onFailed: (failed) => this.#report('containers', failed),
    })
  }

  /** Begins; dockerd does not have to be there yet. */
  start(): void {
    this.#following ??= this.#follow()
    this.#timer ??= setInterval(
      () => this.#nameless().length > 0 && this.#listAll(),
      this.#parts.slowMs ?? SLOW_MS,
    ).unref()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    clearInterval(this.#timer)
    await this.#following
    await this.#listing
    await this.#looks.ended()
  }

  /** What docker calls a network; undefined: not known yet. */
  networkName(id: DockerNetworkId): string | undefined {
    return this.#parts.journal.bindings.get(id)?.name ?? this.#networks.get(id)
  }

  #heard({ what, container, network }: NameEvent): void {
    if (network !== undefined && !hasNames(this.#parts.journal, network)) return
    // Before each start are its connects, and the look that they asked for waits for its end.
    const isSeen = this.#looks.isUnderWay(container) || this.#nameless().length === 0
    if (what === 'start' && isSeen) return
    this.#looks.ask(container)
  }

  /** Running, in a network with names, and nobody has told what it is called. */
  #nameless(): readonly LocalEndpoint[] {
    const { journal } = this.#parts
    return [...journal.endpoints.values()].filter(
      ({ joined, names, dockerNetwork }) =>
        joined && names === undefined && hasNames(journal, dockerNetwork),
    )
  }

  #listAll(): void {
    this.#listing ??= this.#list().finally(() => {
      this.#listing = undefined
    })
  }

  /** Asks for those whose names are not known, or not those of before. */
  async #list(): Promise<void> {
    const { docker, journal, logger } = this.#parts
    const { signal } = this.#closing
    try {
      for (const { id, name, endpoints } of await docker.running(signal)) {
        const own = endpoints.flatMap((endpoint) => journal.endpoints.get(endpoint) ?? [])
        const isNew = ({ names }: LocalEndpoint) => names?.[0] !== name.toLowerCase()
        const isUnnamed = own.some((each) => this.networkName(each.dockerNetwork) === undefined)
        if (own.some(isNew) || isUnnamed) this.#looks.ask(id)
      }
    } catch (error) {
      logger.debug({ err: messageOf(error) }, 'running containers not listed')
    }
  }

  async #look(id: string, signal: AbortSignal): Promise<void> {
    const container = await this.#parts.docker.named(id, signal)
    if (container === undefined) return
    let learned = false
    for (const attachment of container.attachments) {
      learned = this.#learnNetwork(attachment) || learned
      learned = this.#learnNames(container, attachment) || learned
    }
    if (learned) this.#parts.onLearned?.()
  }

  #learnNetwork({ network, networkName }: Attachment): boolean {
    // One that was given by its id has that for a name until the container has started.
    if (networkName === '' || network.startsWith(networkName)) return false
    if (this.#parts.journal.bindings.get(network) === undefined) return false
    if (this.#networks.get(network) === networkName) return false
    for (const id of this.#networks.keys())
      if (this.#parts.journal.bindings.get(id) === undefined) this.#networks.delete(id)
    this.#networks.set(network, networkName)
    return true
  }

  #learnNames(container: NamedContainer, attachment: Attachment): boolean {
    const { journal, outbox, logger } = this.#parts
    const endpoint = journal.endpoints.get(attachment.endpoint)
    if (endpoint === undefined || !hasNames(journal, endpoint.dockerNetwork)) return false
    const names = namesOf(container, attachment)
    if (isSame(endpoint.names, names)) return false
    journal.endpoints.put({ ...endpoint, names })
    void outbox.submit(chores.publishEndpoint(endpoint))
    logger.debug({ endpoint: shortOf(endpoint.id), names }, 'names of a container learned')
    return true
  }

  /** dockerd may be starting, or restart at any time: then all running containers are looked at. */
  async #follow(): Promise<void> {
    const { docker } = this.#parts
    const { signal } = this.#closing
    for (let pause = FIRST_RETRY_MS; !signal.aborted; pause = Math.min(pause * 2, LAST_RETRY_MS)) {
      const onConnected = (): void => {
        pause = FIRST_RETRY_MS
        this.#report('events', new Map())
        this.#listAll()
      }
      let problem = 'the stream of events has ended'
      await docker
        .followNames(onConnected, (event) => this.#heard(event), signal)
        .catch((error: unknown) => {
          problem = messageOf(error)
        })
      if (signal.aborted) return
      // A restart of dockerd is not worth a line.
      if (pause === LAST_RETRY_MS) this.#report('events', new Map([['dockerd', told(problem)]]))
      await rest(pause, signal)
    }
  }

  readonly #problems = new Map<string, ReadonlyMap<string, string>>()

  #report(part: string, found: ReadonlyMap<string, string>): void {
    this.#problems.set(part, found)
    const all = [...this.#problems.values()].flatMap((each) => [...each])
    this.#parts.problems.report('names', new Map(all))
  }
}

function told(problem: string): string {
  return `names of new containers are not known to other hosts: ${problem}`
}

function hasNames(journal: Journal, network: DockerNetworkId): boolean {
  const binding = journal.bindings.get(network)
  return binding !== undefined && binding.network.dns !== false
}

function isSame(known: readonly string[] | undefined, names: readonly string[]): boolean {
  return known?.length === names.length && names.every((name, at) => known[at] === name)
}

function shortOf(id: EndpointId): string {
  return id.slice(0, 12)
}
