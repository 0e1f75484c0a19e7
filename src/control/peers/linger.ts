/**
 * Networks whose last container has just left. Their sandboxes are kept a while: the next container
 * often comes at once (a restart, `docker run --rm` in a loop), and a namespace, its devices and the
 * entries of thousands of peers need not be made anew for it.
 */
import type { DockerNetworkId } from '../../core/types.js'

/** How long a network outlives its last container: its sandbox, and what is followed of its peers. */
export const LINGER_MS = 5_000

export class Linger {
  readonly #ms: number
  readonly #onEnd: (network: DockerNetworkId) => void
  /** networks with a sandbox of this process, and the timer of those that are not in use */
  readonly #networks = new Map<DockerNetworkId, NodeJS.Timeout | undefined>()

  /**
   * @param options.ms how long a sandbox is kept; 0 for not at all
   * @param options.onEnd called when the time of a network is over
   */
  constructor(options: { ms: number; onEnd: (network: DockerNetworkId) => void }) {
    this.#ms = options.ms
    this.#onEnd = options.onEnd
  }

  /** The network has containers here. */
  use(network: DockerNetworkId): void {
    if (this.#ms === 0) return
    clearTimeout(this.#networks.get(network))
    this.#networks.set(network, undefined)
  }

  /** The network has no containers here. @returns whether its sandbox is to be kept all the same */
  keeps(network: DockerNetworkId): boolean {
    if (!this.#networks.has(network)) return false
    if (this.#networks.get(network) === undefined) {
      const end = (): void => {
        this.forget(network)
        this.#onEnd(network)
      }
      this.#networks.set(network, setTimeout(end, this.#ms).unref())
    }
    return true
  }

  /** The network's sandbox goes, or never comes back. */
  forget(network: DockerNetworkId): void {
    clearTimeout(this.#networks.get(network))
    this.#networks.delete(network)
  }

  /** Ends the time of all networks that are not in use: else nobody would remove their sandboxes. */
  end(): void {
    for (const [network, timer] of this.#networks) {
      this.forget(network)
      if (timer !== undefined) this.#onEnd(network)
    }
  }
}
