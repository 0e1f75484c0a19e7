/**
 * Addresses by blocks: what lies in a block of this host is decided here and at once, whether the
 * store can be reached or not; anything else is claimed, or asked of its owner, through the store.
 */
import { within, withLimit } from '../core/deadline.js'
import { hasCode, type TsoverlayError } from '../core/errors.js'
import { type Cidr, type Ip, prefixLength, withPrefixOf } from '../core/ip.js'
import type { PoolDocument } from '../state/documents.js'
import { keys, type PoolRef } from '../state/keys.js'
import type { AddressBook, Choice, Claim, HoldOptions } from './address-book.js'
import { BlockCare } from './block-care.js'
import { BlockKeeper, type BlockParts } from './block-keeper.js'
import { Borrower } from './borrower.js'
import { isUsable } from './candidates.js'
import { Claims } from './claims.js'
import { FullPool } from './full-pool.js'
import { exhaustedError, unusableError } from './ipam-errors.js'
import { onLinkOf } from './routed-block.js'
import { RoutedPools } from './routed-pools.js'

/** How long an owner has to answer, and how long a start may wait for the first look at the store. */
const ANSWER_MS = 2_000
const FIRST_LOOK_MS = 1_500
/** A pool of fewer blocks is not claimed ahead of need: others want some, too. */
const PREFETCH_BITS = 3

export class BlockBook implements AddressBook {
  readonly #keeper: BlockKeeper
  readonly #borrower: Borrower
  readonly #care: BlockCare
  readonly #claims: Claims
  readonly #full: FullPool
  readonly #routed: RoutedPools
  readonly #growing = new Set<string>()
  #looked: Promise<unknown> | undefined

  constructor(parts: BlockParts & { readonly answerMs?: number }) {
    this.#keeper = new BlockKeeper(parts)
    this.#borrower = new Borrower(this.#keeper)
    this.#care = new BlockCare(this.#keeper, this.#borrower)
    this.#routed = new RoutedPools(this.#keeper)
    const answerMs = parts.answerMs ?? ANSWER_MS
    this.#claims = new Claims(this.#keeper, this.#borrower, answerMs)
    this.#full = new FullPool(this.#keeper, this.#borrower, this.#claims, answerMs)
  }

