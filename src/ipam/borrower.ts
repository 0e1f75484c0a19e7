/**
 * Addresses out of other hosts' blocks: asked for through the store, and given back. An ask and its
 * answer are one key. Who stops waiting deletes it, and the owner grants only in a transaction that
 * demands the ask, so one of the two wins and both know which.
 */
import { randomUUID } from 'node:crypto'
import { withLimit } from '../core/deadline.js'
import type { Ip } from '../core/ip.js'
import type { Entry, Guard, Store } from '../core/ports.js'
import type { HostId } from '../core/types.js'
import { type AddressDocument, type AskDocument, documents } from '../state/documents.js'
import { keys, type PoolRef } from '../state/keys.js'
import type { Choice } from './address-book.js'
import type { BlockKeeper } from './block-keeper.js'
import { Loans } from './loans.js'

export interface Wish extends Choice {
  readonly kind: AddressDocument['kind']
  /** absent: any */
  readonly ip?: Ip
}

/** `silent`: the owner did not answer in time, and the wish is withdrawn. */
export type Answer =
  | { readonly granted: Ip }
  | { readonly refused: string }
  | { readonly silent: true }

export class Borrower {
  readonly #keeper: BlockKeeper
  readonly #store: Store
  readonly #host: HostId
  readonly #loans: Loans
  /** revisions of those whose return has begun */
  readonly #returning = new Map<string, number>()
  /** asks of this process that are not over, with the pool that they are about */
  readonly #open = new Map<string, string>()

  constructor(keeper: BlockKeeper) {
    this.#keeper = keeper
    this.#store = keeper.parts.store
    this.#host = keeper.parts.host
    this.#loans = new Loans(keeper.parts.loans, keeper.parts.now)
  }

  has(ref: PoolRef, ip: Ip): boolean {
    return this.#loans.isOut(ref, ip)
  }

  /**
   * Hands out an address that is this host's already: its return is owed, but has not begun, or an
   * earlier run had it. Asks nobody.
   */
  takeBack(ref: PoolRef, ip: Ip): boolean {
    return !this.#keeper.parts.used(ref).has(ip) && this.#loans.take(ref, ip)
  }

  /** Ours by the store's word, whoever asked for it. */
  note(ref: PoolRef, ip: Ip): void {
    this.#loans.note(ref, ip)
  }

  forget(ref: PoolRef, ip: Ip): void {
    this.#loans.free(ref, ip)
  }

  /** Another's by the store's word. */
  lose(ref: PoolRef, ip: Ip): void {
    this.#loans.strike(ref, ip)
  }

  forgetPool(ref: PoolRef): void {
    this.#loans.strikePool(ref)
  }

  /** The store's record of it has changed. */
  doubt(ref: PoolRef, ip: Ip): void {
    this.#loans.doubt(ref, ip)
  }

  /** Strikes off what the journal calls ours and the store does not. @throws STORE_UNAVAILABLE */
  async settle(): Promise<void> {
    for (const { ip, ...ref } of this.#loans.unsure()) {
      const found = await this.#keeper.register.outsider(ref, ip)
      if (this.#isOurs(found?.document)) this.#loans.confirm(ref, ip)
      else if (!this.isAsking(ref) && !this.#loans.isSure(ref, ip)) this.#loans.strike(ref, ip)
    }
  }

  #isOurs(document: AddressDocument | undefined): boolean {
    return document?.host === this.#host && document.kind === 'endpoint'
  }

  /** True while an ask for an address of the pool is open. */
  isAsking(ref: PoolRef): boolean {
    return [...this.#open.values()].includes(keys.pool(ref))
  }

  isOpen(askKey: string): boolean {
    return this.#open.has(askKey)
  }

  /** Since when an address is borrowed; undefined when this process did not borrow it. */
  since(ref: PoolRef, ip: Ip): number | undefined {
    return this.#loans.since(ref, ip)
  }

  /**
   * @param waitMs how long the owner has to answer
   * @throws TsoverlayError STORE_UNAVAILABLE; what the owner granted all the same is given back later
   */
  async ask(
    owner: HostId,
    { ip, subPool, kind, ...ref }: Wish,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<Answer> {
    const key = keys.ask(owner, randomUUID())
    const { space, pool } = ref
    const document: AskDocument = {
      from: this.#host,
      space,
      pool,
      kind,
      state: 'asked',
      ...(ip === undefined ? {} : { address: ip }),
      ...(subPool === undefined ? {} : { subPool }),
    }
    this.#open.set(key, keys.pool(ref))
    try {
      const put = { put: key, value: documents.ask.encode(document) }
      await this.#store.txn([{ key, is: 'absent' }], [put], signal)
      const answered = (await this.#answer(key, waitMs)) ?? (await this.#withdraw(key, signal))
      if (answered === undefined) return { silent: true }
      const { granted, why = 'refused' } = answered
      if (granted !== undefined && kind === 'endpoint') this.note(ref, granted)
      // If this fails it is swept up later, as the answer of a process that died.
      await this.#store.txn([], [{ delete: key }], signal).catch(() => undefined)
      return granted === undefined ? { refused: why } : { granted }
    } finally {
      this.#open.delete(key)
    }
  }

  /** Gives a borrowed address back; one that is ours no more, or again, stays. */
  async giveBack(ref: PoolRef, ip: Ip, signal?: AbortSignal): Promise<void> {
    const key = keys.address(ref, ip)
    if (this.has(ref, ip) || this.#keeper.parts.used(ref).has(ip)) return
    // A second try must not take what was borrowed anew after a first one whose answer got lost.
    let revision = this.#returning.get(key)
    if (revision === undefined) {
      const found = await this.#keeper.register.outsider(ref, ip, signal)
      // It may have been handed out again while the store was asked.
      if (this.has(ref, ip) || this.isAsking(ref)) return
      if (found === undefined || !this.#isOurs(found.document)) return this.#loans.strike(ref, ip)
      revision = found.revision
    }
    // From here on the store may have it back at any moment, so it must not be handed out.
    this.#loans.strike(ref, ip)
    this.#returning.set(key, revision)
    await this.#keeper.register.removeOutside(ref, ip, revision, signal)
    this.#returning.delete(key)
  }

  /** @returns undefined when the wait is over */
  #answer(key: string, waitMs: number): Promise<AskDocument | undefined> {
    return withLimit(waitMs, undefined, async (ended) => {
      for await (const batch of this.#store.watch(key, ended)) {
        const entries = batch.kind === 'delta' ? batch.puts : batch.entries
        const answer = entries.map(decode).find((each) => each?.state !== 'asked')
        if (answer !== undefined) return answer
      }
      return undefined
    })
  }

  /** @returns the answer that was faster; undefined when there will be none */
  async #withdraw(key: string, signal?: AbortSignal): Promise<AskDocument | undefined> {
    for (;;) {
      const entry = await this.#store.get(key, signal)
      const document = entry && decode(entry)
      if (entry === undefined || document === undefined) return undefined
      if (document.state !== 'asked') return document
      const guard: Guard = { key, is: 'unchanged', revision: entry.revision }
      if ((await this.#store.txn([guard], [{ delete: key }], signal)).done) return undefined
    }
  }
}

function decode(entry: Entry): AskDocument | undefined {
  return documents.ask.decode(entry.value)
}
