/**
 * How pools are cut into blocks. One that becomes a routed pool is cut anew, and other hosts may have
 * blocks of the former length for a while: none of the new ones shares addresses with them.
 */
import { type Cidr, overlaps, prefixLength } from '../core/ip.js'
import type { HostId } from '../core/types.js'
import type { PoolRef } from '../state/keys.js'
import type { BlockRegister } from './block-register.js'
import { blockLength, blocksOf, type PoolShape } from './block-size.js'
import type { PoolRegister } from './pool-register.js'

/** How a pool is cut, and the revision of its key that says so. */
export interface Shape extends PoolShape {
  readonly routed: boolean
  readonly revision: number
}

export interface CutsParts {
  readonly pools: PoolRegister
  readonly register: BlockRegister
  readonly host: HostId
}

export class Cuts {
  readonly #parts: CutsParts

  constructor(parts: CutsParts) {
    this.#parts = parts
  }

  /** @throws TsoverlayError POOL_UNKNOWN */
  async shape(ref: PoolRef, signal?: AbortSignal): Promise<Shape> {
    const { pools, host } = this.#parts
    const { document, revision } = await pools.pool(ref, signal)
    const { pool, dockerd, routed = false } = document
    const fromTop = dockerd !== undefined && dockerd !== host
    return { pool, length: blockLength(document), fromTop, routed, revision }
  }

  /**
   * Whether a routed pool is cut into blocks like this one, and nobody has one of a former length
   * that shares addresses with it. True for pools that are never cut anew.
   */
  async isApart(
    ref: PoolRef,
    block: Cidr,
    { routed, length }: Shape,
    signal?: AbortSignal,
  ): Promise<boolean> {
    if (!routed) return true
    if (prefixLength(block) !== length) return false
    const owners = await this.#parts.register.owners(ref, signal)
    return [...owners.keys()].every((other) => other === block || !overlaps(other, block))
  }
}

/** @param owners read after the shape: who claims by a former one is among them, or fails */
export function firstFree(
  shape: Shape,
  subPool: Cidr | undefined,
  owners: ReadonlyMap<Cidr, HostId>,
): Cidr | undefined {
  const others = [...owners.keys()].filter((block) => prefixLength(block) !== shape.length)
  for (const block of blocksOf(shape, subPool)) {
    if (!owners.has(block) && !others.some((other) => overlaps(other, block))) return block
  }
  return undefined
}
