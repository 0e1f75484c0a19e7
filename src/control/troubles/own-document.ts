/**
 * A key of this host's in the store that shall have a certain value: written when that changes, and
 * tried again while the store does not take it.
 */
import { rest } from '../../core/deadline.js'
import { messageOf } from '../../core/errors.js'
import type { Logger, Store } from '../../core/ports.js'

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 15_000

export interface OwnDocumentParts {
  readonly store: Store
  readonly key: string
  readonly logger: Logger
}

export class OwnDocument {
  readonly #parts: OwnDocumentParts
  readonly #closing = new AbortController()
  /** null: nobody has said yet */
  #wanted: string | undefined | null = null
  /** null: not known */
  #written: string | undefined | null = null
  #running: Promise<void> | undefined

  constructor(parts: OwnDocumentParts) {
    this.#parts = parts
  }

  /** @param value undefined: the key shall not be there */
  set(value: string | undefined): void {
    this.#wanted = value
    this.#run()
  }

  /** The store may have lost it. */
  rewrite(): void {
    this.#written = null
    this.#run()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  #run(): void {
    this.#running ??= this.#write().finally(() => {
      this.#running = undefined
    })
  }

  async #write(): Promise<void> {
    const { store, key, logger } = this.#parts
    const { signal } = this.#closing
    let pause = FIRST_RETRY_MS
    while (this.#wanted !== null && this.#wanted !== this.#written && !signal.aborted) {
      const value = this.#wanted
      try {
        await store.txn([], [value === undefined ? { delete: key } : { put: key, value }], signal)
        this.#written = value
      } catch (error) {
        logger.debug({ key, err: messageOf(error) }, 'own document not written yet')
        this.#written = null
        await rest(pause, signal)
        pause = Math.min(pause * 2, LAST_RETRY_MS)
      }
    }
  }
}
