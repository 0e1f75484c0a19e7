/**
 * Blocks of a routed network as peers: those that hosts have claimed, and as a range of its own each
 * address that a host has outside of its blocks, by `--ip` or because no block was free. In the kernel
 * the longer prefix wins, so such an address is found whichever block it lies in.
 */
import { type Ip, rangeOfOne } from '../../core/ip.js'
import { poolsOf } from '../../core/pools.js'
import type { Logger, Store } from '../../core/ports.js'
import type { Block, Network, Peer } from '../../core/types.js'
import { documents } from '../../state/documents.js'
import { blockOfKey, keys, lastPart } from '../../state/keys.js'
import { type ChangeListener, Mirror } from '../../state/mirror.js'
import type { PeerSource } from './peer-source.js'

export interface BlockPeersOptions {
  readonly store: Store
  readonly network: Pick<Network, 'space' | 'segments'>
  readonly logger: Logger
  /** the store is at an earlier revision than before */
  readonly onRegress?: () => void
}

/** An address that no host has: it is reserved on all. */
const NOBODY = { id: '' } as const
type Held = Block | typeof NOBODY

/** Of all pools of one network; this host's own blocks are among them. By their keys in the store. */
export class BlockPeers implements PeerSource {
  readonly #mirrors: readonly Mirror<Held>[]

  constructor({ store, network, logger, onRegress = () => undefined }: BlockPeersOptions) {
    this.#mirrors = poolsOf(network).flatMap((pool) => {
      const ref = { space: network.space, pool }
      const shared = { store, logger, onRegress }
      return [
        new Mirror<Held>({ ...shared, prefix: keys.blocks(ref), decode: claimed }),
        new Mirror<Held>({ ...shared, prefix: keys.addresses(ref), decode: lent }),
      ]
    })
  }

  start(): void {
    for (const mirror of this.#mirrors) mirror.start()
  }

  async close(): Promise<void> {
    await Promise.all(this.#mirrors.map((mirror) => mirror.close()))
  }

  async synced(signal?: AbortSignal): Promise<void> {
    await Promise.all(this.#mirrors.map((mirror) => mirror.synced(signal)))
  }

  get size(): number {
    let size = 0
    for (const _entry of this.entries()) size += 1
    return size
  }

  get(key: string): Block | undefined {
    for (const mirror of this.#mirrors) {
      const held = mirror.get(key)
      if (held !== undefined) return blockOf(held)
    }
    return undefined
  }

  *entries(): Generator<[string, Block]> {
    for (const mirror of this.#mirrors) {
      for (const [key, held] of mirror.entries()) {
        const block = blockOf(held)
        if (block !== undefined) yield [key, block]
      }
    }
  }

  /** @returns a function that removes the listener */
  onChange(listener: ChangeListener<Peer>): () => void {
    const removals = this.#mirrors.map((mirror) =>
      mirror.onChange((changed) => {
        const peers = new Map<string, Block | undefined>()
        for (const [key, former] of changed) {
          const block = blockOf(former)
          if (block !== undefined || blockOf(mirror.get(key)) !== undefined) peers.set(key, block)
        }
        if (peers.size > 0) listener(peers)
      }),
    )
    return () => {
      for (const remove of removals) remove()
    }
  }
}

function blockOf(held: Held | undefined): Block | undefined {
  return held !== undefined && 'range' in held ? held : undefined
}

function claimed(key: string, value: string): Held | undefined {
  const document = documents.block.decode(value)
  const range = blockOfKey(key)
  return document && { id: range, host: document.host, range }
}

/** Of one that is reserved nobody has a route. */
function lent(key: string, value: string): Held | undefined {
  const document = documents.address.decode(value)
  if (document === undefined || document.kind === 'reserved') return document && NOBODY
  const ip = lastPart(key) as Ip
  const range = rangeOfOne(ip)
  return { id: range, host: document.host, range }
}
