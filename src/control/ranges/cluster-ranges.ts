/** The ranges that all hosts use themselves, for who makes a network. */

import { backendsThat } from '../../backends/index.js'
import { TsoverlayError } from '../../core/errors.js'
import { type Cidr, contains, overlaps } from '../../core/ip.js'
import { poolsOf } from '../../core/pools.js'
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
   * @throws TsoverlayError POOL_OVERLAP naming host and range, or the routed network,
   * STORE_UNAVAILABLE
   */
  async refuse(network: Network, ipam: Binding['ipam'], signal?: AbortSignal): Promise<void> {
    const { own } = this.#parts
    const ranges = await this.#all(signal)
    const clash = clashOf(network, ranges, own.isChosen(ipam))
    if (clash !== undefined)
      throw await this.#error(clash.pool, describeRange(clash.with), ranges, signal)
    await this.#refuseRoutes(network, ranges, signal)
  }

  /**
   * Checks a network that is new in the cluster and has its routes in the hosts' own tables.
   * @throws TsoverlayError POOL_OVERLAP naming the other such network, or the host whose address it is
   */
  async refuseRouted(network: Network, signal?: AbortSignal): Promise<void> {
    const ranges = await this.#all(signal)
    await this.#refuseRoutes(network, ranges, signal)
    const { entries } = await this.#parts.store.list(keys.hosts, signal)
    for (const host of entries.flatMap(({ value }) => documents.host.decode(value) ?? [])) {
      const pool = poolsOf(network).find((each) => contains(each, host.vtep))
      if (pool === undefined) continue
      const what = `${host.vtep}, the address by which host ${host.name} is reached`
      throw await this.#error(pool, what, ranges, signal)
    }
  }

  /** A routed network's pools are in the hosts' own tables: whatever else is there is cut off. */
  async #refuseRoutes(
    network: Network,
    ranges: readonly HostRange[],
    signal?: AbortSignal,
  ): Promise<void> {
    const { store } = this.#parts
    const { entries } = await store.list(keys.networks, signal)
    const networks = entries.flatMap(({ value }) => documents.network.decode(value) ?? [])
    for (const other of networks) {
      if (other.key === network.key || !hasRoutes(other)) continue
      for (const range of poolsOf(other)) {
        const pool = poolsOf(network).find((each) => overlaps(each, range))
        if (pool === undefined) continue
        const entry = await store.get(keys.publication(other.key), signal)
        const name = (entry && documents.publication.decode(entry.value)?.name) ?? other.identity
        const what = `${range} of network ${name}, which all hosts have routes to (backend ${other.backend})`
        throw await this.#error(pool, what, ranges, signal)
      }
    }
  }

  async #error(
    pool: Cidr,
    other: string,
    ranges: readonly HostRange[],
    signal?: AbortSignal,
  ): Promise<TsoverlayError> {
    const { entries } = await this.#parts.store.list(keys.allPools, signal)
    const pools = entries.flatMap(({ value }) => documents.pool.decode(value)?.pool ?? [])
    const free = chooseIpv4([...pools, ...ranges.map(({ range }) => range)])
    const example = free === undefined ? '' : ` such as ${free}`
    return new TsoverlayError(
      'POOL_OVERLAP',
      `subnet ${pool} overlaps ${other}: choose another --subnet${example}`,
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

/** False for a backend of another version. */
function hasRoutes({ backend }: Network): boolean {
  return backendsThat(({ onLink }) => onLink === 'block').includes(backend)
}
