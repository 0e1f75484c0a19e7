/**
 * A prefix of the store kept in memory, decoded. Snapshots and deltas of the watch end here: what
 * goes on from here is only "these keys changed", and whoever is told reads the mirror.
 *
 * A snapshot is compared with what is there, so that the gap before it shows only what really
 * changed in it; "changed" means another value, not another revision. A large one comes in pages: it
 * is decoded as they come, and seen when it is whole. Texts are not kept.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { messageOf, TsoverlayError } from '../core/errors.js'
import type { Delta, Entry, Logger, Page, Snapshot, Store } from '../core/ports.js'

/** How long `seen` relies on the watch before it asks the store itself, again and again (ms). */
const PROBE_INTERVAL = 250

export interface MirrorOptions<T> {
  readonly store: Pick<Store, 'watch' | 'list'>
  readonly prefix: string
  /**
   * @param key relative to the store, i.e. it begins with `prefix`
   * @returns undefined (or throws) for a value that is not to be understood
   */
  readonly decode: (key: string, value: string) => T | undefined
  readonly logger?: Logger
  /** The store is at an earlier revision than before: it has lost data. Before listeners are told. */
  readonly onRegress?: () => void
}

/** @param changed keys with what they had before, undefined for nothing */
export type ChangeListener<T> = (changed: ReadonlyMap<string, T | undefined>) => void

interface Waiter {
  readonly ready: () => boolean
  readonly resolve: () => void
}

export class Mirror<T> {
  readonly #options: MirrorOptions<T>
  #content: Content<T> = emptyContent()
  /** of a snapshot whose rest is not here yet */
  #staged: Content<T> = emptyContent()
  readonly #listeners = new Set<ChangeListener<T>>()
  readonly #waiters = new Set<Waiter>()
  readonly #closing = new AbortController()
  #running: Promise<void> | undefined
  #synced = false
  #revision = 0

  constructor(options: MirrorOptions<T>) {
    this.#options = options
  }

  /** Begins to follow the store; a second call does nothing. */
  start(): void {
    this.#running ??= this.#run()
  }

  /** Stops; the entries stay as they are. Waiting calls end with DEADLINE_EXCEEDED. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  get(key: string): T | undefined {
    return this.#content.values.get(key)
  }

  /** Live view, no copy: not to be held over an await. */
  entries(): Iterable<[string, T]> {
    return this.#content.values.entries()
  }

  /** As `entries`, without the keys. */
  values(): Iterable<T> {
    return this.#content.values.values()
  }

  /** Number of entries that could be decoded. */
  get size(): number {
    return this.#content.values.size
  }

  /** The mirror shows at least this revision of the store; 0 before the first snapshot. */
  get revision(): number {
    return this.#revision
  }

  /** @returns a function that removes the listener */
  onChange(listener: ChangeListener<T>): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Resolves once the first snapshot is in.
   * @throws TsoverlayError DEADLINE_EXCEEDED when `signal` aborts or the mirror closes before that
   */
  synced(signal?: AbortSignal): Promise<void> {
    return this.#wait(() => this.#synced, 'have its first snapshot', signal)
  }

  /**
   * Resolves once a write of that revision, to this prefix or any other, is visible here. The
   * watch tells nothing of writes outside of its prefix, and a hanging one tells nothing at all:
   * then a list shows whether anything is missing.
   * @throws TsoverlayError DEADLINE_EXCEEDED as for `synced`
   */
  async seen(revision: number, signal?: AbortSignal): Promise<void> {
    const ready = () => this.#synced && this.#revision >= revision
    if (ready()) return
    const stop = new AbortController()
    const probing = this.#probe(ready, stop.signal)
    try {
      await this.#wait(ready, `show revision ${revision}`, signal)
    } finally {
      stop.abort()
      await probing
    }
  }

  async #wait(ready: () => boolean, what: string, signal?: AbortSignal): Promise<void> {
    if (ready()) return
    const signals = [this.#closing.signal, ...(signal === undefined ? [] : [signal])]
    let onAbort = () => {}
    const waiter: Waiter = { ready, resolve: () => onAbort() }
    await new Promise<void>((resolve) => {
      onAbort = resolve
      this.#waiters.add(waiter)
      for (const each of signals) each.addEventListener('abort', onAbort)
      if (signals.some((each) => each.aborted)) resolve()
    })
    this.#waiters.delete(waiter)
    for (const each of signals) each.removeEventListener('abort', onAbort)
    if (ready()) return
    throw new TsoverlayError(
      'DEADLINE_EXCEEDED',
      `the mirror of ${this.#options.prefix} did not ${what} in time`,
    )
  }

