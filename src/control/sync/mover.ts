/**
 * The cluster's network in the place of one that this host has under the same name. While nobody uses
 * that, it is a removal and a creation. Containers that have just started on it (`docker compose up`
 * on two hosts at once) are moved along: they keep running, and get an address of the other network.
 * Each is noted in the journal before it is taken off, so that whoever comes after a crash puts it back.
 */
import { rest } from '../../core/deadline.js'
import { messageOf } from '../../core/errors.js'
import type { Logger } from '../../core/ports.js'
import type { DockerNetworkId } from '../../core/types.js'
import type { Move, Publication } from '../../state/documents.js'
import { type Journal, moveId } from '../../state/journal.js'
import type { DockerNetwork, DockerNetworks } from '../dockerd/docker-networks.js'

/** How long after its creation the containers of a network may be moved. */
const YOUNG_MS = 90_000
/** `docker compose up` makes the network first, and then its containers. */
const SETTLE_MS = 3_000
/** One that is made and never started must not delay it for ever. */
const AWAIT_MS = 30_000
/** Containers of a project start one after the other meanwhile. */
const TRY_MS = 20_000
const PAUSE_MS = 150

export interface MoverParts {
  readonly docker: DockerNetworks
  readonly journal: Journal
  readonly logger: Logger
}

export class Mover {
  readonly #parts: MoverParts

  constructor(parts: MoverParts) {
    this.#parts = parts
  }

  isYoung({ created }: DockerNetwork): boolean {
    return created !== undefined && Math.abs(Date.now() - created) < YOUNG_MS
  }

  /**
   * Whether to leave the network alone for now: a container that starts between the removal and the
   * creation would not find it, and who made the network a moment ago is about to start some.
   */
  async isAwaited(docker: DockerNetwork, signal: AbortSignal): Promise<boolean> {
    if (!this.isYoung(docker)) return false
    const age = Math.abs(Date.now() - (docker.created ?? 0))
    return (
      age < SETTLE_MS || (age < AWAIT_MS && (await this.#parts.docker.isAwaited(docker, signal)))
    )
  }

  /**
   * Takes all containers off the network, removes it, makes the other and puts them on that.
   * @param make creates the cluster's network; undefined when it is there
   * @returns what is wrong
   */
  async move(
    docker: DockerNetwork,
    make: () => Promise<string | undefined>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { docker: dockerd, journal, logger } = this.#parts
    const taken = new Map<string, Move>()
    const end = performance.now() + TRY_MS
    let gone = false
    let problem: string | undefined
    try {
      while (!gone && performance.now() < end) {
        for (const one of await dockerd.attached(docker, signal)) {
          // Noted first: one that leaves has to be put back whatever comes.
          const move: Move = { ...one, network: docker.name }
          journal.moves.put(move)
          taken.set(one.container, move)
          await dockerd.disconnect(docker.id, one.container, signal)
        }
        gone = await dockerd.remove(docker.id, signal)
        if (!gone) await rest(PAUSE_MS, signal)
      }
      problem = gone ? await this.#makeUntil(make, end, signal) : 'containers keep starting on it'
    } catch (error) {
      problem = messageOf(error)
    }
    const all = [...taken.values()]
    const failed = await this.#connectAll(all, signal)
    const containers = all.filter((move) => !failed.has(move)).map(({ name }) => name)
    logger.warn(
      { network: docker.name, id: docker.id.slice(0, 12), containers },
      gone ? "containers moved to the cluster's network of this name" : 'containers not moved',
    )
    return problem
  }

  async #makeUntil(
    make: () => Promise<string | undefined>,
    end: number,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    for (;;) {
      const problem = await make().catch(messageOf)
      if (problem === undefined || performance.now() > end || signal.aborted) return problem
      await rest(PAUSE_MS, signal)
    }
  }

  /** Whether containers are off a network that they have to be on. */
  get hasLeft(): boolean {
    return [...this.#parts.journal.moves.values()].length > 0
  }

  /**
   * Puts back what a former process, or a connection that failed, has left off its network.
   * @returns what is wrong, by name of network
   */
  async finish(
    publications: readonly Publication[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>> {
    const { docker, journal, logger } = this.#parts
    const left = [...journal.moves.values()]
    if (left.length === 0) return new Map()
    const here = await docker.list(signal)
    const isOurs = ({ id }: DockerNetwork): boolean => journal.bindings.get(id) !== undefined
    const names = new Set(here.filter(isOurs).map(({ name }) => name))
    const coming = new Set(
      publications.filter(({ removal }) => removal === undefined).map(({ name }) => name),
    )
    const ready: Move[] = []
    for (const move of left) {
      const { network, name } = move
      if (names.has(network)) ready.push(move)
      else if (!coming.has(network)) {
        journal.moves.delete(moveId(move))
        logger.warn({ network, container: name }, 'container not put back: its network is gone')
      }
    }
    const failed = await this.#connectAll(ready, signal)
    const containers = ready.filter((move) => !failed.has(move)).map(({ name }) => name)
    if (containers.length > 0) logger.warn({ containers }, 'containers put back on their networks')
    return new Map(
      [...failed].map(([{ network, name }, why]) => [
        network,
        `container ${name} could not be put back on it, which is tried again: ${why}`,
      ]),
    )
  }

  /** @returns those that are not on their network, and why */
  async #connectAll(
    moves: readonly Move[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<Move, string>> {
    const { docker, journal, logger } = this.#parts
    const failed = new Map<Move, string>()
    for (const move of moves) {
      const { network, name: container } = move
      try {
        await docker.connect(await this.#idOf(network, signal), move, signal)
        journal.moves.delete(moveId(move))
      } catch (error) {
        failed.set(move, messageOf(error))
        logger.debug({ network, container, err: messageOf(error) }, 'container not put back yet')
      }
    }
    return failed
  }

  /** A name may be one that no URL takes: `..` is a network to dockerd. */
  async #idOf(name: string, signal: AbortSignal): Promise<DockerNetworkId> {
    const networks = await this.#parts.docker.list(signal)
    const id = networks.find((network) => network.name === name)?.id
    if (id === undefined) throw new Error(`dockerd has no network ${name}`)
    return id
  }
}
