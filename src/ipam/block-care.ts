/**
 * What keeps books and store together in the long run: blocks are checked against the store after a
 * start and after every doubt, asks are answered, loans that came back are noted, and what nobody
 * uses any more is given back. Speed depends on it, and that nothing leaks; safety does not.
 */
import { messageOf } from '../core/errors.js'
import type { Ip } from '../core/ip.js'
import { type AddressDocument, type AskDocument, documents } from '../state/documents.js'
import { blockOfKey, keys, lastPart, type PoolRef, poolOfKey } from '../state/keys.js'
import { Mirror } from '../state/mirror.js'
import type { BlockKeeper } from './block-keeper.js'
import type { Borrower } from './borrower.js'
import { Lender } from './lender.js'
import type { OwnBlock } from './own-block.js'

const TEND_MS = 5_000
const COLLECT_EVERY = 12
/** The first time; by then what a former run handed out is old enough. */
const FIRST_COLLECT = 4
/** An address that no endpoint uses so long after it was handed out was lost by dockerd. */
const GRACE_MS = 120_000
/** The same for what a former run handed out: dockerd repeats a call within 8 s of the plugin's return. */
const FORMER_GRACE_MS = 15_000
/** A block that was empty so long is given back. */
const REST_MS = 600_000

export class BlockCare {
  readonly #keeper: BlockKeeper
  readonly #borrower: Borrower
  readonly #lender: Lender
  /** all of the cluster */
  readonly blocks: Mirror<{ host: string }>
  /** all that somebody has outside of his blocks */
  readonly addresses: Mirror<AddressDocument>
  readonly #asks: Mirror<AskDocument['state']>
  /** what was handed out until now was so by a former run */
  readonly #begun: number
  #timer: NodeJS.Timeout | undefined
  #rounds = 0

  constructor(keeper: BlockKeeper, borrower: Borrower) {
    const { store, logger, host } = keeper.parts
    this.#keeper = keeper
    this.#borrower = borrower
    this.#lender = new Lender(keeper)
    const { block, address, ask } = documents
    const mirror = <T>(prefix: string, decode: (text: string) => T | undefined): Mirror<T> =>
      new Mirror<T>({ store, logger, prefix, decode: (_key, value) => decode(value) })
    this.blocks = mirror(keys.allBlocks, block.decode)
    this.addresses = mirror(keys.allAddresses, address.decode)
    this.#asks = mirror(keys.asks(host), (text) => ask.decode(text)?.state)
    this.#begun = keeper.parts.now()
  }

