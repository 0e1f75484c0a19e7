/** Pools of the cluster as its store has them, for people: who has which part, and how full they are. */
import type { BlockReport, PoolReport } from '../../core/admin/pools.js'
import { TsoverlayError } from '../../core/errors.js'
import { bitsOf, type Cidr, familyOf, type Ip, ipOf, prefixLength } from '../../core/ip.js'
import type { Store } from '../../core/ports.js'
import type { Host } from '../../core/types.js'
import { blockLength } from '../../ipam/block-size.js'
import { documents, type PoolDocument } from '../../state/documents.js'
import { blockOfKey, keys, lastPart, poolOfKey } from '../../state/keys.js'
import { PoolUse } from './pool-use.js'

/** The network's own address and the one of all hosts, which no container has. */
const OUTER = 2

export class PoolsView {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /**
   * All pools by address, or those of one network, or one.
   * @param wanted a CIDR, or name, identity or key of a network
   * @throws TsoverlayError POOL_UNKNOWN, STORE_UNAVAILABLE
   */
  async pools(wanted?: string): Promise<readonly PoolReport[]> {
    const { pools, holders, blocks, use, hosts } = await this.#read()
    const nameOf = (id: string): string => hosts.get(id)?.name || id
    const reports = pools
      .filter(({ ref }) => wanted === undefined || use.isMeant(ref, wanted))
      .map(({ ref, document }) => {
        const key = keys.pool(ref)
        const own = (blocks.get(key) ?? []).map(([block, host]) => {
          return blockReport(block, use.inBlock(ref, block), { id: host, name: nameOf(host) })
        })
        const held = (holders.get(key) ?? []).map(nameOf).sort()
        return { ...sizes(document, own, use.inPool(ref)), ...use.about(ref), holders: held }
      })
    if (wanted === undefined || reports.length > 0) return reports.sort(byAddress)
    throw new TsoverlayError(
      'POOL_UNKNOWN',
      `the cluster has no pool "${wanted}" and no network of this name with one: tsoverlay ipam lists them`,
    )
  }

  async #read() {
    const list = async (prefix: string) => (await this.#store.list(prefix)).entries
    const [pools, holders, blocks, addresses, networks, publications, endpoints, hosts] =
      await Promise.all([
        list(keys.allPools),
        this.#store.keys(keys.allHolders),
        list(keys.allBlocks),
        list(keys.allAddresses),
        list(keys.networks),
        list(keys.publications),
        list(keys.allEndpoints),
        list(keys.hosts),
      ])
    const use = new PoolUse({ networks, publications, endpoints, addresses })
    return {
      pools: pools.flatMap(({ key, value }) => {
        const document = documents.pool.decode(value)
        return document === undefined ? [] : [{ ref: poolOfKey(key), document }]
      }),
      holders: grouped(holders.map((key) => [keys.pool(poolOfKey(key)), lastPart(key)] as const)),
      blocks: grouped(
        blocks.map(({ key, value }) => {
          const owner = documents.block.decode(value)?.host ?? ''
          return [keys.pool(poolOfKey(key)), [blockOfKey(key), owner] as const] as const
        }),
      ),
      use,
      hosts: new Map<string, Host>(
        hosts.flatMap(({ key, value }) => {
          const host = documents.host.decode(value)
          return host === undefined ? [] : [[lastPart(key), host] as const]
        }),
      ),
    }
  }
}

function blockReport(
  block: Cidr,
  used: number,
  { id, name }: Pick<Host, 'id' | 'name'>,
): BlockReport {
  return { block, host: id, hostName: name, used, usedPercent: percentOf(used, sizeOf(block)) }
}

function sizes(document: PoolDocument, blocks: readonly BlockReport[], used: number) {
  const { pool, routed = false } = document
  const length = blockLength(document)
  const total = 2 ** (length - prefixLength(pool))
  const addresses = Math.max(1, sizeOf(pool) - OUTER)
  return {
    pool,
    routed,
    addresses,
    used,
    usedPercent: percentOf(used, addresses),
    blockLength: length,
    blocksTotal: total,
    blocksPercent: percentOf(blocks.length, total),
    blocks: [...blocks].sort((a, b) => compareIps(ipOf(a.block as Cidr), ipOf(b.block as Cidr))),
  }
}

function sizeOf(cidr: Cidr): number {
  return 2 ** (bitsOf(familyOf(cidr)) - prefixLength(cidr))
}

/** With one digit after the point, and no more than all. */
function percentOf(part: number, whole: number): number {
  return Math.min(100, Math.round((part / whole) * 1_000) / 10)
}

function byAddress(a: PoolReport, b: PoolReport): number {
  return compareIps(ipOf(a.pool as Cidr), ipOf(b.pool as Cidr)) || (a.space < b.space ? -1 : 1)
}

/** IPv4 first; numerically. */
function compareIps(a: Ip, b: Ip): number {
  return a.localeCompare(b, 'en', { numeric: true })
}

function grouped<T>(pairs: readonly (readonly [string, T])[]): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const [key, item] of pairs) {
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}
