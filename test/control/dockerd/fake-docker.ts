/** The Docker API over a plugin under test: names, ids, and the calls that each makes. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { ListedContainer, NamedContainer } from '../../../src/control/dockerd/docker-names.js'
import type {
  Attached,
  DockerChange,
  DockerContainer,
  DockerNetwork,
  NewNetwork,
} from '../../../src/control/dockerd/docker-networks.js'
import type { RunningContainer } from '../../../src/control/dockerd/docker-sandboxes.js'
import type { IdleContainer } from '../../../src/control/dockerd/docker-starts.js'
import type { ContainerState } from '../../../src/control/dockerd/docker-states.js'
import type { IpamDriver, NetworkDriver, PoolData } from '../../../src/core/driver.js'
import { type Cidr, type Ip, networkOf, parseCidr, withPrefixOf } from '../../../src/core/ip.js'
import type { Journal } from '../../../src/state/journal.js'
import type { Docker } from '../../../src/wire/options.js'
import { FakeNames } from './fake-names.js'

type Flags = Partial<Omit<NewNetwork, 'name' | 'driver' | 'pools'>> & {
  /** empty: IPAM chooses */
  readonly subnet?: string
  readonly gateway?: string
  readonly aux?: string
}

/** The plugin that it calls. */
interface Plugin {
  readonly driver: NetworkDriver
  readonly ipam: IpamDriver
  readonly journal: Journal
}

const SIGNAL = (): AbortSignal => AbortSignal.timeout(5_000)

export class FakeDocker implements Docker {
  readonly networks = new Map<string, DockerNetwork>()
  /** false: nothing answers, as when dockerd is down */
  up = true
  #plugin: Plugin | undefined
  /** when its networks were made, as far as it says so */
  age: { readonly created?: number } = {}
  readonly #poolIds = new Map<string, string[]>()
  #onChange: (what: DockerChange) => void = () => undefined
  #cut = new AbortController()

  /** It is made before the plugin, which asks it. */
  attach(plugin: Plugin): void {
    this.#plugin = plugin
  }

  get #host(): Plugin {
    if (this.#plugin === undefined) throw new Error('no plugin is attached')
    return this.#plugin
  }

  /** `docker network create -d tsoverlay --ipam-driver tsoverlay` by a user */
  user(name: string, { subnet, gateway, aux, ...rest }: Flags = {}): Promise<string> {
    const given = { ...(gateway && { gateway }), aux: aux ? { spare: aux } : {} }
    return this.create({
      name,
      driver: 'tsoverlay',
      options: {},
      labels: {},
      ipamDriver: 'tsoverlay',
      ipamOptions: {},
      internal: false,
      attachable: false,
      ipv6: false,
      ...rest,
      pools: [{ subnet: subnet ?? '', ...given }],
    })
  }

  /** `docker network rm`; @throws Error when containers use it */
  async userRemoves(name: string): Promise<void> {
    const found = this.byName(name)
    if (found === undefined) throw new Error(`network ${name} not found`)
    if (!(await this.remove(found.id))) throw new Error(`network ${name} has active endpoints`)
  }

  byName(name: string): DockerNetwork | undefined {
    return [...this.networks.values()].find((one) => one.name === name)
  }

  /** dockerd dies: its event stream ends. */
  die(): void {
    this.up = false
    this.#cut.abort()
  }

  comeBack(): void {
    this.#cut = new AbortController()
    this.up = true
  }

  async list(): Promise<readonly DockerNetwork[]> {
    if (!this.up) throw new Error('connect ECONNREFUSED')
    return [...this.networks.values()]
  }

  async addressPools(): Promise<[]> {
    return []
  }

  async create(wanted: NewNetwork): Promise<string> {
    if (!this.up) throw new Error('connect ECONNREFUSED')
    if (this.byName(wanted.name)) throw new Error(`network with name ${wanted.name} already exists`)
    const id = randomBytes(32).toString('hex')
    const made = wanted.driver === 'tsoverlay' ? await this.#make(id, wanted) : wanted.pools
    this.networks.set(id, { ...wanted, pools: made, id, ...this.age })
    this.#onChange('network')
    return id
  }

