/** Which container has which namespace, as dockerd says it; what it has said of one stays so. */
import { withLimit } from '../../core/deadline.js'
import { messageOf } from '../../core/errors.js'
import { HOST } from '../../core/plan.js'
import type { Logger } from '../../core/ports.js'
import type { DockerSandboxes, RunningContainer } from '../dockerd/docker-sandboxes.js'

/** A listing does not wait longer for dockerd, which answers late of a container that is starting. */
const LIMIT_MS = 2_000

export class SandboxOwners {
  readonly #docker: DockerSandboxes
  readonly #logger: Logger
  /** container → file; a container that starts anew has another file, which is why both are looked at */
  readonly #files = new Map<string, string>()

  constructor(docker: DockerSandboxes, logger: Logger) {
    this.#docker = docker
    this.#logger = logger
  }

  /** What docker calls all of its networks, by their ids; none where it does not answer. Never fails. */
  async networks(): Promise<ReadonlyMap<string, string>> {
    try {
      const found = await withLimit(LIMIT_MS, undefined, (signal) => this.#docker.list(signal))
      return new Map(found.map(({ id, name }) => [id, name]))
    } catch (error) {
      this.#logger.debug({ err: messageOf(error) }, 'networks not listed')
      return new Map()
    }
  }

  /**
   * @param live files that a namespace is on
   * @returns file, or HOST → the containers that run in it; undefined: dockerd does not answer. Never fails.
   */
  async containers(
    live: ReadonlySet<string>,
  ): Promise<ReadonlyMap<string, readonly RunningContainer[]> | undefined> {
    try {
      return await withLimit(LIMIT_MS, undefined, (signal) => this.#find(live, signal))
    } catch (error) {
      this.#logger.debug({ err: messageOf(error) }, 'containers not listed')
      return undefined
    }
  }

  async #find(
    live: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly RunningContainer[]>> {
    const running = await this.#docker.attachedContainers(signal)
    const ids = new Set(running.map(({ id }) => id))
    for (const id of this.#files.keys()) if (!ids.has(id)) this.#files.delete(id)
    const own = running.filter(({ shares, isOnHost }) => shares === undefined && !isOnHost)
    await Promise.all(own.map((one) => this.#learn(one.id, live, signal)))
    const found = new Map<string, RunningContainer[]>()
    for (const container of running) {
      const file = container.isOnHost ? HOST : this.#files.get(container.shares ?? container.id)
      if (file === undefined) continue
      const there = found.get(file)
      if (there === undefined) found.set(file, [container])
      else there.push(container)
    }
    return found
  }

  /** One that does not say is left out. */
  async #learn(id: string, live: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const known = this.#files.get(id)
    if (known !== undefined && live.has(known)) return
    try {
      const file = await this.#docker.sandboxOf(id, signal)
      if (file === undefined) this.#files.delete(id)
      else this.#files.set(id, file)
    } catch (error) {
      this.#logger.debug({ container: id, err: messageOf(error) }, 'namespace not told')
    }
  }
}
