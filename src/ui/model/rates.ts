/** Bytes a second, from what the counters say one after another: pure but for what it remembers. */
import type { TrafficReport } from '../../core/admin/traffic.js'

export interface Rate {
  readonly received: number
  readonly sent: number
}

export class Rates {
  #before: TrafficReport | undefined
  #rates: ReadonlyMap<string, Rate> = new Map()

  /**
   * @returns of each endpoint that was there before, too; a counter that began anew is left out, and of
   * a clock that did so, all are
   */
  next(now: TrafficReport): ReadonlyMap<string, Rate> {
    const before = this.#before
    if (before === now) return this.#rates
    this.#before = now
    if (before === undefined || now.at <= before.at) {
      this.#rates = new Map()
      return this.#rates
    }
    const seconds = (now.at - before.at) / 1000
    const old = new Map(before.endpoints.map((each) => [each.endpoint, each]))
    this.#rates = new Map(
      now.endpoints.flatMap(({ endpoint, received, sent }) => {
        const then = old.get(endpoint)
        if (then === undefined || received < then.received || sent < then.sent) return []
        const rate = {
          received: (received - then.received) / seconds,
          sent: (sent - then.sent) / seconds,
        }
        return [[endpoint, rate] as const]
      }),
    )
    return this.#rates
  }
}
