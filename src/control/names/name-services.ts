/**
 * Which containers' questions come to us: there is one resolver per namespace that has an endpoint of
 * ours, from its start to its Leave. A pass compares the journal with the resolvers that there are;
 * whatever happens only asks for a pass.
 */
import { setMaxListeners } from 'node:events'
import { basename } from 'node:path'
import { rest } from '../../core/deadline.js'
import { messageOf } from '../../core/errors.js'
import type { Dataplane, Logger, NamePlace } from '../../core/ports.js'
import type { DockerNetworkId } from '../../core/types.js'
import type { Journal } from '../../state/journal.js'

/** Questions go to Docker again 5 s after the last beat. */
const BEAT_MS = 2_000
/** Between the file of a namespace and its mount. */
const MOUNT_MS = [1, 2, 4, 8, 16, 32, 64]

/** Since the start of a resolver; `lost`: passed on and not answered, `faults`: of our own. */
export interface NameCounters {
  readonly questions: number
  readonly answered: number
  readonly passed: number
  readonly lost: number
  readonly faults: number
}

/** A resolver at work; it has taken the place's two sockets. */
export interface Served {
  readonly counters: NameCounters
  close(): Promise<void>
}

const NOTHING: NameCounters = { questions: 0, answered: 0, passed: 0, lost: 0, faults: 0 }

export interface NameServicesParts {
  readonly journal: Journal
  readonly dataplane: Pick<Dataplane, 'openNames'>
  /** Begins to answer there, for a container that is on these networks at the time of a question. */
  readonly serve: (place: NamePlace, networks: () => readonly DockerNetworkId[]) => Served
  /** whether names are wanted on a network */
  readonly isWanted: (network: DockerNetworkId) => boolean
  readonly logger: Logger
}

interface Service {
  readonly place: NamePlace
  readonly served: Served
  isRepairing: boolean
}

export class NameServices {
  readonly #parts: NameServicesParts
  readonly #closing = new AbortController()
  readonly #services = new Map<string, Service>()
  /** by namespace: the networks of its endpoints */
  #wanted: ReadonlyMap<string, readonly DockerNetworkId[]> = new Map()
  readonly #opening = new Map<string, Promise<void>>()
  readonly #closes = new Set<Promise<void>>()
  /** of those that have ended */
  #past: NameCounters = NOTHING
  #beats: NodeJS.Timeout | undefined
  #hasFailed = false

  constructor(parts: NameServicesParts) {
    this.#parts = parts
    // One for each namespace that is waited for.
    setMaxListeners(0, this.#closing.signal)
  }

  start(): void {
    this.#beats = setInterval(() => this.#beat(), BEAT_MS).unref()
    this.look()
  }

  /** Endpoints have joined or left. */
  look(): void {
    if (this.#closing.signal.aborted) return
    this.#wanted = this.#namespaces()
    for (const [name, service] of this.#services) {
      if (!this.#wanted.has(name)) this.#end(name, service)
    }
    for (const name of this.#wanted.keys()) this.#open(name)
  }

  /** dockerd has made a container's namespace, or is about to. */
  appeared(name: string): void {
    if (this.#wanted.has(name)) this.#open(name)
  }

  /** How many namespaces are served. */
  get count(): number {
    return this.#services.size
  }

  /** Of all namespaces, since the start of this program. */
  get counters(): NameCounters {
    const all = [...this.#services.values()].map(({ served }) => served.counters)
    return all.reduce(added, this.#past)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    clearInterval(this.#beats)
    await Promise.all(this.#opening.values())
    for (const [name, service] of [...this.#services]) this.#end(name, service)
    await Promise.all(this.#closes)
  }

  #namespaces(): ReadonlyMap<string, readonly DockerNetworkId[]> {
    const { journal, isWanted } = this.#parts
    const found = new Map<string, DockerNetworkId[]>()
    for (const { joined, sandboxKey, dockerNetwork } of journal.endpoints.values()) {
      if (!joined || sandboxKey === undefined || !isWanted(dockerNetwork)) continue
      const name = basename(sandboxKey)
      const networks = found.get(name)
      if (networks === undefined) found.set(name, [dockerNetwork])
      else networks.push(dockerNetwork)
    }
    return found
  }

  #open(name: string): void {
    if (this.#services.has(name) || this.#opening.has(name)) return
    const opening = this.#tryOpen(name).finally(() => this.#opening.delete(name))
    this.#opening.set(name, opening)
  }

  async #tryOpen(name: string): Promise<void> {
    const { dataplane, serve } = this.#parts
    const { signal } = this.#closing
    try {
      let place = await dataplane.openNames(name)
      for (const pause of MOUNT_MS) {
        if (place !== undefined || signal.aborted) break
        await rest(pause, signal)
        place = await dataplane.openNames(name)
      }
      if (place === undefined) return
      const served = serve(place, () => this.#wanted.get(name) ?? [])
      const service = { place, served, isRepairing: false }
      this.#services.set(name, service)
      // It may have left, or this program been closed, meanwhile.
      if (signal.aborted || !this.#wanted.has(name)) this.#end(name, service)
    } catch (error) {
      this.#failed(name, error)
    }
  }

  #end(name: string, { place, served }: Service): void {
    this.#services.delete(name)
    this.#past = added(this.#past, served.counters)
    // First the rules: no question shall find a closed socket.
    const closing = place
      .close()
      .then(() => served.close())
      .catch((error: unknown) => this.#failed(name, error))
      .finally(() => this.#closes.delete(closing))
    this.#closes.add(closing)
  }

  #beat(): void {
    for (const [name, service] of this.#services) {
      if (service.place.beat() || service.isRepairing) continue
      service.isRepairing = true
      void service.place
        .repair()
        .catch((error: unknown) => this.#failed(name, error))
        .finally(() => {
          service.isRepairing = false
        })
    }
  }

  /** Once: a kernel without what it takes has it for no container. */
  #failed(name: string, error: unknown): void {
    const fields = { namespace: name, err: messageOf(error) }
    const { logger } = this.#parts
    if (this.#hasFailed) logger.debug(fields, 'no names of other hosts in a container')
    else logger.error(fields, 'no names of other hosts in a container')
    this.#hasFailed = true
  }
}

function added(one: NameCounters, other: NameCounters): NameCounters {
  return {
    questions: one.questions + other.questions,
    answered: one.answered + other.answered,
    passed: one.passed + other.passed,
    lost: one.lost + other.lost,
    faults: one.faults + other.faults,
  }
}
