/**
 * Blocks of a routed network as peers: those that hosts have claimed, and as a range of its own each
 * address that a host has outside of its blocks, by `--ip` or because no block was free. In the kernel
 * the longer prefix wins, so such an address is found whichever block it lies in.
 *
 * The address plan follows all blocks of the cluster anyhow, so there is no watch of their own.
 */
import { type Ip, rangeOfOne } from '../../core/ip.js'
import { poolsOf } from '../../core/pools.js'
import type { Block, HostId, Network, Peer } from '../../core/types.js'
import type { AddressDocument } from '../../state/documents.js'
import { blockOfKey, keys, lastPart } from '../../state/keys.js'
import type { ChangeListener, Mirror } from '../../state/mirror.js'
import type { PeerSource } from './peer-source.js'

type Followed<T> = Pick<Mirror<T>, 'entries' | 'get' | 'onChange' | 'revision' | 'synced'>

/** What the store has of all pools. */
export interface PoolRecords {
  readonly blocks: Followed<{ readonly host: HostId }>
  readonly addresses: Followed<AddressDocument>
}

/** Of all pools of one network; this host's own blocks are among them. By their keys in the store. */
export class BlockPeers implements PeerSource {
  readonly #records: PoolRecords
  readonly #prefixes: readonly string[]
  readonly #held = new Map<string, Block>()
  readonly #listeners = new Set<ChangeListener<Peer>>()
  readonly #closing = new AbortController()
  #removals: readonly (() => void)[] = []

  constructor(records: PoolRecords, network: Pick<Network, 'space' | 'segments'>) {
    this.#records = records
    this.#prefixes = poolsOf(network).flatMap((pool) => {
      const ref = { space: network.space, pool }
      return [keys.blocks(ref), keys.addresses(ref)]
    })
  }

  start(): void {
    const { blocks, addresses } = this.#records
    this.#removals = [this.#follow(blocks, claimed), this.#follow(addresses, lent)]
  }

  async close(): Promise<void> {
    this.#closing.abort()
    for (const remove of this.#removals) remove()
  }

  async synced(signal?: AbortSignal): Promise<void> {
    const { blocks, addresses } = this.#records
    const own = this.#closing.signal
    const limit = signal === undefined ? own : AbortSignal.any([own, signal])
    await Promise.all([blocks.synced(limit), addresses.synced(limit)])
  }

  get revision(): number {
    const { blocks, addresses } = this.#records
    return Math.max(blocks.revision, addresses.revision)
  }

  get size(): number {
    return this.#held.size
  }

  get(key: string): Block | undefined {
    return this.#held.get(key)
  }

  entries(): Iterable<[string, Block]> {
    return this.#held.entries()
  }

  /** @returns a function that removes the listener */
  onChange(listener: ChangeListener<Peer>): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #follow<T>(
    records: Followed<T>,
    blockOf: (key: string, record: T) => Block | undefined,
  ): () => void {
    const blockAt = (key: string): Block | undefined => {
      const record = this.#isOurs(key) ? records.get(key) : undefined
      return record && blockOf(key, record)
    }
    for (const [key] of records.entries()) this.#put(key, blockAt(key))
    return records.onChange((changed) => {
      const peers = new Map<string, Block | undefined>()
      for (const key of changed.keys()) {
        const [former, now] = [this.#held.get(key), blockAt(key)]
        if (former?.host === now?.host) continue
        this.#put(key, now)
        peers.set(key, former)
      }
      if (peers.size > 0) for (const listener of this.#listeners) listener(peers)
    })
  }

  #put(key: string, block: Block | undefined): void {
    if (block === undefined) this.#held.delete(key)
    else this.#held.set(key, block)
  }

  #isOurs(key: string): boolean {
    return this.#prefixes.some((prefix) => key.startsWith(prefix))
  }
}

function claimed(key: string, { host }: { readonly host: HostId }): Block {
  const range = blockOfKey(key)
  return { id: range, host, range }
}

/** Of one that is reserved nobody has a route: it is on all hosts. */
function lent(key: string, { host, kind }: AddressDocument): Block | undefined {
  if (kind === 'reserved') return undefined
  const range = rangeOfOne(lastPart(key) as Ip)
  return { id: range, host, range }
}
