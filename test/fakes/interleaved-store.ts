/** A host's view of a store whose calls happen one by one, in the order that fast-check's scheduler picks. */
import type { Scheduler } from 'fast-check'
import type { Store } from '../../src/core/ports.js'

export function interleaved(store: Store, scheduler: Scheduler): Store {
  // A scheduled function is awaited to its end before the next one begins.
  const during = <T>(call: () => Promise<T>): Promise<T> => scheduler.scheduleFunction(call)()
  return {
    get: (key, signal) => during(() => store.get(key, signal)),
    list: (prefix, signal) => during(() => store.list(prefix, signal)),
    keys: (prefix, signal) => during(() => store.keys(prefix, signal)),
    txn: (guards, writes, signal) => during(() => store.txn(guards, writes, signal)),
    watch: (prefix, signal) => store.watch(prefix, signal),
    lease: (ttl, signal) => store.lease(ttl, signal),
    close: () => store.close(),
  }
}
