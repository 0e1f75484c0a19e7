/** A store whose every transaction demands one fact more. */
import type { Guard, Lease, Store, TxnResult, Write } from '../core/ports.js'

export class GuardedStore implements Store {
  readonly #store: Store
  readonly #guard: Guard
  readonly #onBroken: () => Error

  /**
   * @param guard demanded by every transaction
   * @param onBroken what a transaction throws when `guard` itself does not hold: no retry can help
   */
  constructor(store: Store, guard: Guard & { is: 'absent' | 'present' }, onBroken: () => Error) {
    this.#store = store
    this.#guard = guard
    this.#onBroken = onBroken
  }

  get: Store['get'] = (key, signal) => this.#store.get(key, signal)
  list: Store['list'] = (prefix, signal) => this.#store.list(prefix, signal)
  keys: Store['keys'] = (prefix, signal) => this.#store.keys(prefix, signal)
  watch: Store['watch'] = (prefix, signal) => this.#store.watch(prefix, signal)

  async txn(
    guards: readonly Guard[],
    writes: readonly Write[],
    signal?: AbortSignal,
  ): Promise<TxnResult> {
    const result = await this.#store.txn([this.#guard, ...guards], writes, signal)
    if (result.done) return result
    const there = (await this.#store.get(this.#guard.key, signal)) !== undefined
    if (there !== (this.#guard.is === 'present')) throw this.#onBroken()
    return result
  }

  lease(ttlSeconds: number, signal?: AbortSignal): Promise<Lease> {
    return this.#store.lease(ttlSeconds, signal)
  }

  /** The store itself stays open. */
  async close(): Promise<void> {}
}
