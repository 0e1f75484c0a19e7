/**
 * The cluster's network in the place of one that this host has under the same name. While nobody uses
 * that, it is a removal and a creation. Containers that have just started on it (`docker compose up`
 * on two hosts at once) are moved along: they keep running, and get an address of the other network.
 */
import { rest } from '../../core/deadline.js'
import { messageOf } from '../../core/errors.js'
import type { Logger } from '../../core/ports.js'
import type { DockerNetworkId } from '../../core/types.js'
import type { Attached, DockerNetwork, DockerNetworks } from './docker-networks.js'

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
    const { docker: dockerd, logger } = this.#parts
    const taken = new Map<string, Attached>()
    const end = performance.now() + TRY_MS
    let gone = false
    let problem: string | undefined
    try {
      while (!gone && performance.now() < end) {
        for (const one of await dockerd.attached(docker, signal)) {
          // Noted first: one that leaves has to be put back whatever comes.
          taken.set(one.container, one)
          await dockerd.disconnect(docker.id, one.container, signal)
        }
        gone = await dockerd.remove(docker.id, signal)
        if (!gone) await rest(PAUSE_MS, signal)
      }
      problem = gone ? await this.#makeUntil(make, end, signal) : 'containers keep starting on it'
    } catch (error) {
      problem = messageOf(error)
    }
    const moved = await this.#connect(docker.name, [...taken.values()], signal)
    logger.warn(
      { network: docker.name, id: docker.id.slice(0, 12), containers: moved },
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

  /** @returns the names of those that are on the network */
  async #connect(
    network: string,
    all: readonly Attached[],
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const { docker, logger } = this.#parts
    const connected: string[] = []
    for (const one of all) {
      try {
        await docker.connect(await this.#idOf(network, signal), one, signal)
        connected.push(one.name)
      } catch (error) {
        const fields = { network, container: one.name, err: messageOf(error) }
        logger.error(fields, 'container is on its network no longer: connect it by hand')
      }
    }
    return connected
  }

  /** A name may be one that no URL takes: `..` is a network to dockerd. */
  async #idOf(name: string, signal: AbortSignal): Promise<DockerNetworkId> {
    const networks = await this.#parts.docker.list(signal)
    const id = networks.find((network) => network.name === name)?.id
    if (id === undefined) throw new Error(`dockerd has no network ${name}`)
    return id
  }
}
