/** Networks and containers as dockerd leads them, amid everything else: each step has to succeed. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { hostLinkName } from '../../src/core/names.js'
import type { Life } from './actions.js'
import { LOCAL_SPACE } from './calls.js'
import { VALID, type World } from './world.js'

const execute = promisify(execFile)

interface Home {
  readonly network: string
  readonly pool: string
  readonly gateway: string
  /** addresses that containers have */
  readonly held: Set<string>
}

export class Lives {
  readonly #world: World
  /** a process in a network namespace of its own, as a container */
  readonly #container: ChildProcess
  #home: Home | undefined
  #count = 0

  constructor(world: World) {
    this.#world = world
    this.#container = spawn('unshare', ['-n', 'sleep', 'infinity'], { stdio: 'ignore' })
  }

  /** Makes the network in which `life` lives. */
  async open(): Promise<void> {
    this.#home = await this.#make('10.200.0.0/22', 'home')
  }

  async close(): Promise<void> {
    if (this.#home !== undefined) await this.#remove(this.#home)
    this.#home = undefined
  }

  end(): void {
    this.#container.kill('SIGKILL')
  }

  async life(life: Life): Promise<void> {
    if (this.#home !== undefined) await this.#live(this.#home, life)
  }

  /** A network of its own, several containers at once in it, and its end. */
  async network(slot: number, lives: readonly Life[]): Promise<void> {
    const home = await this.#make(`10.${201 + (slot % 8)}.${slot}.0/24`, `own${slot % 5}`)
    await Promise.all(lives.map((life) => this.#live(home, life)))
    await this.#remove(home)
  }

  async #make(subnet: string, name: string): Promise<Home> {
    const Options = { network: `${name}-${this.#next()}` }
    const request = { AddressSpace: LOCAL_SPACE, Pool: subnet, SubPool: '', Options, V6: false }
    const network = this.#id('network')
    const { PoolID = '' } = await this.#demand('IpamDriver.RequestPool', request)
    const gateway = await this.#address(`${PoolID}`, 'com.docker.network.gateway')
    await this.#demand('NetworkDriver.CreateNetwork', {
      NetworkID: network,
      Options: { 'com.docker.network.generic': { network: Options.network } },
      IPv4Data: [{ AddressSpace: LOCAL_SPACE, Pool: subnet, Gateway: gateway }],
      IPv6Data: [],
    })
    return { network, pool: `${PoolID}`, gateway, held: new Set() }
  }

  async #remove({ network, pool, gateway }: Home): Promise<void> {
    await this.#release(pool, gateway)
    await this.#demand('IpamDriver.ReleasePool', { PoolID: pool })
    await this.#demand('NetworkDriver.DeleteNetwork', { NetworkID: network })
  }

  async #live(home: Home, life: Life): Promise<void> {
    const address = await this.#address(home.pool)
    if (home.held.has(address)) {
      const { ledger } = this.#world
      ledger.violation(ledger.requests, `an address of ${home.pool}`, `${address} given out twice`)
    }
    home.held.add(address)
    const EndpointID = this.#id('endpoint')
    const ids = { NetworkID: home.network, EndpointID }
    const step = async (method: string, body: object): Promise<void> => {
      const first = await this.#demand(`NetworkDriver.${method}`, body)
      if (!life.twice) return
      const again = await this.#demand(`NetworkDriver.${method}`, body)
      const [one, two] = [first, again].map((answer) => JSON.stringify(answer))
      if (one === two) return
      const { ledger } = this.#world
      ledger.violation(ledger.requests, method, `repeated, it answers ${two} instead of ${one}`)
    }
    await step('CreateEndpoint', { ...ids, Interface: { Address: address }, Options: {} })
    if (life.join) {
      await step('Join', { ...ids, SandboxKey: `/var/run/docker/netns/${EndpointID.slice(0, 12)}` })
      if (life.moved) await this.#move(EndpointID)
      await step('ProgramExternalConnectivity', ids)
      await step('EndpointOperInfo', ids)
      await step('RevokeExternalConnectivity', ids)
      await step('Leave', ids)
    }
    await step('DeleteEndpoint', ids)
    home.held.delete(address)
    await this.#release(home.pool, address)
  }

  /** What dockerd does with the link that Join names. */
  async #move(endpoint: string): Promise<void> {
    const argv = ['link', 'set', hostLinkName(endpoint), 'netns', `${this.#container.pid}`]
    await execute('ip', argv).catch((error: Error) => {
      const { ledger } = this.#world
      ledger.violation(ledger.requests, 'the link of a Join', error.message)
    })
  }

  async #address(pool: string, type?: string): Promise<string> {
    const Options = type === undefined ? {} : { RequestAddressType: type }
    const body = { PoolID: pool, Address: '', Options }
    return `${(await this.#demand('IpamDriver.RequestAddress', body))['Address']}`
  }

  #release(pool: string, address: string): Promise<unknown> {
    const Address = address.slice(0, address.indexOf('/'))
    return this.#demand('IpamDriver.ReleaseAddress', { PoolID: pool, Address })
  }

  #demand(method: string, body: object): Promise<Record<string, unknown>> {
    return this.#world.demand(VALID, method, body)
  }

  #next(): number {
    this.#count += 1
    return this.#count
  }

  #id(kind: string): string {
    const text = `${kind} ${this.#world.ledger.seed} ${this.#next()}`
    return createHash('sha256').update(text).digest('hex')
  }
}