  /** Never rejects. */
  async #probe(ready: () => boolean, stop: AbortSignal): Promise<void> {
    const { store, prefix } = this.#options
    for (;;) {
      await sleep(PROBE_INTERVAL, undefined, { signal: stop }).catch(() => undefined)
      if (stop.aborted || ready()) return
      const snapshot = await store.list(prefix, stop).catch(() => undefined)
      if (snapshot !== undefined && this.#synced && this.#equals(snapshot)) {
        this.#advance(Math.max(this.#revision, snapshot.revision))
      }
    }
  }

  #equals({ entries }: Snapshot): boolean {
    const { values, ignored } = this.#content
    if (entries.length !== values.size + ignored.size) return false
    return entries.every(
      ({ key, value }) => ignored.get(key) === value || this.#shows(key, value, values.get(key)),
    )
  }

  async #run(): Promise<void> {
    const { store, prefix } = this.#options
    for await (const batch of store.watch(prefix, this.#closing.signal)) {
      if (this.#closing.signal.aborted) return
      if (batch.kind === 'page') {
        this.#stage(batch)
        continue
      }
      // a probe has shown that we were further already
      if (batch.kind === 'delta' && batch.revision <= this.#revision) continue
      if (batch.revision < this.#revision) this.#options.onRegress?.()
      const changed = batch.kind === 'snapshot' ? this.#replace(batch) : this.#change(batch)
      this.#synced = true
      this.#notify(changed)
      this.#advance(batch.revision)
    }
  }

  #stage({ entries, continues }: Page | Snapshot): void {
    if (continues !== true) this.#staged = emptyContent()
    for (const entry of entries) this.#read(entry, this.#staged)
  }

  #replace(snapshot: Snapshot): Map<string, T | undefined> {
    this.#stage(snapshot)
    const [{ values: former }, { values }] = [this.#content, this.#staged]
    this.#content = this.#staged
    this.#staged = emptyContent()
    const changed = new Map<string, T | undefined>()
    for (const [key, value] of former) if (!values.has(key)) changed.set(key, value)
    for (const [key, value] of values) {
      const before = former.get(key)
      if (before !== value) changed.set(key, before)
    }
    return changed
  }

  #change(delta: Delta): Map<string, T | undefined> {
    const { values, ignored } = this.#content
    const changed = new Map<string, T | undefined>()
    for (const key of delta.deletes) {
      ignored.delete(key)
      const former = values.get(key)
      if (values.delete(key)) changed.set(key, former)
    }
    for (const entry of delta.puts) {
      const former = values.get(entry.key)
      if (this.#read(entry, this.#content).isNew) changed.set(entry.key, former)
    }
    return changed
  }

  /** Decodes an entry into `content`; one with the value that it has already is that very object. */
  #read({ key, value }: Entry, content: Content<T>): { readonly isNew: boolean } {
    const known = this.#content.values.get(key)
    const wasIgnored = this.#content.ignored.get(key) === value
    const decoded = wasIgnored ? undefined : this.#decode(key, value)
    if (decoded === undefined) {
      content.ignored.set(key, value)
      return { isNew: content.values.delete(key) }
    }
    content.ignored.delete(key)
    const isNew = known === undefined || !isDeepStrictEqual(known, decoded)
    if (isNew || content !== this.#content) content.values.set(key, isNew ? decoded : known)
    return { isNew }
  }

  #shows(key: string, value: string, shown: T | undefined): boolean {
    try {
      return shown !== undefined && isDeepStrictEqual(this.#options.decode(key, value), shown)
    } catch {
      return false
    }
  }

  #decode(key: string, value: string): T | undefined {
    let reason = 'not of the expected form'
    try {
      const decoded = this.#options.decode(key, value)
      if (decoded !== undefined) return decoded
    } catch (error) {
      reason = messageOf(error)
    }
    this.#options.logger?.warn({ key, reason }, 'store entry ignored')
    return undefined
  }

  /** Listeners run before waiters, so that who waited for a revision finds it worked in. */
  #notify(changed: ReadonlyMap<string, T | undefined>): void {
    if (changed.size === 0) return
    for (const listener of this.#listeners) {
      try {
        listener(changed)
      } catch (error) {
        const { prefix, logger } = this.#options
        logger?.error({ prefix, error: messageOf(error) }, 'mirror listener failed')
      }
    }
  }

  #advance(revision: number): void {
    this.#revision = revision
    for (const waiter of [...this.#waiters]) {
      if (waiter.ready()) waiter.resolve()
    }
  }
}

interface Content<T> {
  readonly values: Map<string, T>
  /** texts that could not be decoded, so that each is told of once */
  readonly ignored: Map<string, string>
}

function emptyContent<T>(): Content<T> {
  return { values: new Map(), ignored: new Map() }
}
