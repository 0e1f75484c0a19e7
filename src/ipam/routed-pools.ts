/**
 * Pools whose blocks are subnets of their own. RequestPool does not say the backend, so a pool becomes
 * one when its network is made; until then nothing but reserved addresses was handed out of it, so
 * that it can be cut anew (docs/design/ipam.md).
 */
import { type Cidr, prefixLength, rangeOf } from '../core/ip.js'
import type { Change } from '../core/ports.js'
import type { PoolRef } from '../state/keys.js'
import type { Choice } from './address-book.js'
import type { BlockKeeper } from './block-keeper.js'
import { blockLength } from './block-size.js'
import { inUseError } from './ipam-errors.js'

export class RoutedPools {
  readonly #keeper: BlockKeeper

  constructor(keeper: BlockKeeper) {
    this.#keeper = keeper
  }

  /** This host's own blocks of a routed pool, in the order of their addresses; of others none. */
  ownBlocks(ref: PoolRef): readonly Cidr[] {
    return this.#keeper.blocks
      .of(ref)
      .filter(({ routed }) => routed)
      .map(({ block }) => block)
      .sort((a, b) => (rangeOf(a).first < rangeOf(b).first ? -1 : 1))
  }

  /**
   * What makes the pool a routed one, to be written with its network.
   * @returns undefined when it is one
   * @throws TsoverlayError POOL_UNKNOWN, POOL_INVALID when it is too small, OPTION_INVALID when
   * `--ipam-opt block=N` does not fit
   */
  routing(ref: PoolRef, signal?: AbortSignal): Promise<Change | undefined> {
    return this.#keeper.pools.routing(ref, signal)
  }

  /** Makes it one, where the network is there already. @throws TsoverlayError as routing */
  route(ref: PoolRef, signal?: AbortSignal): Promise<void> {
    return this.#keeper.pools.route(ref, signal)
  }

  /**
   * Gives back this host's blocks of the length that the pool had before, and claims one of those that
   * it has now. To be called before any container is on the network here.
   * @throws TsoverlayError POOL_UNKNOWN, POOL_IN_USE when addresses were handed out all the same
   */
  async cutAnew(choice: Choice, signal?: AbortSignal): Promise<void> {
    const { blocks, pools } = this.#keeper
    await this.#keeper.serial(choice, async () => {
      const length = blockLength((await pools.pool(choice, signal)).document)
      const former = blocks
        .of(choice)
        .filter((own) => !own.routed || prefixLength(own.block) !== length)
      if (former.some((own) => own.held.size > 0)) throw inUseError(choice.pool)
      for (const own of former) await this.#keeper.giveBack(own, signal)
    })
    await this.#keeper.grow(choice, false, signal)
  }
}
