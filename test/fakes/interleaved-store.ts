/**
 * Store calls of several hosts, one by one, in an order that fast-check picks. (Its own scheduler
 * decides when a call's answer arrives, not when the call happens, so it never finds a read that
 * was overtaken.)
 */
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import type { Store } from '../../src/core/ports.js'

/** Numbers that decide who is next. */
export const choices: fc.Arbitrary<Iterator<number>> = fc.infiniteStream(fc.nat(1_000))

export class Turnstile {
  readonly #choices: Iterator<number>
  readonly #waiting: (() => Promise<void>)[] = []
  #running = false

  constructor(choices: Iterator<number>) {
    this.#choices = choices
  }

  /** A host's view of the store. */
  through(store: Store): Store {
    return {
      get: (key, signal) => this.#pass(() => store.get(key, signal)),
      list: (prefix, signal) => this.#pass(() => store.list(prefix, signal)),
      keys: (prefix, signal) => this.#pass(() => store.keys(prefix, signal)),
      txn: (guards, writes, signal) => this.#pass(() => store.txn(guards, writes, signal)),
      watch: (prefix, signal) => store.watch(prefix, signal),
      lease: (ttl, signal) => store.lease(ttl, signal),
      health: (signal) => store.health(signal),
      close: () => store.close(),
    }
  }

  #pass<T>(call: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => call().then(resolve, reject))
      if (!this.#running) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#running = true
    for (;;) {
      // whoever goes on after the last answer queues up first
      await setImmediate()
      if (this.#waiting.length === 0) break
      const at = this.#choices.next().value % this.#waiting.length
      await this.#waiting.splice(at, 1)[0]?.()
    }
    this.#running = false
  }
}
