/** A container and what is inside of its namespace: pure. */
import { type Ip, ipOf } from '../../../core/ip.js'
import type { Mac } from '../../../core/mac.js'
import type { ListenFact, Surroundings } from '../../../core/path-facts.js'
import type { Endpoint } from '../../../core/types.js'
import type { ContainerState } from '../../dockerd/docker-states.js'
import { type Finding, failed, ok, unknown, warning } from '../finding.js'

/** What of each state mends it; others are left to dockerd. */
const MENDS: Readonly<Record<string, string>> = {
  paused: 'unpause',
  exited: 'start',
  created: 'start',
  dead: 'restart',
}

/** @param state undefined: dockerd does not answer */
export function judgeState(name: string, state: ContainerState | undefined): Finding {
  const subject = { hop: 'container', about: name }
  if (state === undefined) return unknown(subject, 'dockerd of this host does not answer')
  if (state.status === 'running') return ok(subject, 'runs')
  const verb = MENDS[state.status]
  const command = verb === undefined ? undefined : `docker ${verb} ${name}`
  return failed(subject, `the container is ${state.status}`, command)
}

/** The container's interface of the network; undefined: it is not there. */
export type Interface = Surroundings['links'][number]

export function interfaceOf(
  inside: Surroundings,
  { mac, addresses }: Pick<Endpoint, 'mac' | 'addresses'>,
): Interface | undefined {
  const has = (link: Interface): boolean =>
    link.addresses.some((each) => addresses.some((own) => ipOf(own) === ipOf(each)))
  return inside.links.find((link) => link.mac === mac) ?? inside.links.find(has)
}

/** Whether it is up and has its addresses and its MAC. */
export function judgeInterface(
  name: string,
  inside: Surroundings | undefined,
  endpoint: Pick<Endpoint, 'mac' | 'addresses'>,
): Finding {
  const found = inside && interfaceOf(inside, endpoint)
  const restart = `docker restart ${name}`
  if (inside === undefined || found === undefined) {
    const about = { hop: 'interface', about: name }
    const why =
      inside === undefined ? 'has no network namespace' : 'has no interface of the network any more'
    return failed(about, `the container ${why}`, restart)
  }
  const subject = { hop: 'interface', about: `${found.name} of ${name}` }
  const inNamespace = `tsoverlay netns ${name} ip`
  if (!found.up)
    return failed(subject, 'the interface is down', `${inNamespace} link set ${found.name} up`)
  if (found.mac !== endpoint.mac) {
    const says = `its MAC is ${found.mac ?? 'none'} and not ${endpoint.mac}: other hosts send to that one`
    return failed(subject, says, `${inNamespace} link set ${found.name} address ${endpoint.mac}`)
  }
  const missing = endpoint.addresses.find(
    (own) => !found.addresses.some((each) => ipOf(each) === ipOf(own)),
  )
  if (missing !== undefined) {
    const says = `the address ${ipOf(missing)} is not on it any more`
    return failed(subject, says, `${inNamespace} addr add ${missing} dev ${found.name}`)
  }
  return ok(subject, `up, ${endpoint.addresses.join(', ')}, MAC ${endpoint.mac}, MTU ${found.mtu}`)
}

/** How packets to an address leave the container. @param dev its interface of the network */
export function judgeRoute(name: string, inside: Surroundings, to: Ip, dev: string): Finding {
  const subject = { hop: 'route', about: `${to} in ${name}` }
  const route = inside.routes.find((one) => one.to === to)
  if (route === undefined || route.kind === 'none')
    return failed(subject, `there is no route to ${to} in the container`, `docker restart ${name}`)
  if (route.kind === 'local') {
    const holder = inside.links.find(({ addresses }) => addresses.some((one) => ipOf(one) === to))
    const own = holder?.addresses.find((one) => ipOf(one) === to) ?? `${to}`
    const command = `tsoverlay netns ${name} ip addr del ${own} dev ${holder?.name ?? 'lo'}`
    return failed(subject, `the container has the address ${to} itself: a duplicate`, command)
  }
  if (route.dev !== dev) {
    const says = `packets leave by ${route.dev} and not by ${dev}`
    return failed(subject, says, stray(name, inside, dev) ?? `docker restart ${name}`)
  }
  return ok(subject, `by ${dev}${route.via === undefined ? '' : ` via ${route.via}`}`)
}

