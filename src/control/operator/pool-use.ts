/** Which addresses of which pool are in use, by the records of the store: pure. */
import { type Cidr, contains, familyOf, type Ip, ipOf, ipToNumber, rangeOf } from '../../core/ip.js'
import { poolsOf } from '../../core/pools.js'
import type { Entry } from '../../core/ports.js'
import type { Network, NetworkKey } from '../../core/types.js'
import { documents } from '../../state/documents.js'
import { keys, lastPart, type PoolRef, poolOfKey } from '../../state/keys.js'

export interface UseRecords {
  readonly networks: readonly Entry[]
  readonly publications: readonly Entry[]
  readonly endpoints: readonly Entry[]
  readonly addresses: readonly Entry[]
}

interface Used {
  readonly ips: Set<Ip>
  readonly reserved: Set<Ip>
  /** made when it is asked for: the addresses that are not reserved */
  sorted?: readonly bigint[]
}

export class PoolUse {
  readonly #networks: ReadonlyMap<NetworkKey, Network>
  readonly #names: ReadonlyMap<NetworkKey, string>
  readonly #used = new Map<string, Used>()

  constructor({ networks, publications, endpoints, addresses }: UseRecords) {
    const all = networks.flatMap(({ value }) => documents.network.decode(value) ?? [])
    this.#networks = new Map(all.map((network) => [network.key, network]))
    const published = publications.flatMap(({ value }) => documents.publication.decode(value) ?? [])
    this.#names = new Map(published.map(({ key, name }) => [key, name]))
    for (const { value } of endpoints) this.#addEndpoint(value)
    for (const { key, value } of addresses) {
      const used = this.#of(poolOfKey(key))
      const ip = lastPart(key) as Ip
      used.ips.add(ip)
      if (documents.address.decode(value)?.kind === 'reserved') used.reserved.add(ip)
    }
  }

  /** What people may call a pool: itself, or a network that has it. */
  isMeant(ref: PoolRef, wanted: string): boolean {
    if (ref.pool === wanted) return true
    return this.#having(ref).some(({ key, identity }) =>
      [key, identity, this.#names.get(key)].includes(wanted),
    )
  }

  about(ref: PoolRef) {
    const networks = this.#having(ref).map(({ key, identity }) => this.#names.get(key) ?? identity)
    const reserved = [...this.#of(ref).reserved].sort()
    return { space: ref.space, networks: networks.sort(), reserved }
  }

  /** How many addresses. */
  inPool(ref: PoolRef): number {
    return this.#of(ref).ips.size
  }

  /** How many of a block, but for those that are reserved. */
  inBlock(ref: PoolRef, block: Cidr): number {
    const { first, last } = rangeOf(block)
    const numbers = this.#sorted(ref)
    return placeOf(numbers, last + 1n) - placeOf(numbers, first)
  }

  #sorted(ref: PoolRef): readonly bigint[] {
    const used = this.#of(ref)
    const { ips, reserved } = used
    used.sorted ??= [...ips]
      .filter((ip) => !reserved.has(ip))
      .map(ipToNumber)
      .sort((a, b) => (a < b ? -1 : 1))
    return used.sorted
  }

  #addEndpoint(value: string): void {
    const endpoint = documents.endpoint.decode(value)
    const network = endpoint && this.#networks.get(endpoint.network)
    if (endpoint === undefined || network === undefined) return
    for (const address of endpoint.addresses) {
      const ip = ipOf(address)
      const pool = poolOf(network, ip)
      if (pool !== undefined) this.#of({ space: network.space, pool }).ips.add(ip)
    }
  }

  #having({ space, pool }: PoolRef): readonly Network[] {
    return [...this.#networks.values()].filter(
      (network) => network.space === space && poolsOf(network).includes(pool),
    )
  }

  #of(ref: PoolRef): Used {
    const key = keys.pool(ref)
    const known = this.#used.get(key)
    if (known !== undefined) return known
    const used: Used = { ips: new Set(), reserved: new Set() }
    this.#used.set(key, used)
    return used
  }
}

/** Most networks have one of a family: then it is not compared. */
function poolOf(network: Network, ip: Ip): Cidr | undefined {
  const family = familyOf(ip)
  const [only, ...others] = poolsOf(network).filter((pool) => familyOf(pool) === family)
  if (others.length === 0) return only
  return [only, ...others].find((pool) => pool !== undefined && contains(pool, ip))
}

/** How many of the numbers are smaller. @param numbers sorted */
function placeOf(numbers: readonly bigint[], wanted: bigint): number {
  let [low, high] = [0, numbers.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((numbers[middle] ?? 0n) < wanted) low = middle + 1
    else high = middle
  }
  return low
}
