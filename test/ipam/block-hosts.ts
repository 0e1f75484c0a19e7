/** Hosts with block books on one store in memory; each can be cut off, crash and come back. */
import type { Cidr, Ip } from '../../src/core/ip.js'
import type { Store } from '../../src/core/ports.js'
import { BlockBook } from '../../src/ipam/block-book.js'
import type { BlockHold, Loan } from '../../src/state/documents.js'
import { blockId, loanId } from '../../src/state/journal.js'
import type { PoolRef } from '../../src/state/keys.js'
import type { MemoryStore } from '../fakes/memory-store.js'
import { RecordingLogger } from '../fakes/recording-logger.js'

/** The journal's shelf, in memory. */
class MemoryShelf<T> {
  readonly holds = new Map<string, T>()
  readonly #idOf: (hold: T) => string

  constructor(idOf: (hold: T) => string) {
    this.#idOf = idOf
  }

  get(id: string): T | undefined {
    return this.holds.get(id)
  }

  values(): Iterable<T> {
    return this.holds.values()
  }

  put(hold: T): void {
    this.holds.set(this.#idOf(hold), hold)
  }

  delete(id: string): void {
    this.holds.delete(id)
  }
}

export class BlockHost {
  readonly id: string
  readonly store: MemoryStore
  readonly shelf = new MemoryShelf<BlockHold>(blockId)
  readonly loans = new MemoryShelf<Loan>(loanId)
  readonly logger = new RecordingLogger()
  /** addresses that endpoints of this host use, with their endpoints */
  readonly used = new Map<Ip, string>()
  /** milliseconds of its clock */
  clock = 0
  usage: 'bound' | 'unbound' | 'none' = 'bound'
  /** its network has routes to blocks */
  routed = false
  /** pools that it was told of, whose blocks have changed */
  readonly told: PoolRef[] = []
  book: BlockBook
  readonly #through: (store: Store) => Store
  #boot = 1

  constructor(id: string, store: MemoryStore, through: (store: Store) => Store = (same) => same) {
    this.id = id
    this.store = store
    this.#through = through
    this.book = this.#open()
  }

  /** The plugin dies in the midst of whatever it does, and starts again. */
  async restart(
    how: { readonly journalLost?: boolean; readonly reboot?: boolean } = {},
  ): Promise<void> {
    await this.book.close()
    if (how.journalLost === true) for (const each of [this.shelf, this.loans]) each.holds.clear()
    if (how.reboot === true) {
      this.#boot += 1
      this.used.clear()
    }
    this.book = this.#open()
  }

  /** Addresses of the pool that the book counts as handed out of own blocks. */
  held(ref: PoolRef): readonly Ip[] {
    return [...this.book.holdings(ref).addresses].sort()
  }

  #open(): BlockBook {
    const book = new BlockBook({
      store: this.#through(this.store),
      host: this.id,
      boot: String(this.#boot),
      shelf: this.shelf,
      loans: this.loans,
      used: () => this.used,
      usage: () => this.usage,
      routed: () => this.routed,
      logger: this.logger,
      now: () => this.clock,
      answerMs: 150,
    })
    book.onBlocksChanged((ref) => this.told.push(ref))
    book.start()
    return book
  }
}

export const refOf = (pool: string): PoolRef => ({ space: '', pool: pool as Cidr })
