/**
 * Veths of containers that have left, taken down a moment later. The kernel is some 20 ms at each, and
 * the end of the container took longer for it, even where nobody waited (docs/design/dataplane.md).
 * Those that leave together go in one pass. Who needs the links gone (Join, DeleteNetwork) waits for a
 * pass of his own.
 */
import { messageOf } from '../../core/errors.js'
import { hostLinkName } from '../../core/names.js'
import type { Dataplane, Logger } from '../../core/ports.js'
import type { DockerNetworkId, LocalEndpoint } from '../../core/types.js'
import type { Reconciler } from '../passes/reconciler.js'

/** About what dockerd needs from Leave to the end of the container. */
const DELAY_MS = 200

interface DeparturesParts {
  readonly journal: { readonly endpoints: { values(): Iterable<Pick<LocalEndpoint, 'id'>> } }
  readonly reconciler: Pick<Reconciler, 'settle'>
  readonly dataplane: Pick<Dataplane, 'deleteHostLink'>
  readonly logger: Logger
  readonly delayMs?: number
}

interface Waiting {
  readonly timer: NodeJS.Timeout
  /** links in the host's namespace */
  readonly links: Set<string>
}

export class Departures {
  readonly #parts: DeparturesParts
  readonly #waiting = new Map<DockerNetworkId, Waiting>()
  readonly #running = new Set<Promise<void>>()

  constructor(parts: DeparturesParts) {
    this.#parts = parts
  }

  /**
   * A container has left the network.
   * @param link its veth's end in the host's namespace, if nobody is to use it again
   */
  note(network: DockerNetworkId, link?: string): void {
    const { links } = this.#waiting.get(network) ?? this.#begin(network)
    if (link !== undefined) links.add(link)
  }

  /** Deletes a veth now; none is success. Never rejects. */
  async takeDown(network: DockerNetworkId, link: string): Promise<void> {
    const { dataplane, logger } = this.#parts
    await dataplane.deleteHostLink(link).catch((error: unknown) => {
      const fields = { network: network.slice(0, 12), link, err: messageOf(error) }
      logger.warn(fields, 'veth of a deleted endpoint not removed')
    })
  }

  /** Takes down what waits. @returns when it is down */
  async close(): Promise<void> {
    for (const network of [...this.#waiting.keys()]) this.#end(network)
    await Promise.all(this.#running)
  }

  #begin(network: DockerNetworkId): Waiting {
    const timer = setTimeout(() => this.#end(network), this.#parts.delayMs ?? DELAY_MS)
    const waiting = { timer: timer.unref(), links: new Set<string>() }
    this.#waiting.set(network, waiting)
    return waiting
  }

  #end(network: DockerNetworkId): void {
    const waiting = this.#waiting.get(network)
    if (waiting === undefined) return
    clearTimeout(waiting.timer)
    this.#waiting.delete(network)
    const work = this.#finish(network, waiting.links).finally(() => this.#running.delete(work))
    this.#running.add(work)
  }

  async #finish(network: DockerNetworkId, links: ReadonlySet<string>): Promise<void> {
    await this.#parts.reconciler.settle(network)
    for (const link of links) {
      // Looked at for each anew: an endpoint may be made again under the same id.
      const endpoints = [...this.#parts.journal.endpoints.values()]
      if (endpoints.some(({ id }) => hostLinkName(id) === link)) continue
      await this.takeDown(network, link)
    }
  }
}
