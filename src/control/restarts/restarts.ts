/**
 * Starts containers again that dockerd has given up because of us. dockerd asks a driver once: when a
 * container with a restart policy, or dockerd itself, is restarted while the plugin is off, or while a
 * start has to be refused, the container is `exited` and stays so.
 *
 * dockerd is looked at when the plugin starts, and some seconds after a start was refused here;
 * without a refusal nothing is asked. A start that fails is tried again a number of times, ever later.
 */
import { messageOf } from '../../core/errors.js'
import type { Logger } from '../../core/ports.js'
import type { Binding } from '../../state/documents.js'
import type { IdleContainer, IdleContainers } from '../dockerd/docker-starts.js'
import { isGivenUp } from './given-up.js'

const FIRST_PAUSE_MS = 3_000
const LAST_PAUSE_MS = 60_000
/** Of one container, over some six minutes. */
const TRIES = 10
/** More starts at once make each slower. */
const AT_ONCE = 2

export interface RestartParts {
  readonly docker: IdleContainers
  readonly journal: { readonly bindings: { values(): Iterable<Binding> } }
  readonly logger: Logger
}

export class Restarts {
  readonly #parts: RestartParts
  readonly #closing = new AbortController()
  /** by container, how often it was tried without success */
  readonly #tries = new Map<string, number>()
  #pause = FIRST_PAUSE_MS
  #timer: NodeJS.Timeout | undefined
  #looking = false
  #refused = false

  constructor(parts: RestartParts) {
    this.#parts = parts
  }

  /** Looks now: dockerd answers, and what it lacks has been let go. */
  start(): void {
    this.#schedule(0)
  }

  /** A start was refused: dockerd may have given up a container for it. */
  noteRefusal(): void {
    this.#refused = true
    if (this.#timer === undefined && !this.#looking) this.#schedule(this.#pause)
  }

  close(): void {
    this.#closing.abort()
    clearTimeout(this.#timer)
  }

  /**
   * Looks once, and starts what dockerd has given up.
   * @returns false when another look is needed
   * @throws what dockerd answers
   */
  async look(): Promise<boolean> {
    const { docker, journal } = this.#parts
    const { signal } = this.#closing
    const networks = new Set([...journal.bindings.values()].map((one) => one.dockerNetwork))
    const idle = networks.size === 0 ? [] : await docker.idle(networks, signal)
    const waiting = idle.filter(isGivenUp)
    for (const id of this.#tries.keys())
      if (!waiting.some((one) => one.id === id)) this.#tries.delete(id)
    const queue = waiting.filter(({ id }) => (this.#tries.get(id) ?? 0) < TRIES).values()
    let isDone = true
    const worker = async (): Promise<void> => {
      for (const container of queue) isDone = (await this.#startAgain(container)) && isDone
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    return isDone
  }

  /** @returns false when it is to be tried again */
  async #startAgain(container: IdleContainer): Promise<boolean> {
    const { docker, logger } = this.#parts
    const { id, name, error } = container
    const fields = { container: name, id: id.slice(0, 12), error }
    try {
      await docker.start(id, this.#closing.signal)
      this.#tries.delete(id)
      logger.info(
        fields,
        'container started again, which docker had given up because of this plugin',
      )
      return true
    } catch (failure) {
      if (this.#closing.signal.aborted) return true
      const tries = (this.#tries.get(id) ?? 0) + 1
      this.#tries.set(id, tries)
      const what = { ...fields, err: messageOf(failure), tries }
      if (tries < TRIES) logger.info(what, 'container not started again yet')
      else logger.warn(what, `container given up: docker start ${name} starts it`)
      return tries >= TRIES
    }
  }

  #schedule(ms: number): void {
    if (this.#closing.signal.aborted) return
    this.#timer = setTimeout(() => void this.#round(), ms)
    this.#timer.unref()
  }

  async #round(): Promise<void> {
    this.#timer = undefined
    this.#looking = true
    this.#refused = false
    const isDone = await this.look().catch((error: unknown) => {
      this.#parts.logger.debug({ err: messageOf(error) }, 'search for given-up containers put off')
      return false
    })
    this.#looking = false
    this.#pause =
      isDone && !this.#refused ? FIRST_PAUSE_MS : Math.min(this.#pause * 2, LAST_PAUSE_MS)
    if (!isDone || this.#refused) this.#schedule(this.#pause)
  }
}

/** Calls without which a container does not start. */
export function isStartCall(method: string): boolean {
  return /\.(RequestAddress|CreateEndpoint|Join)$/.test(method)
}
