/**
 * The blocks of this host: claimed, checked against the store, widened, and parts of them put
 * outside. What is asynchronous here runs one after the other in each pool; handing out is
 * synchronous and waits for nothing.
 */
import { type Cidr, contains, type Ip, prefixLength } from '../core/ip.js'
import type { Guard, Logger, Store, Write } from '../core/ports.js'
import type { EndpointId, HostId } from '../core/types.js'
import type { AddressDocument } from '../state/documents.js'
import { keys, type PoolRef } from '../state/keys.js'
import { retryConflicts } from '../state/retry.js'
import type { Choice } from './address-book.js'
import { BlockRegister } from './block-register.js'
import { Cuts, firstFree, type Shape } from './cuts.js'
import type { LoanShelf } from './loans.js'
import type { OwnBlock } from './own-block.js'
import { type BlockShelf, OwnBlocks } from './own-blocks.js'
import { PoolRegister } from './pool-register.js'

export interface BlockParts {
  readonly store: Store
  readonly host: HostId
  readonly boot: string
  readonly shelf: BlockShelf
  readonly loans: LoanShelf
  /** addresses of a pool that endpoints of this host use */
  readonly used: (ref: PoolRef) => ReadonlyMap<Ip, EndpointId>
  /** whether a network of this host uses the pool that has routes to blocks */
  readonly routed: (ref: PoolRef) => boolean
  /** whether networks of ours use the pool; `unbound`: handed out, but not yet to a network */
  readonly usage: (ref: PoolRef) => 'bound' | 'unbound' | 'none'
  readonly logger: Logger
  /** awaited before a block is claimed that this host had no part in; see epoch.ts */
  readonly beforeClaim?: (signal?: AbortSignal) => Promise<void>
  /** milliseconds, never going back */
  readonly now: () => number
}

export class BlockKeeper {
  readonly parts: BlockParts
  readonly blocks: OwnBlocks
  readonly pools: PoolRegister
  readonly register: BlockRegister
  /** told of routed pools in which this host has other blocks than before */
  onBlocksChanged: (ref: PoolRef) => void = () => undefined
  readonly #cuts: Cuts
  readonly #queues = new Map<string, Promise<unknown>>()

  constructor(parts: BlockParts) {
    const { store, host, shelf, boot, now } = parts
    this.parts = parts
    const onChange = (ref: PoolRef): void => this.onBlocksChanged(ref)
    this.blocks = new OwnBlocks({ shelf, boot, now, onChange })
    this.pools = new PoolRegister(store, host)
    this.register = new BlockRegister(store, host)
    this.#cuts = new Cuts({ pools: this.pools, register: this.register, host })
  }

