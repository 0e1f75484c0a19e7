/**
 * Which host decides on which block, and which addresses are outside of that: reserved, or lent.
 * Only this file and address-plan.ts write /blocks and /addresses (pool-register.ts removes both with
 * their pool). docs/design/ipam.md says why this is safe.
 */
import { type Cidr, contains, type Ip } from '../core/ip.js'
import type { Entry, Guard, Store, Write } from '../core/ports.js'
import type { HostId } from '../core/types.js'
import { type AddressDocument, documents } from '../state/documents.js'
import { blockOfKey, keys, lastPart, type PoolRef } from '../state/keys.js'
import { retryConflicts } from '../state/retry.js'

/** Blocks deleted in one transaction: each takes a guard and a write, of 128 that etcd allows. */
const BATCH = 50

export class BlockRegister {
  readonly #store: Store
  readonly #host: HostId

  constructor(store: Store, host: HostId) {
    this.#store = store
    this.#host = host
  }

  /** All claimed blocks of a pool with their owners. */
  async owners(ref: PoolRef, signal?: AbortSignal): Promise<ReadonlyMap<Cidr, HostId>> {
    const { entries } = await this.#store.list(keys.blocks(ref), signal)
    return new Map(entries.map((entry) => [blockOfKey(entry.key), ownerOf(entry)]))
  }

  /** undefined when nobody has claimed it */
  async owner(ref: PoolRef, block: Cidr, signal?: AbortSignal): Promise<HostId | undefined> {
    const entry = await this.#store.get(keys.block(ref, block), signal)
    return entry && ownerOf(entry)
  }

  /** The owner of the block in which the address is, however long that is. */
  async ownerAt(ref: PoolRef, ip: Ip, signal?: AbortSignal): Promise<HostId | undefined> {
    for (const [block, host] of await this.owners(ref, signal)) {
      if (contains(block, ip)) return host
    }
    return undefined
  }

  /**
   * @param pool revision of the pool's key, as it may be cut anew
   * @returns the revision of the key; undefined when somebody has it or the pool is another by now
   */
  async claim(
    ref: PoolRef,
    block: Cidr,
    pool: number,
    signal?: AbortSignal,
  ): Promise<number | undefined> {
    const key = keys.block(ref, block)
    const guards: readonly Guard[] = [
      { key, is: 'absent' },
      { key: keys.pool(ref), is: 'unchanged', revision: pool },
    ]
    const value = documents.block.encode({ host: this.#host })
    const { done, revision } = await this.#store.txn(guards, [{ put: key, value }], signal)
    return done ? revision : undefined
  }

  /**
   * Writes the key of an own block again: whatever transaction of ours is still on its way, from
   * before a restart or after a lost answer, demands the old revision and fails from here on.
   * @returns the new revision; undefined when the block is not ours
   */
  touch(ref: PoolRef, block: Cidr, signal?: AbortSignal): Promise<number | undefined> {
    const key = keys.block(ref, block)
    return retryConflicts(`block ${block}`, signal, async () => {
      const entry = await this.#store.get(key, signal)
      if (entry === undefined || ownerOf(entry) !== this.#host) return { revision: undefined }
      const guard: Guard = { key, is: 'unchanged', revision: entry.revision }
      const again = { put: key, value: entry.value }
      const { done, revision } = await this.#store.txn([guard], [again], signal)
      return done ? { revision } : undefined
    }).then(({ revision }) => revision)
  }

  /** The addresses of a pool that their blocks' owners do not decide on. */
  async outside(ref: PoolRef, signal?: AbortSignal): Promise<ReadonlyMap<Ip, AddressDocument>> {
    const { entries } = await this.#store.list(keys.addresses(ref), signal)
    const found = new Map<Ip, AddressDocument>()
    for (const { key, value } of entries) {
      const unreadable: AddressDocument = { host: '', kind: 'reserved' }
      found.set(lastPart(key) as Ip, documents.address.decode(value) ?? unreadable)
    }
    return found
  }

  /** Who has an address outside of its block's owner's decision. */
  async outsider(
    ref: PoolRef,
    ip: Ip,
    signal?: AbortSignal,
  ): Promise<{ readonly document: AddressDocument; readonly revision: number } | undefined> {
    const entry = await this.#store.get(keys.address(ref, ip), signal)
    if (entry === undefined) return undefined
    const document = documents.address.decode(entry.value) ?? { host: '', kind: 'reserved' }
    return { document, revision: entry.revision }
  }

  /**
   * Puts an address outside.
   * @param guards of its block: absent, in a pool that is cut as it was, or ours and unchanged
   * @param more written with it, and demanded with it
   */
  async putOutside(
    ref: PoolRef,
    ip: Ip,
    document: AddressDocument,
    guards: readonly Guard[],
    writes: readonly Write[],
    signal?: AbortSignal,
  ): Promise<boolean> {
    const key = keys.address(ref, ip)
    const all: readonly Guard[] = [
      ...guards,
      { key, is: 'absent' },
      { key: keys.pool(ref), is: 'present' },
    ]
    const put = { put: key, value: documents.address.encode(document) }
    return (await this.#store.txn(all, [put, ...writes], signal)).done
  }

  /** Makes sure that no removal of the address is still on its way. @returns false when it is gone */
  async keepOutside(
    ref: PoolRef,
    ip: Ip,
    revision: number,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const key = keys.address(ref, ip)
    const value = documents.address.encode({ host: this.#host, kind: 'endpoint' })
    const guard: Guard = { key, is: 'unchanged', revision }
    return (await this.#store.txn([guard], [{ put: key, value }], signal)).done
  }

  /** Back under its block's owner; does nothing if it has changed since that revision. */
  async removeOutside(ref: PoolRef, ip: Ip, revision: number, signal?: AbortSignal): Promise<void> {
    const key = keys.address(ref, ip)
    await this.#store.txn([{ key, is: 'unchanged', revision }], [{ delete: key }], signal)
  }

  /** Gives one block back; does nothing if its key has changed since that revision. */
  async giveBack(ref: PoolRef, block: Cidr, revision: number, signal?: AbortSignal): Promise<void> {
    const key = keys.block(ref, block)
    await this.#store.txn([{ key, is: 'unchanged', revision }], [{ delete: key }], signal)
  }

  /** Gives back all that this host has of a pool: its blocks, and what it has borrowed. */
  async giveAllBack(ref: PoolRef, signal?: AbortSignal): Promise<void> {
    const blocks = await this.#store.list(keys.blocks(ref), signal)
    const addresses = await this.#store.list(keys.addresses(ref), signal)
    const mine = [
      ...blocks.entries.filter((entry) => ownerOf(entry) === this.#host),
      ...addresses.entries.filter(({ value }) => this.#isBorrowed(value)),
    ]
    for (let at = 0; at < mine.length; at += BATCH) {
      const part = mine.slice(at, at + BATCH)
      const guards = part.map(({ key, revision }): Guard => ({ key, is: 'unchanged', revision }))
      await this.#store.txn(
        guards,
        part.map(({ key }) => ({ delete: key })),
        signal,
      )
    }
    if (mine.length > 0) await this.giveAllBack(ref, signal)
  }

  #isBorrowed(value: string): boolean {
    const document = documents.address.decode(value)
    return document?.host === this.#host && document.kind === 'endpoint'
  }
}

function ownerOf(entry: Entry): HostId {
  return documents.block.decode(entry.value)?.host ?? 'unknown'
}
