/** Which ports of this host lead to a container: what `-p` asks for, as far as nobody else has it. */
import type { PortWish } from '../../core/driver.js'
import { TsoverlayError } from '../../core/errors.js'
import { familyOf, type Ip, ipOf } from '../../core/ip.js'
import { ANY_ADDRESS, inBrackets, type PublishedPort } from '../../core/published-port.js'
import type { LocalEndpoint } from '../../core/types.js'
import type { HostPorts } from './host-ports.js'

/** So often the kernel is asked for a port; the one that it chose for IPv4 may be taken in IPv6. */
const CHOICES = 16
const UNSPECIFIED: readonly string[] = Object.values(ANY_ADDRESS)

/** A published port without its number. */
type Target = Omit<PublishedPort, 'hostPort'>

interface Choice {
  readonly endpoint: LocalEndpoint
  /** all of this host, of which some have published ports */
  readonly endpoints: Iterable<LocalEndpoint>
  readonly hostPorts: HostPorts
}

export class PortChoice {
  readonly #endpoint: LocalEndpoint
  readonly #hostPorts: HostPorts
  readonly #chosen: PublishedPort[] = []
  /** what is taken, with whose it is; by protocol and number */
  readonly #taken = new Map<string, { readonly port: PublishedPort; readonly whose: string }[]>()

  constructor({ endpoint, endpoints, hostPorts }: Choice) {
    this.#endpoint = endpoint
    this.#hostPorts = hostPorts
    for (const { id, published = [] } of endpoints) {
      if (id === endpoint.id) continue
      for (const port of published) this.#note(port, `endpoint ${id.slice(0, 12)}`)
    }
  }

  /**
   * A number that the endpoint has already is kept where it fits, so that the same call again changes
   * nothing.
   * @throws TsoverlayError PORT_TAKEN, OPTION_INVALID naming the first wish that cannot be had
   */
  async of(wishes: readonly PortWish[], signal: AbortSignal): Promise<readonly PublishedPort[]> {
    for (const wish of wishes) {
      signal.throwIfAborted()
      const targets = targetsOf(wish, this.#endpoint)
      const hostPort = await this.#numberFor(wish, targets)
      for (const target of targets) {
        const port = { ...target, hostPort }
        this.#chosen.push(port)
        this.#note(port, 'the same container')
      }
    }
    return this.#chosen
  }

  async #numberFor(wish: PortWish, targets: readonly Target[]): Promise<number> {
    let problem = 'the kernel gives none that is free'
    for await (const number of this.#candidates(wish, targets)) {
      const found = await this.#problem(number, targets)
      if (found === undefined) return number
      problem = found
    }
    const { first, last } = wish.hostPorts ?? { first: 0, last: 0 }
    const which = first === last ? '' : `no port of ${first} to ${last} is free; `
    throw new TsoverlayError(
      'PORT_TAKEN',
      `option -p ${wishText(wish)} is not valid: ${which}${problem}: allowed are ports that nothing on this host has`,
    )
  }

  async *#candidates(wish: PortWish, targets: readonly Target[]): AsyncGenerator<number> {
    yield* this.#had(wish, targets[0]?.hostIp)
    const { hostPorts, protocol } = wish
    if (hostPorts !== undefined) {
      for (let number = hostPorts.first; number <= hostPorts.last; number += 1) yield number
      return
    }
    const [ip] = targets.map(boundTo)
    for (let n = 0; n < CHOICES && ip !== undefined; n += 1)
      yield await this.#hostPorts.choose(protocol, ip)
  }

  /** Numbers that the endpoint has already for such a wish. */
  #had({ protocol, port, hostPorts }: PortWish, hostIp: Ip | undefined): readonly number[] {
    const { first, last } = hostPorts ?? { first: 1, last: 65_535 }
    return (this.#endpoint.published ?? [])
      .filter((had) => had.protocol === protocol && had.port === port && had.hostIp === hostIp)
      .map(({ hostPort }) => hostPort)
      .filter((number) => number >= first && number <= last)
  }

  async #problem(hostPort: number, targets: readonly Target[]): Promise<string | undefined> {
    for (const target of targets) {
      const port = { ...target, hostPort }
      const text = `port ${hostPort}/${target.protocol}`
      const other = this.#taken.get(keyOf(port))?.find((each) => isSame(each.port, port))
      if (other !== undefined) return `${text} is published by ${other.whose}`
      const ip = boundTo(target)
      const problem = await this.#hostPorts.problem(target.protocol, ip, hostPort)
      if (problem !== undefined) return `${text} of ${ip}: ${problem}`
    }
    return undefined
  }

  #note(port: PublishedPort, whose: string): void {
    const key = keyOf(port)
    const list = this.#taken.get(key) ?? []
    list.push({ port, whose })
    this.#taken.set(key, list)
  }
}

/**
 * One per address of the container: what comes by IPv4 goes on by IPv4, as nothing translates.
 * @throws TsoverlayError OPTION_INVALID where it has none of the host address' family
 */
function targetsOf(wish: PortWish, { addresses }: LocalEndpoint): readonly Target[] {
  const { protocol, port, hostIp } = wish
  const family = hostIp && familyOf(hostIp)
  const all = addresses.map(ipOf)
  const fitting = all.filter((ip) => family === undefined || familyOf(ip) === family)
  if (fitting.length === 0) {
    throw new TsoverlayError(
      'OPTION_INVALID',
      `option -p ${wishText(wish)} is not valid: the container has no IPv${family} address to which ${hostIp} could lead: allowed are addresses of the family of ${all.join(', ')}, or none`,
    )
  }
  const isAny = hostIp === undefined || UNSPECIFIED.includes(hostIp)
  return fitting.map((to) => ({ protocol, port, to, ...(isAny ? {} : { hostIp }) }))
}

function boundTo({ hostIp, to }: Target): Ip {
  return hostIp ?? ANY_ADDRESS[familyOf(to)]
}

function keyOf({ protocol, hostPort }: PublishedPort): string {
  return `${protocol} ${hostPort}`
}

/** Whether packets to one could be meant for the other. */
function isSame(one: PublishedPort, other: PublishedPort): boolean {
  if (familyOf(one.to) !== familyOf(other.to)) return false
  const [a, b] = [one.hostIp, other.hostIp]
  return a === undefined || b === undefined || a === b
}

/** As on the command line. */
function wishText({ protocol, hostIp, hostPorts, port }: PortWish): string {
  const ip = hostIp === undefined ? '' : `${inBrackets(hostIp)}:`
  const { first, last } = hostPorts ?? { first: 0, last: 0 }
  const range = first === last ? `${first}` : `${first}-${last}`
  const host = hostPorts === undefined ? (ip === '' ? '' : ':') : `${range}:`
  return `${ip}${host}${port}/${protocol}`
}
