/** What the store in memory holds, and those who watch it. */
import type { Delta, Entry, Guard, Write } from '../../src/core/ports.js'
import { DeltaBuffer } from '../../src/state/etcd-delta.js'

interface Stored extends Entry {
  readonly leaseId: string | undefined
}

type Change = { readonly put: Entry } | { readonly deleted: string }
type Watcher = (changes: readonly Change[], revision: number) => void

/** What etcd would hold. Keys are absolute, so that stores of different prefixes can share it. */
export class MemoryData {
  readonly entries = new Map<string, Stored>()
  /** ids of the leases that live */
  readonly leases = new Set<string>()
  readonly watchers = new Set<Watcher>()
  revision = 1
  #nextLease = 1

  leaseId(): string {
    return String(this.#nextLease++)
  }

  holds(guard: Guard): boolean {
    const entry = this.entries.get(guard.key)
    if (guard.is === 'absent') return entry === undefined
    if (guard.is === 'unchanged') return entry?.revision === guard.revision
    return entry !== undefined
  }

  /** All writes at one new revision; the revision stays when nothing changes. */
  write(writes: readonly Write[]): void {
    const revision = this.revision + 1
    const changes = writes.flatMap((write) => this.#apply(write, revision))
    if (changes.length === 0) return
    this.revision = revision
    for (const watcher of [...this.watchers]) watcher(changes, revision)
  }

  #apply(write: Write, revision: number): Change[] {
    if ('put' in write) {
      const entry = { key: write.put, value: write.value, revision }
      this.entries.set(write.put, { ...entry, leaseId: write.lease?.id })
      return [{ put: entry }]
    }
    const gone =
      'delete' in write
        ? [write.delete].filter((key) => this.entries.has(key))
        : [...this.entries.keys()].filter((key) => key.startsWith(write.deletePrefix))
    for (const key of gone) this.entries.delete(key)
    return gone.map((deleted) => ({ deleted }))
  }

  /** Ends a lease and deletes what was put with it. */
  expire(id: string): void {
    this.leases.delete(id)
    const keys = [...this.entries.values()].filter((entry) => entry.leaseId === id)
    this.write(keys.map(({ key }) => ({ delete: key })))
  }
}

/** One watch between two interruptions. */
export class Subscription {
  readonly #namespace: string
  readonly #prefix: string
  readonly #buffer = new DeltaBuffer()
  #stopped = false
  #wake = () => {}

  constructor(namespace: string, prefix: string) {
    this.#namespace = namespace
    this.#prefix = prefix
  }

  get stopped(): boolean {
    return this.#stopped
  }

  readonly stop = (): void => {
    this.#stopped = true
    this.#wake()
  }

  readonly note: Watcher = (changes, revision) => {
    for (const change of changes) {
      const key = 'put' in change ? change.put.key : change.deleted
      if (!key.startsWith(this.#namespace + this.#prefix)) continue
      const relative = key.slice(this.#namespace.length)
      if ('put' in change) this.#buffer.put({ ...change.put, key: relative })
      else this.#buffer.delete(relative, revision)
    }
    this.#wake()
  }

  async next(): Promise<Delta | undefined> {
    while (!this.#stopped) {
      const delta = this.#buffer.take()
      if (delta !== undefined) return delta
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return undefined
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Delta> {
    for (let delta = await this.next(); delta !== undefined; delta = await this.next()) yield delta
  }
}
