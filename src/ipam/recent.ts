/**
 * Addresses of a block that containers have just given back, for the one that comes next: `docker
 * restart` and a restart of dockerd release an address and ask for any one a moment later, and nothing
 * in the request says who asks (dockerd before 29). Of several that came back together the first is
 * given first, as they are asked for in that order more often than not; of what came back at different
 * times, the last.
 */
import type { Ip } from '../core/ip.js'

/** How long an address waits for its container (ms): a user's stop and start, a restart of dockerd. */
export const RECENT_MS = 60_000
/** Releases with less between them (ms) are of containers that are restarted together. */
const TOGETHER_MS = 250

export interface Returned {
  readonly ip: Ip
  /** when the last one of those that came back together did */
  readonly at: number
}

export class Recent {
  /** in the order of their releases */
  readonly #returned = new Map<Ip, number>()

  /** @param at milliseconds of a clock that never goes back */
  add(ip: Ip, at: number): void {
    this.#returned.delete(ip)
    this.#returned.set(ip, at)
  }

  delete(ip: Ip): void {
    this.#returned.delete(ip)
  }

  /** Milliseconds since it came back; undefined when that is too long ago or did not happen. */
  age(ip: Ip, now: number): number | undefined {
    const at = this.#returned.get(ip)
    return at === undefined || now - at > RECENT_MS ? undefined : now - at
  }

  /** The one to give next. */
  next(now: number, isFit: (ip: Ip) => boolean): Returned | undefined {
    let first: Ip | undefined
    let last = Number.NEGATIVE_INFINITY
    for (const [ip, at] of this.#returned) {
      if (now - at > RECENT_MS) this.#returned.delete(ip)
      else if (isFit(ip)) {
        if (first === undefined || at - last > TOGETHER_MS) first = ip
        last = at
      }
    }
    return first === undefined ? undefined : { ip: first, at: last }
  }
}
