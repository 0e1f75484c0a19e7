/**
 * The slow full pass. What somebody changes in the kernel is repaired at once, by the kernel's own
 * notices; a notice can be lost in a flood, and some things have none. So every minute each place
 * with containers is compared anew with the kernel, one after the other (large ones less often), and sandboxes that no
 * network has any more are removed, as are records in the store that this host does not have.
 * Networks without containers on this host cost nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../core/errors.js'
import type { Place } from '../../core/plan.js'
import type { Logger } from '../../core/ports.js'
import type { OwnRecords } from '../records/own-records.js'
import type { Reconciler } from './reconciler.js'

const PERIOD_MS = 60_000
/** All passes together take no more than this part of a processor: large networks come less often. */
const SHARE = 0.001

export class Upkeep {
  readonly #reconciler: Pick<Reconciler, 'resync' | 'sweep' | 'places'>
  readonly #records: Pick<OwnRecords, 'look'>
  readonly #logger: Logger
  readonly #periodMs: number
  readonly #share: number
  readonly #ending = new AbortController()
  /** when each place may be looked at again, on the clock of performance.now() */
  readonly #due = new Map<Place, number>()

  constructor(parts: {
    reconciler: Pick<Reconciler, 'resync' | 'sweep' | 'places'>
    records: Pick<OwnRecords, 'look'>
    logger: Logger
    periodMs?: number
    share?: number
  }) {
    this.#reconciler = parts.reconciler
    this.#records = parts.records
    this.#logger = parts.logger
    this.#periodMs = parts.periodMs ?? PERIOD_MS
    this.#share = parts.share ?? SHARE
  }

  /** Removes leftovers now, and then looks at everything for ever, until closed. */
  start(): void {
    this.#run().catch((error: unknown) => {
      if (!this.#ending.signal.aborted)
        this.#logger.error({ err: messageOf(error) }, 'upkeep ended')
    })
  }

  close(): void {
    this.#ending.abort()
  }

  async #run(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      await this.#reconciler.sweep().catch((error: unknown) => {
        this.#logger.error({ err: messageOf(error) }, 'sweep failed')
      })
      this.#records.look()
      await this.#lookAtAll()
    }
  }

  /** Takes one period; spread over it, and not at the same moment on all hosts. */
  async #lookAtAll(): Promise<void> {
    const places = this.#reconciler.places()
    const pause = this.#periodMs / (places.length + 1)
    for (const place of places) {
      await this.#pause(pause)
      await this.#look(place, places.length)
    }
    for (const place of this.#due.keys()) {
      if (!places.includes(place)) this.#due.delete(place)
    }
    await this.#pause(pause)
  }

  async #look(place: Place, among: number): Promise<void> {
    const begin = performance.now()
    if (begin < (this.#due.get(place) ?? 0)) return
    await this.#reconciler.resync(place)
    const end = performance.now()
    this.#due.set(place, end + ((end - begin) * among) / this.#share)
  }

  #pause(ms: number): Promise<void> {
    const jittered = ms * (0.9 + 0.2 * Math.random())
    return sleep(jittered, undefined, { ref: false, signal: this.#ending.signal })
  }
}
