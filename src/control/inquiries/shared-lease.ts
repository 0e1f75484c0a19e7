/** One lease for all that is asked at a time; what was put with it goes when the last user lets go. */
import type { Lease, Store } from '../../core/ports.js'

export class SharedLease {
  readonly #store: Store
  readonly #seconds: number
  #current: Promise<Lease> | undefined
  #users = 0

  /** @param seconds how long what was put stays when this process dies */
  constructor(store: Store, seconds: number) {
    this.#store = store
    this.#seconds = seconds
  }

  /** @throws TsoverlayError STORE_UNAVAILABLE */
  async use<T>(work: (lease: Lease) => Promise<T>): Promise<T> {
    this.#users += 1
    try {
      return await work(await this.#lease())
    } finally {
      this.#users -= 1
      if (this.#users === 0) this.#end()
    }
  }

  async #lease(): Promise<Lease> {
    const asked = this.#current ?? this.#store.lease(this.#seconds)
    this.#current = asked
    const forget = (): void => {
      if (this.#current === asked) this.#current = undefined
    }
    try {
      const lease = await asked
      lease.lost.addEventListener('abort', forget, { once: true })
      if (lease.lost.aborted) forget()
      return lease
    } catch (error) {
      forget()
      throw error
    }
  }

  /** Nobody waits for it; what cannot be revoked runs out. */
  #end(): void {
    const ended = this.#current
    this.#current = undefined
    ended?.then((lease) => lease.revoke()).catch(() => undefined)
  }
}