  async remove(id: string): Promise<boolean> {
    if (!this.up) throw new Error('connect ECONNREFUSED')
    const found = this.networks.get(id)
    if (found === undefined) return true
    if (this.endpoints.get(id)) return false
    for (const poolId of this.#poolIds.get(id) ?? [])
      await this.#host.ipam.releasePool(poolId, SIGNAL())
    await this.#host.driver.deleteNetwork(id, SIGNAL())
    this.networks.delete(id)
    this.#onChange(found.name === 'docker_gwbridge' ? 'gateway' : 'network')
    return true
  }

  async attached(network: DockerNetwork): Promise<readonly Attached[]> {
    const all = [...this.#host.journal.endpointsOf(network.id)]
    const rest = { aliases: [], links: [], driverOptions: {}, fixed: {} }
    return all.map(({ id }) => ({ container: id, name: id, ...rest }))
  }

  async isAwaited(): Promise<boolean> {
    return false
  }

  async disconnect(network: string, endpoint: string): Promise<void> {
    await this.#host.driver.leave(network, endpoint, SIGNAL())
    await this.#host.driver.deleteEndpoint(network, endpoint, SIGNAL())
    this.endpoints.set(network, (this.endpoints.get(network) ?? 1) - 1)
    this.#attached.delete(endpoint)
  }

  async connect(network: string, { container }: Attached): Promise<void> {
    const { name } = (await this.list()).find(({ id }) => id === network) ?? {}
    await this.run(name ?? network, container)
  }

  /** containers that do not run: their id, and the id of their network */
  readonly stopped = new Map<string, string>()

  /** `docker create` */
  createContainer(id: string, name: string): void {
    this.stopped.set(id, this.byName(name)?.id ?? '')
    this.#onChange('container')
  }

  /** `docker rm` of one that does not run */
  removeContainer(id: string): void {
    this.stopped.delete(id)
    this.#onChange('container')
  }

  /** those that run, with the file of each one's namespace */
  readonly sandboxed = new Map<RunningContainer, string>()

  async attachedContainers(): Promise<readonly RunningContainer[]> {
    if (!this.up) throw new Error('connect ECONNREFUSED')
    return [...this.sandboxed.keys()]
  }

  async sandboxOf(container: string): Promise<string | undefined> {
    return [...this.sandboxed].find(([{ id }]) => id === container)?.[1]
  }

  async containers(): Promise<readonly DockerContainer[]> {
    if (!this.up) throw new Error('connect ECONNREFUSED')
    const running = [...this.endpoints].filter(([, count]) => count > 0)
    const all = [...running.map(([id]) => [`on ${id}`, id] as const), ...this.stopped]
    return all.map(([id, network]) => ({ id, networks: [{ name: '', id: network }] }))
  }

  async follow(onChange: (what: DockerChange) => void, signal: AbortSignal): Promise<void> {
    if (!this.up) throw new Error('connect ECONNREFUSED')
    this.#onChange = onChange
    onChange('network')
    const ended = AbortSignal.any([signal, this.#cut.signal])
    if (!ended.aborted) await once(ended, 'abort')
    this.#onChange = () => undefined
  }

  /** number of containers, by id of the network */
  readonly endpoints = new Map<string, number>()
  /** the network of each endpoint */
  readonly #attached = new Map<string, string>()

  async endpointIds(): Promise<ReadonlySet<string>> {
    if (!this.up) throw new Error('connect ECONNREFUSED')
    return new Set(this.#attached.keys())
  }

  async endpointsOf(network: string): Promise<ReadonlySet<string>> {
    if (!this.up) throw new Error('connect ECONNREFUSED')
    return new Set([...this.#attached].filter(([, on]) => on === network).map(([id]) => id))
  }

  /** None of them has run: those that stop are gone. */
  async idle(): Promise<readonly IdleContainer[]> {
    return []
  }

  async start(id: string): Promise<void> {
    const name = this.networks.get(this.stopped.get(id) ?? '')?.name
    if (name === undefined) return
    this.stopped.delete(id)
    await this.run(name, id)
  }

  /** what it tells of its containers' names */
  readonly names = new FakeNames()

  running(): Promise<readonly ListedContainer[]> {
    return this.names.running()
  }

  named(container: string): Promise<NamedContainer | undefined> {
    return this.names.named(container)
  }

  /** as `docker ps --all` lists them */
  readonly listed: ContainerState[] = []

  async states(): Promise<readonly ContainerState[]> {
    if (!this.up) throw new Error('connect ECONNREFUSED')
    return this.listed
  }

  async pluginName(): Promise<string | undefined> {
    return 'local/tsoverlay'
  }

  followNames(...given: Parameters<FakeNames['followNames']>): Promise<void> {
    return this.names.followNames(...given)
  }

  /** A container on the network, with the address that it gets or wants. */
  async run(name: string, endpoint: string, ip?: string): Promise<Cidr> {
    const found = this.byName(name)
    if (found === undefined) throw new Error(`network ${name} not found`)
    const { driver, ipam } = this.#host
    const [poolId] = this.#poolIds.get(found.id) ?? []
    const wanted = { gateway: false, replay: false, ...(ip && { address: ip as Ip }) }
    const address =
      poolId === undefined
        ? (ip as Cidr)
        : await ipam.requestAddress({ poolId, ...wanted }, SIGNAL())
    await driver.createEndpoint({ network: found.id, id: endpoint, addresses: [address] }, SIGNAL())
    await driver.join(found.id, endpoint, SIGNAL())
    this.endpoints.set(found.id, (this.endpoints.get(found.id) ?? 0) + 1)
    this.#attached.set(endpoint, found.id)
    return address
  }

  async stopContainer(name: string, endpoint: string): Promise<void> {
    const id = this.byName(name)?.id ?? ''
    await this.#host.driver.leave(id, endpoint, SIGNAL())
    await this.#host.driver.deleteEndpoint(id, endpoint, SIGNAL())
    this.endpoints.set(id, (this.endpoints.get(id) ?? 1) - 1)
    this.#attached.delete(endpoint)
    this.#onChange('container')
  }

  async #make(id: string, wanted: NewNetwork): Promise<DockerNetwork['pools']> {
    const { driver } = this.#host
    const data: PoolData[] = []
    const poolIds: string[] = []
    try {
      for (const pool of wanted.pools) {
        data.push(
          wanted.ipamDriver === 'tsoverlay'
            ? await this.#request(wanted, pool, poolIds)
            : foreign(pool.subnet, pool.gateway),
        )
      }
      const { options, internal, ipv6 } = wanted
      await driver.createNetwork({ id, options, internal, ipv6, pools: data }, SIGNAL())
    } catch (error) {
      for (const poolId of poolIds) await this.#host.ipam.releasePool(poolId, SIGNAL())
      throw error
    }
    this.#poolIds.set(id, poolIds)
    return wanted.pools.map((pool, index) => ({
      ...pool,
      subnet: pool.subnet || (data[index]?.pool ?? ''),
    }))
  }

  async #request(
    wanted: NewNetwork,
    { subnet, gateway, ipRange, aux }: NewNetwork['pools'][number],
    poolIds: string[],
  ): Promise<PoolData> {
    const { ipam } = this.#host
    const addressSpace = ipam.localAddressSpace
    const [pool, subPool] = [parseCidr(subnet), parseCidr(ipRange ?? '')]
    const granted = await ipam.requestPool(
      {
        addressSpace,
        ipv6: false,
        options: wanted.ipamOptions,
        ...(pool && { pool }),
        ...(subPool && { subPool }),
      },
      SIGNAL(),
    )
    poolIds.push(granted.id)
    const poolId = granted.id
    const asked = gateway === undefined ? {} : { address: gateway as Ip }
    const via = await ipam.requestAddress(
      { poolId, gateway: true, replay: false, ...asked },
      SIGNAL(),
    )
    const spares: Cidr[] = []
    for (const address of Object.values(aux)) {
      const request = { poolId, gateway: false, replay: false, address: address as Ip }
      spares.push(await ipam.requestAddress(request, SIGNAL()))
    }
    return { addressSpace, pool: granted.pool, gateway: via, aux: spares }
  }
}

function foreign(subnet: string, gateway: string | undefined): PoolData {
  const pool = networkOf(subnet as Cidr)
  const via = gateway === undefined ? {} : { gateway: withPrefixOf(gateway as Ip, pool) }
  return { addressSpace: 'LocalDefault', pool, aux: [], ...via }
}