/** A route that somebody has added and that comes before ours. */
function stray(name: string, { table }: Surroundings, dev: string): string | undefined {
  const first = table.find(({ type }) => type === 'unicast')
  if (first === undefined || first.dev === dev || /^(0\.0\.0\.0|::)\/0$/.test(first.to))
    return undefined
  return `tsoverlay netns ${name} ip route del ${first.to} dev ${first.dev}`
}

/** Whether the container believes the right MAC of its next hop. */
export function judgeNeighbour(
  name: string,
  inside: Surroundings,
  next: { readonly ip: Ip; readonly mac: Mac | undefined; readonly dev: string },
  holderOf: (mac: Mac) => string | undefined,
): Finding {
  const { ip, mac, dev } = next
  const subject = { hop: 'neighbour', about: `${ip} in ${name}` }
  const entry = inside.neighbours.find((one) => one.ip === ip && one.dev === dev)
  if (entry === undefined) return ok(subject, 'not asked for yet')
  if (entry.mac === undefined)
    return warning(subject, `nobody has answered so far who has ${ip} (${entry.state})`)
  if (mac === undefined || entry.mac === mac) return ok(subject, `${entry.mac}, ${entry.state}`)
  const holder = holderOf(entry.mac)
  const says = `the container takes ${ip} to be at ${entry.mac}${holder === undefined ? '' : `, which is ${holder},`} and not at ${mac}`
  return failed(subject, says, `tsoverlay netns ${name} ip neigh del ${ip} dev ${dev}`)
}

/**
 * What else of this host has an address.
 * @param others by name of the container
 * @param checked what they send with it is dropped at their ports
 */
export function judgeDuplicate(
  ip: Ip,
  owner: string,
  others: ReadonlyMap<string, Surroundings>,
  checked: boolean,
): readonly Finding[] {
  return [...others].flatMap(([name, { links }]) => {
    const link = links.find(({ addresses }) => addresses.some((one) => ipOf(one) === ip))
    const address = link?.addresses.find((one) => ipOf(one) === ip)
    if (link === undefined || address === undefined) return []
    const subject = { hop: 'duplicate', about: `${ip} in ${name}` }
    const says = `the container ${name} has the address ${ip}, too, which is ${owner}'s`
    const command = `tsoverlay netns ${name} ip addr del ${address} dev ${link.name}`
    if (checked) return [warning(subject, `${says}; its port drops what it sends with it`, command)]
    return [failed(subject, says, command)]
  })
}

interface Port {
  readonly protocol: 'tcp' | 'udp'
  readonly port: number
}

/** Whether a program of the container takes what is sent to the address and port. */
export function judgeSocket(
  name: string,
  ip: Ip,
  { protocol, port }: Port,
  sockets: readonly ListenFact[] | undefined,
): Finding {
  const subject = { hop: 'socket', about: `${protocol} ${port} of ${name}` }
  if (sockets === undefined) return unknown(subject, 'the namespace of the container is not there')
  const there = sockets.filter((one) => one.protocol === protocol && one.port === port)
  const fitting = there.find(({ address }) => takes(address, ip))
  if (fitting !== undefined) return ok(subject, `a program listens on ${fitting.address}`)
  const restart = `docker restart ${name}`
  const [other] = there
  if (other !== undefined) {
    const why = isLoopback(other.address) ? 'which only the container itself reaches' : `not ${ip}`
    const says = `its program listens on ${other.address} only, ${why}: have it listen on ${ip} or any address`
    return failed(subject, says)
  }
  const others = sockets.filter((one) => one.protocol === protocol && !isLoopback(one.address))
  const ports = [...new Set(others.map((one) => one.port))]
  const rest = ports.length === 0 ? 'nothing at all' : ports.sort((a, b) => a - b).join(', ')
  return failed(
    subject,
    `nothing listens there; on ${protocol} the container listens on: ${rest}`,
    restart,
  )
}

/** `::` takes IPv4, too, unless its program says otherwise, which is not to be seen from outside. */
function takes(address: Ip, ip: Ip): boolean {
  if (address === ip || address === '::') return true
  return address === '0.0.0.0' && !ip.includes(':')
}

function isLoopback(address: Ip): boolean {
  return address === '::1' || (!address.includes(':') && address.startsWith('127.'))
}
