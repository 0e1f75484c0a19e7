/**
 * Work on the store that this host owes: publish an endpoint, release an address, leave a network.
 * It must happen in the end, but no `docker stop` may wait for an etcd that is away. So a chore is
 * first written to the journal, tried at once, and tried again until it is done, also after a
 * restart of the plugin.
 *
 * Chores of one subject run one after the other in the order in which they came; different subjects
 * run side by side. Handlers are idempotent: a chore whose end was not noted runs twice.
 *
 * Who makes what a chore would undo does it in `making`: between his look at the journal and his note
 * in it no chore of that subject runs.
 */
import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { rest, untilAborted } from '../core/deadline.js'
import { hasCode, messageOf } from '../core/errors.js'
import type { Logger } from '../core/ports.js'
import type { ChoreDocument } from './documents.js'
import type { Shelf } from './shelf.js'

export interface Chore {
  readonly kind: string
  /** what it is about; order is kept per subject */
  readonly subject: string
  readonly args: Readonly<Record<string, string>>
}

/** Does one chore; throws a retryable TsoverlayError to be called again. */
export type ChoreHandler = (
  args: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<void>

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000

export class Outbox {
  readonly #shelf: Shelf<ChoreDocument>
  readonly #handlers: Readonly<Record<string, ChoreHandler>>
  readonly #logger: Logger
  readonly #tails = new Map<string, Promise<void>>()
  /** by subject, what is made of it just now */
  readonly #makers = new Map<string, Set<Promise<unknown>>>()
  readonly #closing = new AbortController()
  /** of the next chore; not a time, as a clock that is set back must not change the order */
  #next: number

  constructor(options: {
    shelf: Shelf<ChoreDocument>
    handlers: Readonly<Record<string, ChoreHandler>>
    logger: Logger
  }) {
    this.#shelf = options.shelf
    this.#handlers = options.handlers
    this.#logger = options.logger
    this.#next = 1 + Math.max(0, ...[...this.#shelf.values()].map(({ id }) => numberOf(id)))
    // Every chore under way listens to it.
    setMaxListeners(0, this.#closing.signal)
  }

  /** Takes up what a former run left. */
  start(): void {
    const left = [...this.#shelf.values()].sort(
      (a, b) => numberOf(a.id) - numberOf(b.id) || (a.id < b.id ? -1 : 1),
    )
    for (const chore of left) void this.#append(chore)
  }

  /** Number of chores that are not done yet. */
  get owed(): number {
    return [...this.#shelf.values()].length
  }

  /**
   * Takes a chore; it survives a crash from here on.
   * @returns resolves when it is done, never rejects, may take as long as etcd is away
   */
  submit(chore: Chore): Promise<void> {
    const id = `${this.#next}-${randomUUID()}`
    this.#next += 1
    const document = { ...chore, id }
    this.#shelf.put(document)
    return this.#append(document)
  }

  /** Resolves when nothing is owed for this subject. */
  settled(subject: string): Promise<void> {
    return this.#tails.get(subject) ?? Promise.resolve()
  }

  /**
   * Runs work that makes what chores of these subjects undo. It begins when none of them is owed; those
   * that come meanwhile wait for its end. Works of one subject run side by side.
   * @param work must not wait for a chore of these subjects
   * @throws TsoverlayError DEADLINE_EXCEEDED when `signal` aborts before it begins; what `work` throws
   */
  async making<T>(
    subjects: readonly string[],
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T> {
    const owed = (): string | undefined => subjects.find((each) => this.#tails.has(each))
    for (let one = owed(); one !== undefined; one = owed())
      await untilAborted(this.settled(one), signal, `earlier changes of ${one} to reach the store`)
    // Nothing is awaited from here to the note that it has begun.
    const made = work()
    for (const subject of subjects) {
      const makers = this.#makers.get(subject) ?? new Set()
      this.#makers.set(subject, makers.add(made))
    }
    try {
      return await made
    } finally {
      for (const subject of subjects) this.#madeOf(subject, made)
    }
  }

  #madeOf(subject: string, made: Promise<unknown>): void {
    const makers = this.#makers.get(subject)
    makers?.delete(made)
    if (makers?.size === 0) this.#makers.delete(subject)
  }

  /** Nobody makes anything of the subject any more, or the end of this process. */
  async #unmade(subject: string): Promise<void> {
    const { signal } = this.#closing
    for (let all = this.#makers.get(subject); all !== undefined; all = this.#makers.get(subject)) {
      if (signal.aborted) return
      await untilAborted(Promise.allSettled(all), signal, subject).catch(() => undefined)
    }
  }

  /** Stops trying and waits for what is under way; what is owed stays in the journal. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#tails.values())
  }

  #append(chore: ChoreDocument): Promise<void> {
    const tail = this.settled(chore.subject)
      .then(() => this.#unmade(chore.subject))
      .then(() => this.#work(chore))
    this.#tails.set(chore.subject, tail)
    void tail.then(() => {
      if (this.#tails.get(chore.subject) === tail) this.#tails.delete(chore.subject)
    })
    return tail
  }

  async #work(chore: ChoreDocument): Promise<void> {
    for (let pause = FIRST_RETRY_MS; !this.#closing.signal.aborted; ) {
      if (await this.#tried(chore, pause === FIRST_RETRY_MS)) {
        this.#forget(chore)
        return
      }
      await rest(pause, this.#closing.signal)
      pause = Math.min(pause * 2, LAST_RETRY_MS)
    }
  }

  /** One that stays in the journal is done once more after the next start, which harms nobody. */
  #forget({ id, kind, subject }: ChoreDocument): void {
    if (this.#closing.signal.aborted) return
    try {
      this.#shelf.delete(id)
    } catch (error) {
      const fields = { kind, subject, err: messageOf(error) }
      this.#logger.error(fields, 'store work done but not taken off the journal')
    }
  }

  /** @returns true when the chore is over: done, or hopeless */
  async #tried(chore: ChoreDocument, first: boolean): Promise<boolean> {
    const { kind, subject } = chore
    const handler = this.#handlers[kind]
    try {
      if (handler === undefined) throw new Error(`no handler for chores of kind ${kind}`)
      await handler(chore.args, this.#closing.signal)
      if (!first) this.#logger.info({ kind, subject }, 'store work done after waiting')
      return true
    } catch (error) {
      if (this.#closing.signal.aborted) return false
      const again = hasCode(
        error,
        'STORE_UNAVAILABLE',
        'STORE_CONFLICT',
        'DEADLINE_EXCEEDED',
        'UNDERLAY_UNKNOWN',
        'HOST_CLONED',
      )
      if (first || !again) {
        const message = again ? 'store work has to wait' : 'store work given up'
        this.#logger.warn({ kind, subject, err: messageOf(error) }, message)
      }
      return !again
    }
  }
}

/** An id is the number of its submission and something random. */
function numberOf(id: string): number {
  return Number.parseInt(id, 10) || 0
}
