/**
 * A store whose transactions cannot come late. One that timed out, or that a dead process sent, may
 * still be on its way (TCP sends it again for minutes), and would be done after what followed it:
 * an endpoint's record after its deletion, say, which nobody would ever remove.
 *
 * So every transaction demands that the host's gate is as this process wrote it last, and after a
 * transaction without an answer the gate is written again before anything else: from then on, whatever
 * is still on its way fails. Costs a write at the start and one after each doubt.
 */
import { untilAborted } from '../core/deadline.js'
import { TsoverlayError } from '../core/errors.js'
import type { Guard, Store, TxnResult, Write } from '../core/ports.js'
import type { HostClaim } from './host-claim.js'
import { StoreAround } from './store-around.js'

/** Gates closed by doubts of other calls in a row, before the caller has to come again. */
const ATTEMPTS = 8

const NOBODY_ELSE = { guards: [], value: undefined }

export class FencedStore extends StoreAround {
  readonly #gate: string
  readonly #value: string
  readonly #claim: HostClaim | undefined
  /** the gate's revision; undefined = it has to be written first */
  #revision: Promise<number> | undefined

  /**
   * @param gate the key, which nobody else writes; whoever deletes it stops what is on its way
   * @param value any text, for people; the claim has its own
   * @param claim absent: nobody else can have the gate
   */
  constructor(store: Store, gate: string, value: string, claim?: HostClaim) {
    super(store)
    this.#gate = gate
    this.#value = value
    this.#claim = claim
  }

  /**
   * Makes sure that the host's id is this machine's.
   * @throws TsoverlayError HOST_CLONED, UNDERLAY_UNKNOWN, STORE_UNAVAILABLE, STORE_CONFLICT
   */
  async open(): Promise<void> {
    const used = this.#current()
    await used.catch((error: unknown) => {
      this.#doubt(used)
      throw error
    })
  }

  /** @throws TsoverlayError STORE_CONFLICT when doubts of other calls kept it from being done, too */
  async txn(
    guards: readonly Guard[],
    writes: readonly Write[],
    signal?: AbortSignal,
  ): Promise<TxnResult> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const used = this.#current()
      const result = await this.#tried(used, guards, writes, signal)
      if (result.done || (await this.#isOpen(await used, signal))) return result
      this.#doubt(used)
    }
    throw this.#conflict()
  }

  async #tried(
    used: Promise<number>,
    guards: readonly Guard[],
    writes: readonly Write[],
    signal: AbortSignal | undefined,
  ): Promise<TxnResult> {
    try {
      const closed = signal === undefined ? used : untilAborted(used, signal, 'the store')
      const gate: Guard = { key: this.#gate, is: 'unchanged', revision: await closed }
      return await this.inner.txn([gate, ...guards], writes, signal)
    } catch (error) {
      this.#doubt(used)
      throw error
    }
  }

  /** Shared by all calls, so not to be ended by the signal of one. */
  #current(): Promise<number> {
    if (this.#revision !== undefined) return this.#revision
    const closed = this.#close()
    closed.catch(() => undefined) // those who wait for it are told, if any still do
    this.#revision = closed
    return closed
  }

  async #close(): Promise<number> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const { guards, value } = (await this.#claim?.look(this.inner)) ?? NOBODY_ELSE
      const write = { put: this.#gate, value: value ?? this.#value }
      const { done, revision } = await this.inner.txn(guards, [write])
      if (done) this.#claim?.written(revision)
      if (done) return revision
    }
    throw this.#conflict()
  }

  #conflict(): TsoverlayError {
    return new TsoverlayError('STORE_CONFLICT', `the key ${this.#gate} of this host kept changing`)
  }

  /** Whether it was another guard that did not hold. */
  async #isOpen(revision: number, signal: AbortSignal | undefined): Promise<boolean> {
    return (await this.inner.get(this.#gate, signal))?.revision === revision
  }

  #doubt(used: Promise<number>): void {
    if (this.#revision === used) this.#revision = undefined
  }
}
