/** Answers what other hosts want of addresses in this host's blocks. */
import { messageOf } from '../core/errors.js'
import type { Ip } from '../core/ip.js'
import type { Entry, Guard } from '../core/ports.js'
import { type AskDocument, documents } from '../state/documents.js'
import type { PoolRef } from '../state/keys.js'
import { retryConflicts } from '../state/retry.js'
import type { BlockKeeper } from './block-keeper.js'
import { isUsable } from './candidates.js'

/** Beginnings of a refusal's reason. */
export const HELD = 'held'
const NOT_OURS = 'not ours'
const FULL = 'full'

export class Lender {
  readonly #keeper: BlockKeeper
  readonly #busy = new Set<string>()

  constructor(keeper: BlockKeeper) {
    this.#keeper = keeper
  }

  /** Answers the ask of that key, if it waits for an answer; never fails. */
  async answer(key: string): Promise<void> {
    if (this.#busy.has(key)) return
    this.#busy.add(key)
    try {
      await retryConflicts(`ask ${key}`, undefined, () => this.#tried(key))
    } catch (error) {
      // It is tried again with the next look at all asks; the asker does not wait for ever.
      this.#keeper.parts.logger.debug({ key, err: messageOf(error) }, 'ask not answered')
    } finally {
      this.#busy.delete(key)
    }
  }

  /** @returns undefined to try again */
  async #tried(key: string): Promise<true | undefined> {
    const entry = await this.#keeper.parts.store.get(key)
    const ask = entry && documents.ask.decode(entry.value)
    if (entry === undefined || ask?.state !== 'asked') return true
    const ref: PoolRef = { space: ask.space, pool: ask.pool }
    return this.#keeper.serial(ref, async () => {
      const ip = ask.address ?? this.#keeper.blocks.free({ ...ref, subPool: ask.subPool })
      if (ip === undefined) return this.#refuse(entry, ask, FULL)
      return this.#give(entry, ask, ref, ip)
    })
  }

  async #give(entry: Entry, ask: AskDocument, ref: PoolRef, ip: Ip): Promise<true | undefined> {
    const { blocks, parts } = this.#keeper
    const own = blocks.holding(ref, ip)
    const known = own?.outside(ip)?.kind
    if (own === undefined || known !== undefined || !isUsable(ref.pool, ip) || own.isAside(ip)) {
      return this.#refuse(entry, ask, NOT_OURS)
    }
    const endpoint = parts.used(ref).get(ip)
    if (endpoint !== undefined || own.held.has(ip)) {
      return this.#refuse(entry, ask, endpoint === undefined ? HELD : `${HELD} ${endpoint}`)
    }
    const granted = { ...ask, state: 'granted' as const, granted: ip }
    const also = {
      guards: [unchanged(entry)],
      writes: [{ put: entry.key, value: documents.ask.encode(granted) }],
    }
    const done = await this.#keeper.putOutside(own, ip, { host: ask.from, kind: ask.kind }, also)
    return done === 'done' ? true : undefined
  }

  async #refuse(entry: Entry, ask: AskDocument, why: string): Promise<true | undefined> {
    const value = documents.ask.encode({ ...ask, state: 'refused', why })
    const { store } = this.#keeper.parts
    const { done } = await store.txn([unchanged(entry)], [{ put: entry.key, value }])
    return done ? true : undefined
  }
}

function unchanged({ key, revision }: Entry): Guard {
  return { key, is: 'unchanged', revision }
}
