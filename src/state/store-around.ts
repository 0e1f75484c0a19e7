/** A store that hands everything but transactions on to another. */
import type { Guard, Lease, Store, TxnResult, Write } from '../core/ports.js'

export abstract class StoreAround implements Store {
  protected readonly inner: Store

  constructor(inner: Store) {
    this.inner = inner
  }

  get: Store['get'] = (key, signal) => this.inner.get(key, signal)
  list: Store['list'] = (prefix, signal) => this.inner.list(prefix, signal)
  keys: Store['keys'] = (prefix, signal) => this.inner.keys(prefix, signal)
  watch: Store['watch'] = (prefix, signal) => this.inner.watch(prefix, signal)

  health: Store['health'] = (signal) => this.inner.health(signal)

  abstract txn(
    guards: readonly Guard[],
    writes: readonly Write[],
    signal?: AbortSignal,
  ): Promise<TxnResult>

  lease(ttlSeconds: number, signal?: AbortSignal): Promise<Lease> {
    return this.inner.lease(ttlSeconds, signal)
  }

  /** The inner store stays open. */
  async close(): Promise<void> {}
}
