/** A host's view of a store whose calls begin and end in the order that fast-check's scheduler picks. */
import type { Scheduler } from 'fast-check'
import type { Store } from '../../src/core/ports.js'

export function interleaved(store: Store, scheduler: Scheduler): Store {
  const during = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
    await scheduler.schedule(Promise.resolve(), `${name} begins`)
    const answer = await call()
    await scheduler.schedule(Promise.resolve(), `${name} ends`)
    return answer
  }
  return {
    get: (key, signal) => during(`get ${key}`, () => store.get(key, signal)),
    list: (prefix, signal) => during(`list ${prefix}`, () => store.list(prefix, signal)),
    keys: (prefix, signal) => during(`keys ${prefix}`, () => store.keys(prefix, signal)),
    txn: (guards, writes, signal) => during('txn', () => store.txn(guards, writes, signal)),
    watch: (prefix, signal) => store.watch(prefix, signal),
    lease: (ttl, signal) => store.lease(ttl, signal),
    close: () => store.close(),
  }
}
