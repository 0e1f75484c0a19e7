/** A store whose calls are timed. Watches are not: they last. */
import type { Meter } from '../core/meter.js'
import type { Guard, Lease, Store, TxnResult, Write } from '../core/ports.js'
import { StoreAround } from './store-around.js'

export class MeteredStore extends StoreAround {
  readonly #meter: Meter

  constructor(store: Store, meter: Meter) {
    super(store)
    this.#meter = meter
  }

  override get: Store['get'] = (key, signal) =>
    this.#timed('get', () => this.inner.get(key, signal))
  override list: Store['list'] = (prefix, signal) =>
    this.#timed('list', () => this.inner.list(prefix, signal))
  override keys: Store['keys'] = (prefix, signal) =>
    this.#timed('keys', () => this.inner.keys(prefix, signal))

  txn(
    guards: readonly Guard[],
    writes: readonly Write[],
    signal?: AbortSignal,
  ): Promise<TxnResult> {
    return this.#timed('txn', () => this.inner.txn(guards, writes, signal))
  }

  override lease(ttlSeconds: number, signal?: AbortSignal): Promise<Lease> {
    return this.#timed('lease', () => this.inner.lease(ttlSeconds, signal))
  }

  override close(): Promise<void> {
    return this.inner.close()
  }

  async #timed<T>(action: string, call: () => Promise<T>): Promise<T> {
    const started = performance.now()
    let isDone = false
    try {
      const result = await call()
      isDone = true
      return result
    } finally {
      this.#meter.store(action, (performance.now() - started) / 1_000, isDone)
    }
  }
}
