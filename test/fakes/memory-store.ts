/**
 * A Store in memory, held to the same contract as etcd by test/contract. Several stores on one
 * MemoryData are several hosts of one cluster, each with failures of its own.
 */
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { TsoverlayError } from '../../src/core/errors.js'
import type {
  Delta,
  Entry,
  Guard,
  Lease,
  Page,
  Snapshot,
  Store,
  StoreHealth,
  TxnResult,
  Write,
} from '../../src/core/ports.js'
import { checkTxn } from '../../src/state/etcd-codec.js'
import { MemoryData, Subscription } from './memory-data.js'

/** Renewed every third of its time, as long as its store is available. */
class MemoryLease implements Lease {
  readonly id: string
  readonly #store: MemoryStore
  readonly #data: MemoryData
  readonly #lost = new AbortController()
  readonly #renewal: NodeJS.Timeout
  #expiry: NodeJS.Timeout
  #released = false

  constructor(store: MemoryStore, data: MemoryData, ttlSeconds: number) {
    this.id = data.leaseId()
    this.#store = store
    this.#data = data
    const ttl = ttlSeconds * 1000
    this.#expiry = this.#expireAfter(ttl)
    this.#renewal = setInterval(() => {
      if (this.#store.unavailable) return
      clearTimeout(this.#expiry)
      this.#expiry = this.#expireAfter(ttl)
    }, ttl / 3).unref()
    data.leases.add(this.id)
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  async revoke(): Promise<void> {
    this.release()
    clearTimeout(this.#expiry)
    await this.#store.pass()
    this.#data.expire(this.id)
  }

  /** Renewed no more: its keys go when its time is over, `lost` stays silent. */
  release(): void {
    clearInterval(this.#renewal)
    this.#released = true
  }

  lose(): void {
    clearInterval(this.#renewal)
    clearTimeout(this.#expiry)
    this.#data.expire(this.id)
    if (!this.#released) this.#lost.abort()
  }

  #expireAfter(ttl: number): NodeJS.Timeout {
    return setTimeout(() => this.lose(), ttl).unref()
  }
}

export class MemoryStore implements Store {
  /** Milliseconds that every call takes. */
  delay = 0
  /** Entries of a page of a watch's snapshot. */
  pageSize = Number.POSITIVE_INFINITY
  readonly #data: MemoryData
  readonly #prefix: string
  readonly #closing = new AbortController()
  readonly #breaks = new Set<() => void>()
  readonly #own = new Set<MemoryLease>()
  #failures = 0
  #losses = 0
  #unavailable = false
  #late: string | undefined
  readonly #underway: (() => boolean)[] = []

  constructor(data: MemoryData = new MemoryData(), prefix = '/tsoverlay') {
    this.#data = data
    this.#prefix = prefix
    setMaxListeners(0, this.#closing.signal)
  }

  /** Another host's store on the same data. */
  peer(): MemoryStore {
    return new MemoryStore(this.#data, this.#prefix)
  }

  /** The next n calls fail and do nothing. */
  failNext(n: number): void {
    this.#failures += n
  }

  /** The next n transactions are done, but their answers get lost. */
  loseNext(n: number): void {
    this.#losses += n
  }

  /** The next transaction that puts a key below the prefix times out, and is done with `arrive`. */
  lateNext(prefix: string): void {
    this.#late = prefix
  }

  /** @returns for each late transaction whether its guards held */
  arrive(): boolean[] {
    return this.#underway.splice(0).map((one) => one())
  }

  /** While true every call fails, watches are silent and leases are not renewed. */
  get unavailable(): boolean {
    return this.#unavailable
  }

  set unavailable(value: boolean) {
    this.#unavailable = value
    this.breakWatches()
  }

  /** All watches of this store start again with a snapshot. */
  breakWatches(): void {
    for (const breakOne of [...this.#breaks]) breakOne()
  }

  /** History is gone: what etcd does to watches that lag; here all of them count as lagging. */
  compact(): void {
    this.breakWatches()
  }

  /** Lets all leases of this store run out now. */
  expireLeases(): void {
    for (const lease of [...this.#own]) lease.lose()
    this.#own.clear()
  }

  async get(key: string, signal?: AbortSignal): Promise<Entry | undefined> {
    await this.pass(signal)
    const stored = this.#data.entries.get(this.#prefix + key)
    return stored && this.#relative(stored)
  }

  async list(prefix: string, signal?: AbortSignal): Promise<Snapshot> {
    await this.pass(signal)
    return this.#snapshot(prefix)
  }

  /** what `health` tells */
  wellness: StoreHealth = { size: 20_000, alarms: [] }

  async health(signal?: AbortSignal): Promise<StoreHealth> {
    await this.pass(signal)
    return this.wellness
  }

  async keys(prefix: string, signal?: AbortSignal): Promise<readonly string[]> {
    return (await this.list(prefix, signal)).entries.map(({ key }) => key)
  }

  async txn(
    guards: readonly Guard[],
    writes: readonly Write[],
    signal?: AbortSignal,
  ): Promise<TxnResult> {
    checkTxn(guards, writes)
    await this.pass(signal)
    if (writes.some((write) => 'put' in write && this.#isLate(write.put))) {
      this.#late = undefined
      this.#underway.push(() => this.#apply(guards, writes))
      throw unavailable('whether it was done is not known')
    }
    const done = this.#apply(guards, writes)
    const { revision } = this.#data
    if (this.#losses === 0) return { done, revision }
    this.#losses -= 1
    throw unavailable('whether it was done is not known')
  }

  #isLate(key: string): boolean {
    return this.#late !== undefined && key.startsWith(this.#late)
  }

  #apply(guards: readonly Guard[], writes: readonly Write[]): boolean {
    const done = guards.every((guard) =>
      this.#data.holds({ ...guard, key: this.#prefix + guard.key }),
    )
    if (!done) return false
    this.#checkLeases(writes)
    this.#data.write(writes.map((write) => this.#absolute(write)))
    return true
  }

  async *watch(prefix: string, signal: AbortSignal): AsyncGenerator<Page | Snapshot | Delta> {
    while (!signal.aborted && !this.#closing.signal.aborted) {
      const subscription = new Subscription(this.#prefix, prefix)
      const signals = [signal, this.#closing.signal]
      for (const each of signals) each.addEventListener('abort', subscription.stop)
      this.#breaks.add(subscription.stop)
      try {
        if (this.#unavailable) await subscription.next()
        else {
          this.#data.watchers.add(subscription.note)
          yield* this.#pages(prefix, subscription)
          yield* subscription
        }
      } finally {
        this.#data.watchers.delete(subscription.note)
        this.#breaks.delete(subscription.stop)
        for (const each of signals) each.removeEventListener('abort', subscription.stop)
      }
    }
  }

  async lease(ttlSeconds: number, signal?: AbortSignal): Promise<Lease> {
    await this.pass(signal)
    const lease = new MemoryLease(this, this.#data, ttlSeconds)
    this.#own.add(lease)
    return lease
  }

  async close(): Promise<void> {
    for (const lease of this.#own) lease.release()
    this.#closing.abort()
  }

  /** What every call goes through. @throws TsoverlayError STORE_UNAVAILABLE */
  async pass(signal?: AbortSignal): Promise<void> {
    await sleep(this.delay, undefined, signal === undefined ? {} : { signal }).catch(() => {})
    if (signal?.aborted) throw unavailable('given up by its caller')
    if (this.#closing.signal.aborted) throw unavailable('the store is closed')
    if (this.#unavailable) throw unavailable('connection refused')
    if (this.#failures === 0) return
    this.#failures -= 1
    throw unavailable('timed out')
  }

  /** A snapshot, in pages when it is large; ends early when the subscription does. */
  async *#pages(prefix: string, until: Subscription): AsyncGenerator<Page | Snapshot> {
    const { entries, revision } = this.#snapshot(prefix)
    let from = 0
    for (; entries.length - from > this.pageSize; from += this.pageSize) {
      const page = entries.slice(from, from + this.pageSize)
      yield { kind: 'page', entries: page, revision, continues: from > 0 }
      await sleep(0)
      if (until.stopped) return
    }
    yield { kind: 'snapshot', entries: entries.slice(from), revision, continues: from > 0 }
  }

  #snapshot(prefix: string): Snapshot {
    const full = this.#prefix + prefix
    const entries = [...this.#data.entries.values()]
      .filter(({ key }) => key.startsWith(full))
      .map((stored) => this.#relative(stored))
      .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
    return { kind: 'snapshot', entries, revision: this.#data.revision }
  }

  #relative({ key, value, revision }: Entry): Entry {
    return { key: key.slice(this.#prefix.length), value, revision }
  }

  #absolute(write: Write): Write {
    if ('put' in write) return { ...write, put: this.#prefix + write.put }
    if ('delete' in write) return { delete: this.#prefix + write.delete }
    return { deletePrefix: this.#prefix + write.deletePrefix }
  }

  #checkLeases(writes: readonly Write[]): void {
    for (const write of writes) {
      if (!('put' in write) || write.lease === undefined) continue
      if (!this.#data.leases.has(write.lease.id)) throw unavailable('requested lease not found')
    }
  }
}

function unavailable(cause: string): TsoverlayError {
  return new TsoverlayError('STORE_UNAVAILABLE', `store in memory failed: ${cause}`)
}
