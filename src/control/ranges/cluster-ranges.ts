/** The ranges that all hosts use themselves, for who makes a network. */
import { TsoverlayError } from '../../core/errors.js'
import type { Cidr } from '../../core/ip.js'
import type { Store } from '../../core/ports.js'
import type { HostId, Network } from '../../core/types.js'
import { chooseIpv4 } from '../../ipam/pool-choice.js'
import { type Binding, documents } from '../../state/documents.js'
import { keys, lastPart } from '../../state/keys.js'
import type { OwnRanges } from './own-ranges.js'
import { clashOf, describeRange, type HostRange } from './ranges.js'

export interface ClusterRangesParts {
  readonly store: Store
  readonly self: HostId
  readonly own: Pick<OwnRanges, 'now' | 'isChosen'>
}

export class ClusterRanges {
  readonly #parts: ClusterRangesParts

  constructor(parts: ClusterRangesParts) {
    this.#parts = parts
  }

  /** What must not be chosen. @throws TsoverlayError STORE_UNAVAILABLE, KERNEL_FAILED */
  async taken(): Promise<readonly Cidr[]> {
    return (await this.#all()).map(({ range }) => range)
  }

  /**
   * Checks a network that is new in the cluster.
   * @throws TsoverlayError POOL_OVERLAP naming host and range, STORE_UNAVAILABLE
   */
  async refuse(network: Network, ipam: Binding['ipam'], signal?: AbortSignal): Promise<void> {
    const { store, own } = this.#parts
    const ranges = await this.#all(signal)
    const clash = clashOf(network, ranges, own.isChosen(ipam))
    if (clash === undefined) return
    const { entries } = await store.list(keys.allPools, signal)
    const pools = entries.flatMap(({ value }) => documents.pool.decode(value)?.pool ?? [])
    const free = chooseIpv4([...pools, ...ranges.map(({ range }) => range)])
    const example = free === undefined ? '' : ` such as ${free}`
    throw new TsoverlayError(
      'POOL_OVERLAP',
      `subnet ${clash.pool} overlaps ${describeRange(clash.with)}: choose another --subnet${example}`,
    )
  }

  /** This host's own as they are now. */
  async #all(signal?: AbortSignal): Promise<readonly HostRange[]> {
    const { store, self, own } = this.#parts
    const [{ entries }, mine] = await Promise.all([store.list(keys.allRanges, signal), own.now()])
    const others = entries.flatMap(({ key, value }) => {
      const document = lastPart(key) === self ? undefined : documents.ranges.decode(value)
      if (document === undefined) return []
      return document.ranges.map((range) => ({ ...range, host: document.name }))
    })
    return [...mine, ...others]
  }
}
