/**
 * Keyed work: one pass per key at a time, marks of the same key merged, failures tried again with
 * backoff. The pass gets only the key and reads the rest itself, so a merged mark loses nothing.
 */
export type Pass<R> = (key: string) => Promise<R>

interface Slot<R> {
  running: Promise<unknown>
  /** the pass that begins when the running one has ended */
  next: Promise<R> | undefined
  retry: NodeJS.Timeout | undefined
  failures: number
}

const FIRST_RETRY_MS = 200
const LAST_RETRY_MS = 10_000

export class KeyedQueue<R> {
  readonly #pass: Pass<R>
  readonly #slots = new Map<string, Slot<R>>()
  #closed = false

  constructor(pass: Pass<R>) {
    this.#pass = pass
  }

  /** A pass that begins after this call; several callers may share one. Rejects if it fails. */
  run(key: string): Promise<R> {
    const slot = this.#slot(key)
    slot.next ??= this.#after(key, slot)
    return slot.next
  }

  /** As run, for who does not wait: a failed pass comes again by itself. */
  mark(key: string): void {
    void this.settle(key)
  }

  /** As mark. @returns when the pass has ended, well or not */
  async settle(key: string): Promise<void> {
    if (!this.#closed) await this.run(key).catch(() => undefined)
  }

  /** Ends waiting retries and waits for the passes under way. */
  async close(): Promise<void> {
    this.#closed = true
    for (const slot of this.#slots.values()) clearTimeout(slot.retry)
    await Promise.allSettled([...this.#slots.values()].flatMap((slot) => [slot.running, slot.next]))
  }

  #slot(key: string): Slot<R> {
    const known = this.#slots.get(key)
    if (known !== undefined) return known
    const slot: Slot<R> = {
      running: Promise.resolve(),
      next: undefined,
      retry: undefined,
      failures: 0,
    }
    this.#slots.set(key, slot)
    return slot
  }

  async #after(key: string, slot: Slot<R>): Promise<R> {
    await slot.running.catch(() => undefined)
    slot.next = undefined
    clearTimeout(slot.retry)
    const pass = this.#pass(key)
    slot.running = pass
    try {
      const result = await pass
      slot.failures = 0
      if (slot.next === undefined) this.#slots.delete(key)
      return result
    } catch (error) {
      this.#retryLater(key, slot)
      throw error
    }
  }

  #retryLater(key: string, slot: Slot<R>): void {
    if (this.#closed) return
    const pause = Math.min(FIRST_RETRY_MS * 2 ** slot.failures, LAST_RETRY_MS)
    slot.failures += 1
    slot.retry = setTimeout(() => this.mark(key), pause)
    slot.retry.unref()
  }
}
