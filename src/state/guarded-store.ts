/** A store whose every transaction demands one fact more. */
import type { Guard, Store, TxnResult, Write } from '../core/ports.js'
import { StoreAround } from './store-around.js'

export class GuardedStore extends StoreAround {
  readonly #guard: Guard
  readonly #onBroken: () => Error

  /**
   * @param guard demanded by every transaction
   * @param onBroken what a transaction throws when `guard` itself does not hold: no retry can help
   */
  constructor(store: Store, guard: Guard & { is: 'absent' | 'present' }, onBroken: () => Error) {
    super(store)
    this.#guard = guard
    this.#onBroken = onBroken
  }

  async txn(
    guards: readonly Guard[],
    writes: readonly Write[],
    signal?: AbortSignal,
  ): Promise<TxnResult> {
    const result = await this.inner.txn([this.#guard, ...guards], writes, signal)
    if (result.done) return result
    const there = (await this.inner.get(this.#guard.key, signal)) !== undefined
    if (there !== (this.#guard.is === 'present')) throw this.#onBroken()
    return result
  }
}
