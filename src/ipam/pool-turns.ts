/**
 * CreateNetwork names its subnets, not the PoolIDs that RequestPool gave for them. So of two networks
 * with one subnet that a dockerd makes at once, one waits at RequestPool until the other is made.
 */
import { within } from '../core/deadline.js'
import type { Cidr } from '../core/ip.js'

/** How long one waits: the other may be of a driver that tells us nothing of its end. */
const WAIT_MS = 5_000

interface Turn {
  readonly id: string
  readonly ended: Promise<void>
  readonly end: () => void
}

export class PoolTurns {
  readonly #turns = new Map<Cidr, Turn>()

  /**
   * Waits for the turn of the subnet, and begins one.
   * @param id the PoolID: the same call again has its turn already
   */
  async begin(pool: Cidr, id: string): Promise<void> {
    if (this.#turns.get(pool)?.id === id) return
    const last = performance.now() + WAIT_MS
    for (let turn = this.#turns.get(pool); turn !== undefined; turn = this.#turns.get(pool)) {
      const rest = last - performance.now()
      if (rest <= 0 || !(await within(turn.ended, rest))) break
    }
    this.end(pool)
    let end = (): void => undefined
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    this.#turns.set(pool, { id, ended, end })
  }

  /** The network is made, or given up. */
  end(pool: Cidr): void {
    this.#turns.get(pool)?.end()
    this.#turns.delete(pool)
  }
}
