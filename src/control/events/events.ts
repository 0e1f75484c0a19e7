/**
 * What happens in the cluster, for those who watch it. Nothing is followed while nobody does; what
 * this host follows for itself anyway is not used, as it is of its own networks only.
 */
import type { EventReport } from '../../core/admin/events.js'
import type { Store } from '../../core/ports.js'
import { keys } from '../../state/keys.js'
import type { Problem } from '../troubles/problems.js'
import { Session } from './session.js'

export interface EventsParts {
  readonly store: Store
  /** what is not well on this host */
  readonly problems: { list(): readonly Problem[] }
  /** whether the store takes this host's announcement */
  readonly presence: { readonly reached: boolean }
}

type Listener = (event: EventReport) => void

interface Watcher {
  /** undefined: the store has not been read yet */
  tell: Listener | undefined
}

export class Events {
  readonly #parts: EventsParts
  readonly #watchers = new Set<Watcher>()
  #session: Session | undefined

  constructor(parts: EventsParts) {
    this.#parts = parts
  }

  /** How many watch. */
  get watchers(): number {
    return this.#watchers.size
  }

  /**
   * Whether there is something to watch.
   * @throws TsoverlayError STORE_UNAVAILABLE
   */
  async check(): Promise<void> {
    await this.#parts.store.get(keys.generation)
  }

  /**
   * Calls the listener with each event until the signal aborts; first, as soon as the store has been
   * read, with one that says what is watched.
   */
  watch(listener: Listener, signal: AbortSignal): void {
    if (signal.aborted) return
    const watcher: Watcher = { tell: undefined }
    this.#watchers.add(watcher)
    signal.addEventListener('abort', () => this.#leave(watcher), { once: true })
    this.#session ??= new Session(this.#parts, (event) => {
      for (const { tell } of this.#watchers) tell?.(event)
    })
    void this.#session.watched().then((event) => {
      if (event === undefined || signal.aborted) return
      listener(event)
      watcher.tell = listener
    })
  }

  #leave(watcher: Watcher): void {
    this.#watchers.delete(watcher)
    if (this.#watchers.size > 0) return
    void this.#session?.close()
    this.#session = undefined
  }
}
