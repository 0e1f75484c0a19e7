/**
 * Which hosts' plugins run: for choosing among several holders of a name, and never a reason to drop
 * one that has no other. Followed from the first question of that kind on, as most hosts have none.
 */
import type { Logger, Store } from '../../core/ports.js'
import type { HostId } from '../../core/types.js'
import { keys } from '../../state/keys.js'
import { Mirror } from '../../state/mirror.js'

export class Living {
  readonly #self: HostId
  readonly #mirror: Mirror<true>

  constructor(parts: {
    readonly store: Store
    readonly identity: { readonly id: HostId }
    readonly logger: Logger
  }) {
    this.#self = parts.identity.id
    this.#mirror = new Mirror({ ...parts, prefix: keys.allAlive, decode: () => true })
  }

  /**
   * Those of living hosts; all, if there is none or it is not known yet. A lease that has run out
   * says that its host is off, or cannot reach the store (control/hosts/presence.ts).
   */
  preferred<T extends { readonly host: HostId }>(holders: readonly T[]): readonly T[] {
    if (holders.length < 2 || holders.every(({ host }) => host === this.#self)) return holders
    this.#mirror.start()
    if (this.#mirror.revision === 0) return holders
    const living = holders.filter(({ host }) => this.#isAlive(host))
    return living.length === 0 ? holders : living
  }

  async close(): Promise<void> {
    await this.#mirror.close()
  }

  #isAlive(host: HostId): boolean {
    return host === this.#self || this.#mirror.get(keys.alive(host)) === true
  }
}
