/** What the log and the counters say of passes, by place. */
import { messageOf, TsoverlayError } from '../../core/errors.js'
import { itemText } from '../../core/item.js'
import type { Place } from '../../core/plan.js'
import type { ApplyResult, Logger } from '../../core/ports.js'

export interface Counters {
  passes: number
  written: number
  drift: number
  failures: number
}

/** Who changes things again and again fills no log. */
const TELL_MS = 60_000

export class Reports {
  readonly counters: Counters = { passes: 0, written: 0, drift: 0, failures: 0 }
  readonly #logger: Logger
  readonly #now: () => number
  readonly #troubled = new Set<Place>()
  /** when drift was logged last, and how much came since */
  readonly #told = new Map<Place, { at: number; untold: number }>()

  /** @param now milliseconds of a clock that only goes forward */
  constructor(logger: Logger, now: () => number) {
    this.#logger = logger
    this.#now = now
  }

  /** One line for the first failure of a place and one when it is well again. @param fields whose it is */
  passed(place: Place, fields: object, result: ApplyResult): void {
    this.counters.written += result.written
    this.counters.drift += result.drift
    this.counters.failures += result.failures.length
    this.#drifted(place, fields, result.drift)
    const [first] = result.failures
    if (first === undefined) {
      if (this.#troubled.delete(place)) this.#logger.info(fields, 'kernel in sync again')
      return
    }
    if (!this.#troubled.has(place)) {
      const err = messageOf(first.error)
      this.#logger.error(
        { ...fields, failed: result.failures.length, item: itemText(first.item), err },
        'kernel refused part of the plan',
      )
    }
    this.#troubled.add(place)
  }

  /** The pass did not get as far as a result. That there is no underlay yet, its source tells. */
  failed(place: Place, fields: object, error: unknown): void {
    this.counters.failures += 1
    if (error instanceof TsoverlayError && error.code === 'UNDERLAY_UNKNOWN') return
    if (!this.#troubled.has(place)) {
      this.#logger.error({ ...fields, err: messageOf(error) }, 'pass over the network failed')
    }
    this.#troubled.add(place)
  }

  /** The place is gone. */
  forget(place: Place): void {
    this.#told.delete(place)
  }

  /** One line a minute and place. */
  #drifted(place: Place, fields: object, drift: number): void {
    if (drift === 0) return
    const told = this.#told.get(place)
    if (told !== undefined && this.#now() - told.at < TELL_MS) {
      told.untold += drift
      return
    }
    this.#told.set(place, { at: this.#now(), untold: 0 })
    this.#logger.warn(
      { ...fields, drift: drift + (told?.untold ?? 0) },
      'kernel state was changed by others and is repaired',
    )
  }
}
