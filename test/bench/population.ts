/** Endpoints of hosts that do not exist, written straight into the store. */
import { type DeleteBuilder, Etcd3, type PutBuilder } from 'etcd3'

const CHUNK = 100
export const HOSTS = 200

const hex = (value: number): string => value.toString(16).padStart(2, '0')

/** As it is in the store. */
export interface Entry {
  readonly key: string
  readonly value: string
}

export interface Inhabitant extends Entry {
  readonly ip: string
  readonly mac: string
  readonly vtep: string
}

export const vtepOf = (host: number): string => `198.18.0.${host + 1}`
export const hostOf = (host: number): string => `bench-host-${host}`

/**
 * Endpoint `at` of a network, the same at each call.
 * @param pool of the network, which is 10.N.0.0 and wide enough; the first 256 addresses are left out
 */
export function inhabitant(network: string, pool: string, at: number): Inhabitant {
  const [, second = 0] = pool.split('.').map(Number)
  const length = pool.split('/')[1]
  const low = at + 256
  const ip = `10.${second + (low >> 16)}.${(low >> 8) & 255}.${low & 255}`
  const mac = `06:42:${hex(second + (low >> 16))}:${hex((low >> 16) & 255)}:${hex((low >> 8) & 255)}:${hex(low & 255)}`
  const host = at % HOSTS
  const id = at.toString(16).padStart(64, '0')
  const fields = {
    id,
    network,
    host: hostOf(host),
    boot: 'bench',
    mac,
    addresses: [`${ip}/${length}`],
  }
  const key = `/tsoverlay/endpoints/${network}/${hostOf(host)}/${id}`
  return { key, ip, mac, vtep: vtepOf(host), value: JSON.stringify(fields) }
}

/** Of endpoints in the order of their numbers those that are the last of their host. */
export const lastOfEach = (all: readonly Inhabitant[]): readonly Inhabitant[] => all.slice(-HOSTS)

export class Population {
  readonly #etcd: Etcd3

  constructor(endpoint: string) {
    this.#etcd = new Etcd3({ hosts: endpoint })
  }

  /** The hosts that the endpoints are on. */
  async hosts(): Promise<void> {
    for (let host = 0; host < HOSTS; host += 1) {
      const value = { id: hostOf(host), name: hostOf(host), vtep: vtepOf(host), boot: 'bench' }
      await this.#etcd.put(`/tsoverlay/hosts/${hostOf(host)}`).value(JSON.stringify(value))
    }
  }

  /** Ids of the networks in the store, by the subnet of their first segment. */
  async networks(): Promise<ReadonlyMap<string, string>> {
    const all = await this.#etcd.getAll().prefix('/tsoverlay/networks/').json()
    const found = Object.values(all) as readonly Stored[]
    return new Map(found.map(({ key, segments }) => [segments[0]?.subnets[0]?.pool ?? '', key]))
  }

  put(entries: readonly Entry[]): Promise<void> {
    return this.#inChunks(entries.map(({ key, value }) => this.#etcd.put(key).value(value)))
  }

  /** Deletes just these. */
  drop(entries: readonly Pick<Entry, 'key'>[]): Promise<void> {
    return this.#inChunks(entries.map(({ key }) => this.#etcd.delete().key(key)))
  }

  /** A hundred in a transaction, eight transactions at a time. */
  async #inChunks(operations: readonly (PutBuilder | DeleteBuilder)[]): Promise<void> {
    let next = 0
    const worker = async (): Promise<void> => {
      for (;;) {
        const chunk = operations.slice(next, next + CHUNK)
        next += CHUNK
        if (chunk.length === 0) return
        await this.#etcd
          .if('bench-never', 'Version', '==', 0)
          .then(...chunk)
          .commit()
      }
    }
    await Promise.all(Array.from({ length: 8 }, worker))
  }

  async clear(): Promise<void> {
    await this.remove('/tsoverlay/endpoints/')
    await this.remove('/tsoverlay/hosts/bench-host-')
  }

  /** Deletes what hosts of a measurement have, or networks, under a first part of keys; networks made by the lab's hosts stay. */
  async removeBenchOf(kind: string): Promise<void> {
    const found = await this.keys(`/tsoverlay/${kind}/`)
    await this.drop(found.filter((key) => key.includes('/bench-')).map((key) => ({ key })))
  }

  /** All keys that begin so. */
  keys(prefix: string): Promise<readonly string[]> {
    return this.#etcd.getAll().prefix(prefix).keys()
  }

  /** Deletes all keys that begin so. */
  async remove(prefix: string): Promise<void> {
    await this.#etcd.delete().prefix(prefix).exec()
  }

  close(): void {
    this.#etcd.close()
  }
}

interface Stored {
  readonly key: string
  readonly segments: readonly { readonly subnets: readonly { readonly pool: string }[] }[]
}