  /** Runs one work of a pool after the other. */
  serial<T>(ref: PoolRef, work: () => Promise<T>): Promise<T> {
    const key = keys.pool(ref)
    const before = this.#queues.get(key) ?? Promise.resolve()
    const mine = before.then(work)
    const ended = mine.then(
      () => undefined,
      () => undefined,
    )
    this.#queues.set(key, ended)
    void ended.then(() => {
      if (this.#queues.get(key) === ended) this.#queues.delete(key)
    })
    return mine
  }

  /**
   * Claims a block that has a free address, unless there is one already.
   * @param spare claim one more in any case
   * @returns false when all blocks have owners
   * @throws TsoverlayError POOL_UNKNOWN
   */
  async grow(choice: Choice, spare: boolean, signal?: AbortSignal): Promise<boolean> {
    const enough = (): boolean => !spare && this.blocks.free(choice) !== undefined
    // Not in the queue: in it, blocks that the store has lost are claimed again.
    if (!enough()) await this.parts.beforeClaim?.(signal)
    return this.serial(choice, async () => {
      if (enough()) return true
      return retryConflicts(`a block of ${choice.pool}`, signal, async () => {
        // The shape first: who claims by a former one has done so before it, and is among the owners.
        const shape = await this.#cuts.shape(choice, signal)
        const owners = await this.register.owners(choice, signal)
        await this.#adoptForgotten(choice, shape, owners, signal)
        if (enough()) return true
        const next = firstFree(shape, choice.subPool, owners)
        if (next === undefined) return false
        const claimed = await this.#claim(choice, next, shape, signal)
        return claimed && (spare || enough()) ? true : undefined
      })
    })
  }

  /** Claims one block, or takes back one that is ours though the journal does not say so. */
  obtain(ref: PoolRef, block: Cidr, signal?: AbortSignal): Promise<void> {
    return this.serial(ref, async () => {
      if (this.blocks.get(ref, block) !== undefined) return
      const shape = await this.#cuts.shape(ref, signal)
      const isFree = await this.#cuts.isApart(ref, block, shape, signal)
      if (isFree && (await this.#claim(ref, block, shape, signal))) return
      await this.#adopt(ref, block, shape, signal)
    })
  }

  /** Takes up a block that the store calls ours: a claim's answer got lost, or the journal did. */
  adopt(ref: PoolRef, block: Cidr, signal?: AbortSignal): Promise<void> {
    return this.serial(ref, async () => {
      if (this.blocks.get(ref, block) !== undefined) return
      await this.#adopt(ref, block, await this.#cuts.shape(ref, signal), signal)
    })
  }

  /** To be called in `serial`. */
  async giveBack(own: OwnBlock, signal?: AbortSignal): Promise<void> {
    const { ref, block } = own
    // Out of the journal first: from here on nothing is handed out of it, whatever happens.
    this.blocks.forget(own)
    const revision = await this.register.touch(ref, block, signal)
    if (revision !== undefined) await this.register.giveBack(ref, block, revision, signal)
  }

  /** Makes blocks what the store says of them; those that are not ours any more are dropped. */
  async settle(ref: PoolRef, blocks: readonly OwnBlock[], signal?: AbortSignal): Promise<void> {
    for (const own of blocks) {
      if (!this.#isCurrent(own)) continue
      own.revision = await this.register.touch(ref, own.block, signal)
      if (own.revision === undefined) await this.#lose(own, signal)
    }
    await this.refresh(ref, new Set(blocks), signal)
  }

  /**
   * Notes which addresses came back or went outside.
   * @param settled these may shrink what is outside although they were in doubt
   */
  async refresh(ref: PoolRef, settled: ReadonlySet<OwnBlock>, signal?: AbortSignal): Promise<void> {
    const outside = await this.register.outside(ref, signal)
    for (const own of this.blocks.of(ref)) {
      if (own.revision === undefined || (own.doubtful && !settled.has(own))) continue
      const inside = [...outside].filter(([ip]) => own.has(ip))
      own.setOutside(new Map(inside), this.blocks.nextRelease())
    }
  }

  /**
   * Puts a free address of an own block outside: reserves it, or lends it. To be called in `serial`.
   * @returns `held` by a container here, `again` when a guard did not hold
   */
  async putOutside(
    own: OwnBlock,
    ip: Ip,
    document: AddressDocument,
    also: { readonly guards: readonly Guard[]; readonly writes: readonly Write[] },
    signal?: AbortSignal,
  ): Promise<'done' | 'held' | 'again'> {
    const { ref, block } = own
    if (own.revision === undefined || own.doubtful) await this.settle(ref, [own], signal)
    if (!this.#isCurrent(own) || own.revision === undefined) return 'again'
    if (own.outside(ip) !== undefined) return 'again'
    // First here, then in the store: in between nobody has it.
    if (!own.putOutside(ip, document)) return 'held'
    own.doubtful = true
    const unchanged = {
      key: keys.block(ref, block),
      is: 'unchanged',
      revision: own.revision,
    } as const
    const guards = [unchanged, ...also.guards]
    const done = await this.register.putOutside(ref, ip, document, guards, also.writes, signal)
    if (!done) await this.settle(ref, [own], signal)
    own.doubtful = false
    return done ? 'done' : 'again'
  }

  /** False for one that was given up, and perhaps claimed anew, since the caller looked. */
  #isCurrent(own: OwnBlock): boolean {
    return this.blocks.get(own.ref, own.block) === own
  }

  async #adoptForgotten(
    ref: PoolRef,
    shape: Shape,
    owners: ReadonlyMap<Cidr, HostId>,
    signal?: AbortSignal,
  ): Promise<void> {
    for (const [block, host] of owners) {
      if (host === this.parts.host) await this.#adopt(ref, block, shape, signal)
    }
  }

  async #adopt(ref: PoolRef, block: Cidr, shape: Shape, signal?: AbortSignal): Promise<void> {
    if (this.blocks.get(ref, block) !== undefined) return
    const revision = await this.register.touch(ref, block, signal)
    if (revision === undefined) return
    const used = [...this.parts.used(ref).keys()].some((ip) => contains(block, ip))
    // Of a length that the pool had before it became a routed one: this host died as it gave it back.
    if (shape.routed && prefixLength(block) !== shape.length && !used)
      await this.register.giveBack(ref, block, revision, signal)
    else await this.#enter(ref, block, revision, shape.routed, signal)
  }

  async #claim(ref: PoolRef, block: Cidr, shape: Shape, signal?: AbortSignal): Promise<boolean> {
    const revision = await this.register.claim(ref, block, shape.revision, signal)
    if (revision !== undefined) await this.#enter(ref, block, revision, shape.routed, signal)
    return revision !== undefined
  }

  /** Only when it is known what is outside may anything be handed out. */
  async #enter(
    ref: PoolRef,
    block: Cidr,
    revision: number,
    routed: boolean,
    signal?: AbortSignal,
  ): Promise<OwnBlock> {
    const outside = await this.register.outside(ref, signal)
    const own = this.blocks.add(ref, block, routed)
    own.revision = revision
    own.setOutside(new Map([...outside].filter(([ip]) => own.has(ip))), 0)
    for (const ip of this.parts.used(ref).keys()) {
      if (own.has(ip) && own.outside(ip) === undefined) own.adopt(ip)
    }
    own.save()
    this.parts.logger.info({ pool: ref.pool, block }, 'address block claimed')
    return own
  }

