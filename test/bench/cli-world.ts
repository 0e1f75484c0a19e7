/**
 * A cluster of 200 hosts for the command line: hosts, networks, blocks, attachments and 10,000
 * endpoints with names that exist in the store only, beside what the lab's hosts have of their own.
 */
import { type Entry, HOSTS, hostOf, inhabitant, Population } from './population.js'

/** Of the network that the lab's hosts are on, too. */
export const POOL = '10.31.0.0/16'
export const ENDPOINTS = 10_000
/** Networks that the store alone has. */
export const OTHERS = 49
const HOSTS_OF_OTHER = 20
/** A block of that pool is a /26. */
const OF_BLOCK = 64
/** The first addresses that `inhabitant` leaves out. */
const LEFT_OUT = 256

const entry = (key: string, value: object): Entry => ({
  key: `/tsoverlay/${key}`,
  value: JSON.stringify(value),
})

const hosts = Array.from({ length: HOSTS }, (_, at) => hostOf(at))

/** An endpoint with its container's name and short id, as every container has them. */
function named(network: string, at: number): Entry {
  const { key, value } = inhabitant(network, POOL, at)
  const fields = JSON.parse(value) as { readonly id: string }
  // short ids differ in their first twelve digits
  const names = [`container-${at}`, at.toString(16).padStart(12, '0')]
  return { key, value: JSON.stringify({ ...fields, names }) }
}

/** Blocks with the endpoints' addresses, but for those that the lab's hosts have taken. */
function blocks(taken: ReadonlySet<string>): readonly Entry[] {
  const first = LEFT_OUT / OF_BLOCK
  const count = Math.ceil(ENDPOINTS / OF_BLOCK)
  return Array.from({ length: count }, (_, index) => {
    const low = (first + index) * OF_BLOCK
    const block = `10.31.${low >> 8}.${low & 255}-26`
    return entry(`blocks/_/10.31.0.0-16/${block}`, { host: hostOf(index % HOSTS) })
  }).filter(({ key }) => !taken.has(key))
}

function attachment(network: string, host: string): Entry {
  return entry(`attached/${network}/${host}`, { dockerNetwork: network.padEnd(64, '0') })
}

/** A network with its pool, and the hosts that have it. */
function other(at: number): readonly Entry[] {
  const key = `bench-network-${at}`
  const pool = `10.32.${at}.0/24`
  const subnet = { pool }
  const network = {
    ...{ key, identity: `pools:${pool}`, space: '', backend: 'overlay', internal: false },
    segments: [{ vni: 900_000 + at, subnets: [subnet] }],
  }
  const publication = {
    ...{ key, name: `bench-${at}`, labels: {}, options: {}, ipamOptions: {} },
    pools: [{ subnet: pool, aux: {} }],
    ...{ internal: false, attachable: false, ipv6: false, ipam: 'tsoverlay' },
  }
  const having = Array.from({ length: HOSTS_OF_OTHER }, (_, of) => hostOf((at * 4 + of) % HOSTS))
  return [
    entry(`networks/${key}`, network),
    entry(`published/${key}`, publication),
    entry(`pools/_/${pool.replace('/', '-')}`, { ...subnet, block: 28 }),
    ...having.map((host) => attachment(key, host)),
  ]
}

/** Everything but the records of the hosts themselves. */
function records(network: string, taken: ReadonlySet<string>): readonly Entry[] {
  return [
    ...hosts.map((host) => entry(`alive/${host}`, { boot: 'bench' })),
    ...hosts.map((host) => attachment(network, host)),
    ...Array.from({ length: ENDPOINTS }, (_, at) => named(network, at)),
    ...Array.from({ length: OTHERS }, (_, at) => other(at)).flat(),
    ...blocks(taken),
  ]
}

export class World {
  readonly #population: Population
  #written: readonly Entry[] = []

  /** @param endpoint of the lab's etcd */
  constructor(endpoint: string) {
    this.#population = new Population(endpoint)
  }

  /** Writes it, around the network that the lab's hosts have by POOL. @throws Error if there is none */
  async write(): Promise<void> {
    const network = (await this.#population.networks()).get(POOL)
    if (network === undefined) throw new Error(`the store has no network with ${POOL}`)
    const taken = new Set(await this.#population.keys('/tsoverlay/blocks/'))
    this.#written = records(network, taken)
    await this.#population.hosts()
    await this.#population.put(this.#written)
  }

  /** Takes away what it has written. */
  async clear(): Promise<void> {
    await this.#population.drop(this.#written)
    await this.#population.remove('/tsoverlay/hosts/bench-host-')
    this.#population.close()
  }
}
