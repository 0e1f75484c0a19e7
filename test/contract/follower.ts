/** Follows a watch as a consumer must: replaces at a snapshot, applies deltas, notes disorder. */
import type { Delta, Page, Snapshot, Store } from '../../src/core/ports.js'

export class Follower {
  readonly view = new Map<string, string>()
  readonly batches: (Page | Snapshot | Delta)[] = []
  /** Revisions that came out of order. */
  readonly disorder: string[] = []
  readonly ended: Promise<void>
  readonly #stop = new AbortController()
  readonly #waiting = new Set<() => void>()
  #revision = 0

  constructor(store: Store, prefix: string, signal?: AbortSignal) {
    signal?.addEventListener('abort', () => this.#stop.abort())
    this.ended = this.#run(store, prefix)
  }

  /** @param ready asked after every batch, first at once if there was one */
  async until(
    ready: (view: ReadonlyMap<string, string>, revision: number) => boolean,
    timeout = 20_000,
  ): Promise<void> {
    if (this.batches.length > 0 && ready(this.view, this.#revision)) return
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(check)
        reject(
          new Error(
            `not seen in ${timeout} ms; there is ${JSON.stringify([...this.view].slice(0, 20))}`,
          ),
        )
      }, timeout)
      const check = () => {
        if (!ready(this.view, this.#revision)) return
        clearTimeout(timer)
        this.#waiting.delete(check)
        resolve()
      }
      this.#waiting.add(check)
    })
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.ended
  }

  async #run(store: Store, prefix: string): Promise<void> {
    for await (const batch of store.watch(prefix, this.#stop.signal)) {
      this.batches.push(batch)
      if (batch.kind === 'delta') this.#change(batch)
      else {
        if (batch.continues !== true) this.view.clear()
        for (const { key, value } of batch.entries) this.view.set(key, value)
      }
      this.#revision = batch.revision
      for (const check of [...this.#waiting]) check()
    }
  }

  #change(delta: Delta): void {
    this.#check(delta)
    for (const { key, value } of delta.puts) this.view.set(key, value)
    for (const key of delta.deletes) this.view.delete(key)
  }

  #check({ puts, deletes, revision }: Delta): void {
    if (revision <= this.#revision) this.disorder.push(`${revision} after ${this.#revision}`)
    for (const put of puts) {
      const fits = put.revision > this.#revision && put.revision <= revision
      if (!fits || deletes.includes(put.key)) this.disorder.push(`${put.key} at ${put.revision}`)
    }
  }
}