  /** @throws TsoverlayError STORE_UNAVAILABLE: then it stays suspended, and is settled later */
  async #lose(own: OwnBlock, signal?: AbortSignal): Promise<void> {
    const { ref, block } = own
    own.suspended = true
    const held = [...own.held.keys()]
    // A store that lost its data: what our containers have is taken again, if nobody else was faster.
    const revision = held.length === 0 ? undefined : await this.#claimAgain(own, signal)
    this.blocks.forget(own)
    if (revision === undefined) {
      const fields = { pool: ref.pool, block, held: held.length }
      this.parts.logger.warn(fields, 'address block is not ours in the store, dropped')
      return
    }
    const again = await this.#enter(ref, block, revision, own.routed, signal)
    for (const ip of held) if (again.outside(ip) === undefined) again.adopt(ip)
    again.save()
  }

  async #claimAgain(
    { ref, block, routed }: OwnBlock,
    signal?: AbortSignal,
  ): Promise<number | undefined> {
    const known = (await this.pools.pools(ref.space, signal)).some(({ pool }) => pool === ref.pool)
    // Its pool may be lost as well.
    if (!known && this.parts.usage(ref) === 'none') return undefined
    if (!known) await this.pools.hold(ref, signal, { former: prefixLength(block), routed })
    else if (routed) await this.pools.route(ref, signal)
    const shape = await this.#cuts.shape(ref, signal)
    if (!(await this.#cuts.isApart(ref, block, shape, signal))) return undefined
    return this.register.claim(ref, block, shape.revision, signal)
  }
}
