/** All blocks of this host, in memory and in its journal. */
import { type Cidr, type Ip, prefixLength } from '../core/ip.js'
import type { BlockHold } from '../state/documents.js'
import { blockId } from '../state/journal.js'
import { keys, type PoolRef } from '../state/keys.js'
import type { Choice } from './address-book.js'
import { blockOf, touches } from './block-size.js'
import { OwnBlock } from './own-block.js'
import type { Returned } from './recent.js'

/** The part of the journal that blocks are kept in. */
export interface BlockShelf {
  values(): Iterable<BlockHold>
  put(hold: BlockHold): void
  delete(id: string): void
}

export interface OwnBlocksParts {
  readonly shelf: BlockShelf
  readonly boot: string
  /** told of routed pools whose blocks are others than before */
  readonly onChange: (ref: PoolRef) => void
  /** milliseconds, never going back */
  readonly now: () => number
}

export class OwnBlocks {
  readonly #parts: OwnBlocksParts
  readonly #byPool = new Map<string, Map<Cidr, OwnBlock>>()
  /** by their keys in the store */
  readonly #byKey = new Map<string, OwnBlock>()
  /** prefix lengths of a pool's blocks: one, but where it is just cut anew */
  readonly #lengths = new Map<string, Set<number>>()
  #releases = 0

  constructor(parts: OwnBlocksParts) {
    this.#parts = parts
    for (const hold of [...parts.shelf.values()]) {
      const block = this.#add(hold, hold.block, hold.routed === true, hold)
      this.#releases = Math.max(this.#releases, block.lastRelease)
    }
  }

  *all(): Generator<OwnBlock> {
    for (const blocks of this.#byPool.values()) yield* blocks.values()
  }

  of(ref: PoolRef): readonly OwnBlock[] {
    return [...(this.#byPool.get(keys.pool(ref))?.values() ?? [])]
  }

  get(ref: PoolRef, block: Cidr): OwnBlock | undefined {
    return this.#byPool.get(keys.pool(ref))?.get(block)
  }

  /** @param key of a block in the store */
  at(key: string): OwnBlock | undefined {
    return this.#byKey.get(key)
  }

  /** The own block in which the address lies. */
  holding(ref: PoolRef, ip: Ip): OwnBlock | undefined {
    const pool = keys.pool(ref)
    const blocks = this.#byPool.get(pool)
    for (const length of this.#lengths.get(pool) ?? []) {
      const found = blocks?.get(blockOf(ref.pool, length, ip))
      if (found !== undefined) return found
    }
    return undefined
  }

  /** Without a note in the journal, until `save`. */
  add(ref: PoolRef, block: Cidr, routed: boolean): OwnBlock {
    const made = this.#add(ref, block, routed)
    if (routed) this.#parts.onChange(made.ref)
    return made
  }

  /** From here on nothing is handed out of it, also after a restart. */
  forget({ ref, block, routed }: OwnBlock): void {
    this.#parts.shelf.delete(blockId({ ...ref, block }))
    const pool = keys.pool(ref)
    const blocks = this.#byPool.get(pool)
    blocks?.delete(block)
    this.#byKey.delete(keys.block(ref, block))
    if (blocks?.size === 0) {
      this.#byPool.delete(pool)
      this.#lengths.delete(pool)
    }
    if (routed) this.#parts.onChange(ref)
  }

  /**
   * Takes a free address for a container: the one that the endpoint of its name had last, or where
   * dockerd says no names, one that has just come back (recent.ts); else one never used, else the one
   * released longest ago.
   * @returns undefined when the own blocks have none
   */
  take({ subPool, name, ...ref }: Choice): Ip | undefined {
    const ip =
      (name === undefined ? this.#returned(ref, subPool) : this.#ofName(ref, name, subPool)) ??
      this.free({ ...ref, subPool })
    if (ip === undefined) return undefined
    return this.holding(ref, ip)?.take(ip, { name }) === true ? ip : undefined
  }

  #ofName(ref: PoolRef, name: string, subPool?: Cidr): Ip | undefined {
    for (const block of this.#byPool.get(keys.pool(ref))?.values() ?? []) {
      const ip = block.ofName(name, subPool)
      if (ip !== undefined) return ip
    }
    return undefined
  }

  #returned(ref: PoolRef, subPool?: Cidr): Ip | undefined {
    let latest: Returned | undefined
    for (const block of this.#byPool.get(keys.pool(ref))?.values() ?? []) {
      if (!touches(block.block, subPool)) continue
      const returned = block.returned(subPool)
      if (returned !== undefined && (latest === undefined || returned.at > latest.at))
        latest = returned
    }
    return latest?.ip
  }

  /** A free address for anybody: one never used, else the one released longest ago. */
  free({ subPool, ...ref }: Choice): Ip | undefined {
    let oldest: { ip: Ip; at: number } | undefined
    for (const block of this.#byPool.get(keys.pool(ref))?.values() ?? []) {
      if (block.free <= 0 || !touches(block.block, subPool)) continue
      const fresh = block.fresh(subPool)
      if (fresh !== undefined) return fresh
      const rested = block.rested(subPool)
      if (rested !== undefined && (oldest === undefined || rested.at < oldest.at)) oldest = rested
    }
    return oldest?.ip
  }

  putBack(block: OwnBlock, ip: Ip): void {
    block.putBack(ip, this.nextRelease())
  }

  nextRelease(): number {
    this.#releases += 1
    return this.#releases
  }

  #add(ref: PoolRef, block: Cidr, routed: boolean, hold?: BlockHold): OwnBlock {
    const { shelf, boot, now } = this.#parts
    const save = (each: BlockHold): void => shelf.put(each)
    const made = new OwnBlock({ ref, block, routed, boot, now, save }, hold)
    const pool = keys.pool(ref)
    const lengths = this.#lengths.get(pool) ?? new Set<number>()
    this.#lengths.set(pool, lengths.add(prefixLength(block)))
    const blocks = this.#byPool.get(pool) ?? new Map<Cidr, OwnBlock>()
    this.#byPool.set(pool, blocks)
    blocks.set(block, made)
    this.#byKey.set(keys.block(ref, block), made)
    return made
  }
}