  /** Resolves after the first look at the store, which comes after `announced`. */
  async start(announced: Promise<void>): Promise<void> {
    this.blocks.onChange((changed) => this.#checkOwners(changed))
    this.addresses.onChange((changed) => this.#checkOutside(changed))
    this.#asks.onChange(() => this.#answerAll())
    for (const mirror of [this.blocks, this.addresses, this.#asks]) mirror.start()
    this.#timer = setInterval(() => void this.#round(), TEND_MS)
    this.#timer.unref()
    await announced
    await this.tend()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all([this.blocks.close(), this.addresses.close(), this.#asks.close()])
  }

  /** Settles blocks that are not known to be ours, or in doubt; never fails. */
  async tend(): Promise<void> {
    const pools = new Map<string, OwnBlock>()
    for (const own of this.#keeper.blocks.all()) {
      if (isUnsettled(own)) pools.set(keys.pool(own.ref), own)
    }
    await Promise.all(
      [...pools.values()].map(({ ref }) => this.#quietly(ref, () => this.#settle(ref))),
    )
    await this.#adoptForgotten()
    await this.#borrower.settle().catch((error: unknown) => this.#complain(error))
    this.#answerAll()
  }

  /** Frees what was lost and gives back what is not needed; never fails. */
  async collect(): Promise<void> {
    const { blocks, parts } = this.#keeper
    for (const own of [...blocks.all()]) {
      if (parts.usage(own.ref) === 'bound') this.#freeLost(own)
      if (this.#isIdle(own)) await this.#quietly(own.ref, () => this.#giveBack(own))
    }
    await this.#sweepAsks().catch((error: unknown) => this.#complain(error))
    for (const [key, document] of [...this.addresses.entries()]) {
      const ref = poolOfKey(key)
      const ip = lastPart(key) as Ip
      if (!this.#isStray(ref, ip, document)) continue
      this.#borrower.forget(ref, ip)
      await this.#borrower.giveBack(ref, ip).catch((error: unknown) => this.#complain(error))
    }
  }

  async #round(): Promise<void> {
    await this.tend()
    this.#rounds += 1
    if (this.#rounds === FIRST_COLLECT || this.#rounds % COLLECT_EVERY === 0) await this.collect()
  }

  #settle(ref: PoolRef): Promise<void> {
    return this.#keeper.settle(ref, this.#keeper.blocks.of(ref).filter(isUnsettled))
  }

  /** Blocks that the store calls ours and that we do not know: nobody else could use them. */
  async #adoptForgotten(): Promise<void> {
    const { blocks, parts } = this.#keeper
    for (const [key, { host }] of [...this.blocks.entries()]) {
      if (host !== parts.host || blocks.at(key) !== undefined) continue
      const ref = poolOfKey(key)
      if (parts.usage(ref) === 'none') continue
      await this.#keeper
        .adopt(ref, blockOfKey(key))
        .catch((error: unknown) => this.#complain(error))
    }
  }

  async #quietly(ref: PoolRef, work: () => Promise<void>): Promise<void> {
    await this.#keeper.serial(ref, work).catch((error: unknown) => this.#complain(error))
  }

  #complain(error: unknown): void {
    this.#keeper.parts.logger.debug({ err: messageOf(error) }, 'address blocks are checked later')
  }

  #checkOwners(changed: ReadonlyMap<string, unknown>): void {
    for (const key of changed.keys()) {
      const own = this.#keeper.blocks.at(key)
      if (own === undefined || this.blocks.get(key)?.host === this.#keeper.parts.host) continue
      void this.#quietly(own.ref, () => this.#keeper.settle(own.ref, [own]))
    }
  }

  #checkOutside(changed: ReadonlyMap<string, unknown>): void {
    const pools = new Map<string, PoolRef>()
    for (const key of changed.keys()) {
      const ref = poolOfKey(key)
      if (this.addresses.get(key)?.host !== this.#keeper.parts.host)
        this.#borrower.doubt(ref, lastPart(key) as Ip)
      const own = this.#keeper.blocks.holding(ref, lastPart(key) as Ip)
      if (own === undefined) continue
      const known = own.outside(lastPart(key) as Ip)
      if (this.addresses.get(key)?.host !== known?.host) pools.set(keys.pool(ref), ref)
    }
    for (const ref of pools.values()) {
      void this.#quietly(ref, () => this.#keeper.refresh(ref, new Set()))
    }
  }

  #answerAll(): void {
    for (const [key, state] of this.#asks.entries()) {
      if (state === 'asked') void this.#lender.answer(key)
    }
  }

  #isOld(since: number, grace = GRACE_MS): boolean {
    return this.#keeper.parts.now() - since > grace
  }

  #freeLost(own: OwnBlock): void {
    const used = this.#keeper.parts.used(own.ref)
    for (const [ip, since] of [...own.held]) {
      const grace = since <= this.#begun ? FORMER_GRACE_MS : GRACE_MS
      if (used.has(ip) || !this.#isOld(since, grace)) continue
      this.#keeper.blocks.putBack(own, ip)
      this.#keeper.parts.logger.info({ address: ip }, 'address that no endpoint uses freed')
    }
  }

  /** Empty for long, and there is another block with room. */
  #isIdle(own: OwnBlock): boolean {
    const { blocks, parts } = this.#keeper
    const idle = parts.now() - own.touched
    // The plugin died between forgetting the pool and noting that it has to be dropped.
    if (parts.usage(own.ref) === 'none') return idle > GRACE_MS
    if (own.held.size > 0 || idle < REST_MS) return false
    if ([...parts.used(own.ref).keys()].some((ip) => own.has(ip))) return false
    return blocks.of(own.ref).some((other) => other !== own && other.free > 0)
  }

  async #giveBack(own: OwnBlock): Promise<void> {
    const { blocks } = this.#keeper
    if (blocks.get(own.ref, own.block) !== own || own.revision === undefined) return
    if (this.#isIdle(own)) await this.#keeper.giveBack(own)
  }

  /** Wishes of a former run: nobody waits for them. */
  async #sweepAsks(): Promise<void> {
    const { store, host } = this.#keeper.parts
    const { entries } = await store.list(keys.allAsks)
    for (const { key, value } of entries) {
      if (documents.ask.decode(value)?.from !== host || this.#borrower.isOpen(key)) continue
      await store.txn([], [{ delete: key }])
    }
  }

  /** Borrowed by this host, and nobody uses it. */
  #isStray(ref: PoolRef, ip: Ip, { host, kind }: AddressDocument): boolean {
    const { parts } = this.#keeper
    if (host !== parts.host || kind !== 'endpoint' || parts.usage(ref) === 'unbound') return false
    const since = this.#borrower.since(ref, ip)
    if (since !== undefined && !this.#isOld(since)) return false
    return !parts.used(ref).has(ip) && !this.#borrower.isAsking(ref)
  }
}

function isUnsettled(own: OwnBlock): boolean {
  return own.revision === undefined || own.doubtful
}
