/**
 * One lease and its renewals. etcd3 has a Lease of its own; this one exists because that one is
 * bound to one connection, notices a loss only after two TTLs and cannot be told to stop when the
 * store closes. Here every renewal is a call like any other: any endpoint, a deadline, a retry.
 *
 * `lost` never fires too early: the time to live counts from before the request was sent.
 */
import type { Lease, Write } from '../core/ports.js'

export interface LeaseCalls {
  /** @returns id and seconds to live */
  grant(ttlSeconds: number, signal: AbortSignal | undefined): Promise<{ id: string; ttl: number }>
  /** @returns seconds left; 0 when etcd has no such lease */
  renew(id: string, signal: AbortSignal): Promise<number>
  revoke(id: string): Promise<void>
}

/** The leases that this store has granted and still renews. */
export class Leases {
  readonly #calls: LeaseCalls
  readonly #leases = new Map<string, KeptLease>()

  constructor(calls: LeaseCalls) {
    this.#calls = calls
  }

  async grant(ttlSeconds: number, signal: AbortSignal | undefined): Promise<Lease> {
    const asked = performance.now()
    const { id, ttl } = await this.#calls.grant(ttlSeconds, signal)
    const lease = new KeptLease({ id, ttl, asked }, this.#calls, () => this.#leases.delete(id))
    this.#leases.set(id, lease)
    return lease
  }

  /** etcd missed a lease but does not say which: all that the transaction named count as lost. */
  loseThoseOf(writes: readonly Write[]): void {
    for (const write of writes) {
      if ('put' in write && write.lease !== undefined) this.#leases.get(write.lease.id)?.lose()
    }
  }

  /** Renews no more; etcd lets them run out. */
  close(): void {
    for (const lease of [...this.#leases.values()]) lease.release()
  }
}

class KeptLease implements Lease {
  readonly id: string
  readonly #ttl: number
  readonly #calls: LeaseCalls
  readonly #onEnd: () => void
  readonly #lost = new AbortController()
  readonly #ended = new AbortController()
  #renewal: NodeJS.Timeout | undefined
  #expiry: NodeJS.Timeout | undefined

  /**
   * @param grant `ttl` in seconds as etcd granted it, `asked` performance.now() before asking for it
   * @param onEnd called once, when the lease is lost, revoked or released
   */
  constructor(
    grant: { readonly id: string; readonly ttl: number; readonly asked: number },
    calls: LeaseCalls,
    onEnd: () => void,
  ) {
    this.id = grant.id
    this.#ttl = grant.ttl
    this.#calls = calls
    this.#onEnd = onEnd
    this.#renewed(grant.ttl, grant.asked)
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  async revoke(): Promise<void> {
    this.release()
    if (!this.lost.aborted) await this.#calls.revoke(this.id)
  }

  /** Stops renewing; etcd lets the lease run out by itself. */
  release(): void {
    if (this.#ended.signal.aborted) return
    clearTimeout(this.#renewal)
    clearTimeout(this.#expiry)
    this.#ended.abort()
    this.#onEnd()
  }

  /** etcd said that the lease is gone, or its time is over. */
  lose(): void {
    if (this.#ended.signal.aborted) return
    this.release()
    this.#lost.abort()
  }

  #renewed(ttl: number, asked: number): void {
    clearTimeout(this.#expiry)
    this.#expiry = setTimeout(() => this.lose(), asked + ttl * 1000 - performance.now())
    this.#schedule((ttl * 1000) / 3)
  }

  #schedule(delay: number): void {
    this.#renewal = setTimeout(() => void this.#renew(), delay)
  }

  /** Never rejects: a failed renewal is tried again until the time is over. */
  async #renew(): Promise<void> {
    const asked = performance.now()
    const left = await this.#calls.renew(this.id, this.#ended.signal).catch(() => undefined)
    if (this.#ended.signal.aborted) return
    if (left === 0) this.lose()
    else if (left === undefined) this.#schedule(Math.min(1000, this.#ttl * 100))
    else this.#renewed(left, asked)
  }
}
