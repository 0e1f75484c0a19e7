/** The whole cluster as its store has it, for people. */

import type { EndpointReport } from '../../core/admin/endpoints.js'
import type { HostReport } from '../../core/admin/hosts.js'
import type { NetworkReport } from '../../core/admin/networks.js'
import { TsoverlayError } from '../../core/errors.js'
import { poolsOf } from '../../core/pools.js'
import type { Entry, Store } from '../../core/ports.js'
import type { Host, HostId, Network, NetworkKey } from '../../core/types.js'
import { documents, type Publication } from '../../state/documents.js'
import type { Identity } from '../../state/identity.js'
import { attachmentOf, keys, lastPart, SWARM } from '../../state/keys.js'

export class ClusterView {
  readonly #store: Store
  readonly #self: HostId

  constructor(store: Store, { id }: Pick<Identity, 'id'>) {
    this.#store = store
    this.#self = id
  }

  /**
   * All hosts, by name; those, too, of which only leftovers are in the store.
   * @throws TsoverlayError STORE_UNAVAILABLE
   */
  async hosts(): Promise<readonly HostReport[]> {
    const [records, alive, attached, endpoints, blocks] = await Promise.all([
      this.#hosts(),
      this.#store.keys(keys.allAlive),
      this.#store.keys(keys.allAttachments),
      this.#store.keys(keys.allEndpoints),
      this.#store.list(keys.allBlocks),
    ])
    const living = new Set(alive.map(lastPart))
    const networks = countBy(attached.map((key) => attachmentOf(key).host))
    const used = countBy(endpoints.map((key) => attachmentOf(key).host))
    const owned = countBy(blocks.entries.flatMap(({ value }) => ownerOf(value)))
    const ids = new Set([...records.keys(), ...networks.keys(), ...used.keys(), ...owned.keys()])
    ids.delete(SWARM)
    return [...ids]
      .map((id) => ({
        id,
        name: records.get(id)?.name ?? '',
        vtep: records.get(id)?.vtep ?? '',
        alive: living.has(id),
        self: id === this.#self,
        networks: networks.get(id) ?? 0,
        endpoints: used.get(id) ?? 0,
        blocks: owned.get(id) ?? 0,
      }))
      .sort((a, b) => compare(a.name, b.name) || compare(a.id, b.id))
  }

  /** All networks, by name. @throws TsoverlayError STORE_UNAVAILABLE */
  async networks(): Promise<readonly NetworkReport[]> {
    const [found, published, hosts, attached, endpoints, troubled] = await Promise.all([
      this.#networks(),
      this.#published(),
      this.#hosts(),
      this.#store.keys(keys.allAttachments),
      this.#store.keys(keys.allEndpoints),
      this.#read(keys.allTroubles, documents.troubles.decode),
    ])
    const users = new Map<NetworkKey, string[]>()
    for (const { network, host } of attached.map(attachmentOf)) {
      users.set(network, [...(users.get(network) ?? []), hosts.get(host)?.name ?? host])
    }
    const counts = countBy(endpoints.map((key) => attachmentOf(key).network))
    return [...found.values()]
      .map((network) => ({
        key: network.key,
        identity: network.identity,
        name: published.get(network.key)?.name ?? '',
        backend: network.backend,
        internal: network.internal,
        vnis: network.segments.map(({ vni }) => vni),
        subnets: poolsOf(network),
        hosts: (users.get(network.key) ?? []).sort(compare),
        endpoints: counts.get(network.key) ?? 0,
        leaving: published.get(network.key)?.removal !== undefined,
        troubles: [...troubled.values()].flatMap(({ name, networks }) => {
          const problem = networks[published.get(network.key)?.name ?? network.identity]
          return problem === undefined ? [] : [{ host: name, problem }]
        }),
      }))
      .sort((a, b) => compare(a.name, b.name) || compare(a.identity, b.identity))
  }

  /**
   * All endpoints, or those of one network, by network and address.
   * @param network name, identity, key, or the beginning of a key
   * @throws TsoverlayError NETWORK_UNKNOWN, STORE_UNAVAILABLE
   */
  async endpoints(network?: string): Promise<readonly EndpointReport[]> {
    const naming = Promise.all([this.#networks(), this.#published()])
    const [[found, published], hosts, { entries }] = await Promise.all([
      naming,
      this.#hosts(),
      this.#store.list(
        network === undefined
          ? keys.allEndpoints
          : keys.endpoints(find(network, ...(await naming))),
      ),
    ])
    return entries
      .flatMap(({ value }) => {
        const endpoint = documents.endpoint.decode(value)
        if (endpoint === undefined) return []
        const { id, network: of, host, addresses, mac, names } = endpoint
        const floating = (endpoint.floating ?? []).map(({ ip }) => ip)
        const networkName = published.get(of)?.name ?? found.get(of)?.identity ?? ''
        const hostName = hosts.get(host)?.name ?? host
        const whose = { id, network: of, networkName, host, hostName, name: names?.[0] ?? '' }
        return [{ ...whose, addresses, floating, mac }]
      })
      .sort((a, b) => compare(a.networkName, b.networkName) || compare(a.hostName, b.hostName))
  }

  async #hosts(): Promise<ReadonlyMap<HostId, Host>> {
    return this.#read(keys.hosts, documents.host.decode)
  }

  async #networks(): Promise<ReadonlyMap<NetworkKey, Network>> {
    return this.#read(keys.networks, documents.network.decode)
  }

  async #published(): Promise<ReadonlyMap<NetworkKey, Publication>> {
    return this.#read(keys.publications, documents.publication.decode)
  }

  async #read<T>(prefix: string, decode: (text: string) => T | undefined) {
    const { entries } = await this.#store.list(prefix)
    return new Map(entries.flatMap((entry) => pair(entry, decode)))
  }
}

function pair<T>({ key, value }: Entry, decode: (text: string) => T | undefined): [string, T][] {
  const decoded = decode(value)
  return decoded === undefined ? [] : [[lastPart(key), decoded]]
}

function ownerOf(value: string): readonly HostId[] {
  const host = documents.block.decode(value)?.host
  return host === undefined ? [] : [host]
}

function find(
  wanted: string,
  networks: ReadonlyMap<NetworkKey, Network>,
  published: ReadonlyMap<NetworkKey, Publication>,
): NetworkKey {
  const all = [...networks.values()]
  const exact = all.find(({ key, identity }) =>
    [key, identity, published.get(key)?.name].includes(wanted),
  )
  const [only, second] = wanted.length < 4 ? [] : all.filter(({ key }) => key.startsWith(wanted))
  const found = exact ?? (second === undefined ? only : undefined)
  if (found !== undefined) return found.key
  throw new TsoverlayError(
    'NETWORK_UNKNOWN',
    `the cluster has no network "${wanted}": tsoverlay networks lists names and keys`,
  )
}

function countBy(ids: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
  return counts
}

/** By code unit, the same on every host whatever its locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
