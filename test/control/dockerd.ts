/** The calls that dockerd makes for a command, in its order and with its rollback. */
import type { IpamDriver, NetworkDriver, Options, PoolData } from '../../src/core/driver.js'
import { type Cidr, type Ip, ipOf, networkOf, parseCidr, withPrefixOf } from '../../src/core/ip.js'

const SIGNAL = () => AbortSignal.timeout(5_000)

export interface NetworkFlags {
  /** absent: IPAM chooses */
  readonly subnet?: string
  readonly ipRange?: string
  readonly options?: Options
  readonly ipamOptions?: Options
  readonly internal?: boolean
}

interface Made {
  readonly poolId: string
  readonly pool: Cidr
}

export class Dockerd {
  readonly #driver: NetworkDriver
  readonly #ipam: IpamDriver
  readonly #networks = new Map<string, Made>()

  constructor(driver: NetworkDriver, ipam: IpamDriver) {
    this.#driver = driver
    this.#ipam = ipam
  }

  /** `docker network create -d tsoverlay --ipam-driver tsoverlay`; @returns its subnet */
  async createNetwork(id: string, flags: NetworkFlags = {}): Promise<Cidr> {
    const addressSpace = this.#ipam.localAddressSpace
    const pool = flags.subnet === undefined ? undefined : parseCidr(flags.subnet)
    const subPool = flags.ipRange === undefined ? undefined : parseCidr(flags.ipRange)
    const granted = await this.#ipam.requestPool(
      {
        addressSpace,
        ipv6: false,
        options: flags.ipamOptions ?? {},
        ...(pool && { pool }),
        ...(subPool && { subPool }),
      },
      SIGNAL(),
    )
    try {
      const gateway = await this.#ipam.requestAddress(
        { poolId: granted.id, gateway: true, replay: false },
        SIGNAL(),
      )
      const data = { addressSpace, pool: granted.pool, gateway, aux: [] }
      await this.#create(id, [data], flags)
    } catch (error) {
      await this.#ipam.releasePool(granted.id, SIGNAL())
      throw error
    }
    this.#networks.set(id, { poolId: granted.id, pool: granted.pool })
    return granted.pool
  }

  /** `docker network create -d tsoverlay`: addresses from dockerd's own IPAM */
  async createForeign(id: string, subnet: string, options: Options = {}): Promise<void> {
    const pool = networkOf(subnet as Cidr)
    const gateway = withPrefixOf(`${ipOf(pool).replace(/0$/, '1')}` as Ip, pool)
    const data = { addressSpace: 'LocalDefault', pool, gateway, aux: [] }
    await this.#create(id, [data], { options })
  }

  async removeNetwork(id: string): Promise<void> {
    const made = this.#networks.get(id)
    if (made !== undefined) await this.#ipam.releasePool(made.poolId, SIGNAL())
    await this.#driver.deleteNetwork(id, SIGNAL())
    this.#networks.delete(id)
  }

  /** `docker run`; @returns the container's address */
  async run(network: string, endpoint: string, ip?: string): Promise<Cidr> {
    const made = this.#networks.get(network)
    if (made === undefined) throw new Error(`no network ${network}`)
    const { poolId } = made
    const wanted = ip === undefined ? {} : { address: ip as Ip }
    const address = await this.#ipam.requestAddress(
      { poolId, gateway: false, replay: false, ...wanted },
      SIGNAL(),
    )
    try {
      await this.runForeign(network, endpoint, address)
    } catch (error) {
      await this.#ipam.releaseAddress(poolId, ipOf(address), SIGNAL())
      throw error
    }
    return address
  }

  /** `docker run` with an address that dockerd chose */
  async runForeign(network: string, endpoint: string, address: string): Promise<void> {
    const addresses = [address as Cidr]
    await this.#driver.createEndpoint({ network, id: endpoint, addresses }, SIGNAL())
    try {
      await this.#driver.join(network, endpoint, SIGNAL())
    } catch (error) {
      await this.#driver.deleteEndpoint(network, endpoint, SIGNAL())
      throw error
    }
  }

  /** `docker rm -f` */
  async stop(network: string, endpoint: string, address?: Cidr): Promise<void> {
    await this.#driver.leave(network, endpoint, SIGNAL())
    await this.#driver.deleteEndpoint(network, endpoint, SIGNAL())
    const made = this.#networks.get(network)
    if (made === undefined || address === undefined) return
    await this.#ipam.releaseAddress(made.poolId, ipOf(address), SIGNAL())
  }

  #create(id: string, pools: readonly PoolData[], flags: NetworkFlags): Promise<void> {
    const { options = {}, internal = false } = flags
    return this.#driver.createNetwork({ id, options, internal, ipv6: false, pools }, SIGNAL())
  }
}