  /**
   * Begins to answer others and to look after the own blocks.
   * @param announced resolves when the store was told that this host is here, or does not answer
   */
  start(announced: Promise<void> = Promise.resolve()): void {
    const routed = [...this.#keeper.blocks.all()].filter((own) => own.routed)
    const pools = new Map(routed.map(({ ref }) => [keys.pool(ref), ref]))
    for (const ref of pools.values()) this.#keeper.onBlocksChanged(ref)
    this.#looked = within(this.#care.start(announced), FIRST_LOOK_MS).then(() => {
      this.#looked = undefined
    })
  }

  close(): Promise<void> {
    return this.#care.close()
  }

  /** What is done from time to time; see BlockCare. */
  get care(): BlockCare {
    return this.#care
  }

  /** Pools whose blocks are subnets of their own. */
  get routed(): RoutedPools {
    return this.#routed
  }

  /** This host's own blocks of a routed pool, in the order of their addresses; of others none. */
  ownBlocks(ref: PoolRef): readonly Cidr[] {
    return this.#routed.ownBlocks(ref)
  }

  /** @param listener told of routed pools in which this host has other blocks than before, and at `start` */
  onBlocksChanged(listener: (ref: PoolRef) => void): void {
    this.#keeper.onBlocksChanged = listener
  }

  /** Blocks of this host in a pool, and the addresses handed out of them or borrowed. */
  holdings(ref: PoolRef): { readonly blocks: number; readonly addresses: readonly Ip[] } {
    const blocks = this.#keeper.blocks.of(ref)
    return { blocks: blocks.length, addresses: blocks.flatMap((own) => [...own.held.keys()]) }
  }

  pools(space: string | undefined, signal?: AbortSignal): Promise<readonly PoolDocument[]> {
    return this.#keeper.pools.pools(space, signal)
  }

  hold(ref: PoolRef, signal?: AbortSignal, options?: HoldOptions): Promise<PoolDocument> {
    return this.#keeper.pools.hold(ref, signal, options)
  }

  async prepare(choice: Choice, signal?: AbortSignal): Promise<void> {
    await this.#keeper.grow(choice, false, signal)
  }

  drop(ref: PoolRef, signal?: AbortSignal): Promise<void> {
    const { blocks, register, pools } = this.#keeper
    return this.#keeper.serial(ref, async () => {
      for (const own of blocks.of(ref)) blocks.forget(own)
      this.#borrower.forgetPool(ref)
      await register.giveAllBack(ref, signal)
      await pools.drop(ref, signal)
    })
  }

  async gateway(
    ref: PoolRef,
    wanted: Ip | undefined,
    subPool: Cidr | undefined,
    signal?: AbortSignal,
  ): Promise<Ip> {
    const ip = wanted ?? (await this.#keeper.pools.knownGateway(ref, subPool, signal))
    await this.claim({ ...ref, ip, kind: 'reserved' }, signal)
    const noted = await this.#keeper.pools.noteGateway(ref, ip, signal)
    return wanted ?? noted
  }

  async claim(claim: Claim, signal?: AbortSignal): Promise<void> {
    if (!isUsable(claim.pool, claim.ip)) throw unusableError(claim.pool, claim.ip)
    await this.#looked
    await this.#claims.take(claim, signal)
    if (claim.kind === 'endpoint') this.#prefetch(claim)
  }

  async claimNow({ ip, kind, ...ref }: Claim): Promise<boolean> {
    if (kind !== 'endpoint' || !isUsable(ref.pool, ip)) return false
    await this.#looked
    const own = this.#keeper.blocks.holding(ref, ip)
    const taken = own?.take(ip) === true || this.#borrower.takeBack(ref, ip)
    if (taken) this.#prefetch(ref)
    return taken
  }

  async confirm(ref: PoolRef, ip: Ip, signal?: AbortSignal): Promise<void> {
    const free = !this.#keeper.parts.used(ref).has(ip)
    const held = this.#keeper.blocks.holding(ref, ip)?.held.has(ip) === true
    if (free && (held || this.#borrower.has(ref, ip))) return
    const claim: Claim = { ...ref, ip, kind: 'endpoint' }
    if (!free || !(await this.claimNow(claim))) await this.claim(claim, signal)
  }

  onLink(ref: PoolRef, ip: Ip): Cidr {
    if (!this.#keeper.parts.routed(ref)) return withPrefixOf(ip, ref.pool)
    const own = this.#keeper.blocks.holding(ref, ip)
    return onLinkOf(ip, own?.routed === true ? own.block : undefined)
  }

  async allocate(choices: readonly Choice[], signal?: AbortSignal): Promise<Cidr> {
    await this.#looked
    let failure: unknown
    for (const choice of choices) {
      try {
        const ip = await this.#fromBlocks(choice, signal)
        if (ip !== undefined) return this.onLink(choice, ip)
      } catch (error) {
        failure ??= error
      }
    }
    if (failure !== undefined) throw failure
    let full: TsoverlayError | undefined
    for (const choice of choices) {
      const found = await this.#full.borrow(choice, signal)
      if ('ip' in found) return this.onLink(choice, found.ip)
      full ??= found.full
    }
    throw full ?? exhaustedError(choices[0] ?? { space: '', pool: '' as Cidr }, undefined, 'none')
  }

  /**
   * Makes sure that an address which an endpoint of this host uses is this host's: after the store has
   * lost data it may be nobody's, or in a block that is another host's by now.
   * @throws TsoverlayError ADDRESS_TAKEN when another host has it, OWNER_UNAVAILABLE
   */
  keep(ref: PoolRef, ip: Ip, signal?: AbortSignal): Promise<void> {
    return this.#claims.keep(ref, ip, signal)
  }

  releaseNow(ref: PoolRef, ip: Ip): boolean {
    const own = this.#keeper.blocks.holding(ref, ip)
    if (own?.held.has(ip) !== true) {
      this.#borrower.forget(ref, ip)
      // Nothing is owed for what is free already, as after a reboot.
      return own !== undefined && own.outside(ip) === undefined
    }
    // A late repetition must not free what another container has been given since.
    if (!this.#keeper.parts.used(ref).has(ip)) this.#keeper.blocks.putBack(own, ip)
    return true
  }

  async release(ref: PoolRef, ip: Ip, signal?: AbortSignal): Promise<void> {
    // Handed out since: what was held when it was released went back at once.
    if (this.#keeper.blocks.holding(ref, ip)?.held.has(ip) === true) return
    await this.#borrower.giveBack(ref, ip, signal)
  }

  async #fromBlocks(choice: Choice, signal?: AbortSignal): Promise<Ip | undefined> {
    for (;;) {
      const ip = this.#keeper.blocks.take(choice)
      if (ip !== undefined) {
        this.#prefetch(choice)
        return ip
      }
      if (!(await this.#keeper.grow(choice, false, signal))) return undefined
    }
  }

  /** Claims the next block before it is needed. */
  #prefetch(choice: Choice): void {
    const { blocks, parts } = this.#keeper
    const own = blocks.of(choice)
    const key = keys.pool(choice)
    const [any] = own
    if (any === undefined || this.#growing.has(key) || parts.usage(choice) === 'none') return
    if (prefixLength(any.block) - prefixLength(choice.pool) < PREFETCH_BITS) return
    const free = own.reduce((sum, each) => sum + each.free, 0)
    if (free >= Math.max(2, Math.min(16, any.size / 4))) return
    this.#growing.add(key)
    const grown = withLimit(FIRST_LOOK_MS * 2, undefined, (limit) =>
      this.#keeper.grow(choice, true, limit),
    )
    void grown
      .catch((error: unknown) => {
        if (!hasCode(error, 'STORE_UNAVAILABLE'))
          parts.logger.debug({ err: `${error}` }, 'prefetch')
      })
      .finally(() => this.#growing.delete(key))
  }
}
