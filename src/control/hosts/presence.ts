/**
 * A key with a lease that says this host's plugin runs. It is for people and for `host rm`: peers
 * are never removed because it is gone, as a restarting plugin must not cost running traffic.
 */
import { messageOf } from '../../core/errors.js'
import type { Lease, Logger, Store } from '../../core/ports.js'
import type { Identity } from '../../state/identity.js'
import { keys } from '../../state/keys.js'

const TTL_SECONDS = 15
const RETRY_MS = 2_000

export class Presence {
  readonly #store: Store
  readonly #identity: Identity
  readonly #logger: Logger
  #timer: NodeJS.Timeout | undefined
  #lease: Lease | undefined
  #closed = false
  #troubled = false
  #reached = false

  constructor(parts: { store: Store; identity: Identity; logger: Logger }) {
    this.#store = parts.store
    this.#identity = parts.identity
    this.#logger = parts.logger
  }

  /** Announces this host and keeps on doing so; returns after the first try. */
  async start(): Promise<void> {
    if (this.#closed) return
    try {
      const lease = await this.#store.lease(TTL_SECONDS)
      this.#lease = lease
      const value = JSON.stringify({ boot: this.#identity.boot })
      await this.#store.txn([], [{ put: keys.alive(this.#identity.id), value, lease }])
      if (this.#closed) return await this.#revoke()
      if (this.#troubled) this.#logger.info({}, 'store reached again')
      this.#troubled = false
      this.#reached = true
      lease.lost.addEventListener('abort', () => this.#again(), { once: true })
    } catch (error) {
      if (!this.#troubled) this.#logger.warn({ err: messageOf(error) }, 'store not reached')
      this.#troubled = true
      await this.#revoke()
      this.#again()
    }
  }

  /** Takes the announcement back. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#revoke()
  }

  /** A lease that is not in use must not be renewed for ever. */
  async #revoke(): Promise<void> {
    const lease = this.#lease
    this.#lease = undefined
    await lease?.revoke().catch(() => undefined)
  }

  /** False while the store does not take the announcement. */
  get reached(): boolean {
    return this.#reached
  }

  #again(): void {
    this.#reached = false
    clearTimeout(this.#timer)
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.start(), RETRY_MS)
    this.#timer.unref()
  }
}
