/** Address ranges that hosts use themselves, and which networks do not go with them: pure. */
import { type Cidr, familyOf, networkOf, overlaps, parseCidr } from '../../core/ip.js'
import { HOST_LINKS } from '../../core/names.js'
import type { HostRoute } from '../../core/ports.js'
import type { DockerNetworkId, Network } from '../../core/types.js'
import { chooseIpv4 } from '../../ipam/pool-choice.js'
import type { RangesDocument } from '../../state/documents.js'
import { type AddressPool, type DockerNetwork, GATEWAY_BRIDGE } from '../dockerd/docker-networks.js'

export type Range = RangesDocument['ranges'][number]

/** What dockerd chooses from when nothing is set (moby daemon/libnetwork/ipamutils). */
const DOCKERD_POOLS: readonly AddressPool[] = [
  ...[17, 18, 19].map((second) => ({ base: `172.${second}.0.0/16` as Cidr, size: 16 })),
  { base: '172.20.0.0/14' as Cidr, size: 16 },
  { base: '172.24.0.0/14' as Cidr, size: 16 },
  { base: '172.28.0.0/14' as Cidr, size: 16 },
  { base: '192.168.0.0/16' as Cidr, size: 20 },
]

/** A range, and whose it is. */
export interface HostRange extends Range {
  /** name of the host; undefined: this one */
  readonly host?: string
}

export interface Clash {
  readonly pool: Cidr
  readonly with: HostRange
}

/**
 * What a host uses itself.
 * @param isOurs whether a docker network is one of the cluster
 */
export function rangesOf(
  docker: readonly DockerNetwork[],
  routes: readonly HostRoute[],
  isOurs: (id: DockerNetworkId) => boolean,
): readonly Range[] {
  const others = routes.filter(({ dev }) => !isOwnLink(dev))
  const routed = new Set(routes.map(({ destination }) => destination))
  // The kernel knows first that a bridge is gone.
  const own = docker
    .filter(({ id, driver }) => !isOurs(id) && !driver.includes('tsoverlay'))
    .flatMap(rangesOfNetwork)
    .filter(({ range, driver }) => driver !== 'bridge' || routed.has(range))
  const named = own.map(({ range, what, kind }) => [range, { range, what, kind }] as const)
  const foreign = others.map((route) => [route.destination, rangeOfRoute(route)] as const)
  const ranges = new Map<Cidr, Range>([...foreign, ...named])
  return [...ranges.values()].sort((a, b) => (a.range < b.range ? -1 : 1))
}

/** A link of a routed network, whose pools are known of it. */
function isOwnLink(dev: string): boolean {
  return Object.values(HOST_LINKS).some((prefix) => dev.startsWith(prefix))
}

function rangesOfNetwork({ name, driver, pools }: DockerNetwork): (Range & { driver: string })[] {
  const kind = name === GATEWAY_BRIDGE ? 'gateway' : 'network'
  return pools.flatMap(({ subnet }) => {
    const range = parseCidr(subnet)
    if (range === undefined) return []
    return [{ range: networkOf(range), what: `docker network ${name}`, kind, driver }]
  })
}

function rangeOfRoute({ destination, dev }: HostRoute): Range {
  const kind = dev === GATEWAY_BRIDGE ? 'gateway' : 'route'
  return { range: destination, what: dev === '' ? 'a route' : `the route by ${dev}`, kind }
}

/** Whether dockerd may have chosen the subnet by itself. */
export function isDockerdsChoice(subnet: Cidr, pools: readonly AddressPool[]): boolean {
  const length = Number(subnet.split('/')[1])
  return (pools.length > 0 ? pools : DOCKERD_POOLS).some(
    ({ base, size }) => size === length && overlaps(base, subnet),
  )
}

/**
 * The first range with which a network does not go. In a subnet of dockerd's choice, only what is in
 * its containers, too: every second host has a bridge 172.18.0.0/16, which no container of the
 * network sees.
 */
export function clashOf(
  { internal, segments }: Pick<Network, 'internal' | 'segments'>,
  ranges: readonly HostRange[],
  isChosen: (pool: Cidr) => boolean,
): Clash | undefined {
  for (const { pool } of segments.flatMap(({ subnets }) => subnets)) {
    const chosen = isChosen(pool)
    const found = ranges.find(
      ({ range, kind }) => overlaps(range, pool) && (!chosen || (kind === 'gateway' && !internal)),
    )
    if (found !== undefined) return { pool, with: found }
  }
  return undefined
}

/** A range that no container of the network can bear: it is in their namespace. */
export function gatewayClash(
  { internal, segments }: Pick<Network, 'internal' | 'segments'>,
  ranges: readonly Range[],
): Clash | undefined {
  const gateways = ranges.filter(({ kind }) => kind === 'gateway')
  if (internal) return undefined
  return clashOf({ internal, segments }, gateways, () => true)
}

/**
 * For docker_gwbridge: where nobody is given a subnet. 198.18.0.0/15 is for benchmarks of network
 * devices (RFC 2544), no network is numbered from it, and neither dockerd nor our IPAM chooses there.
 * Its upper half first, as some VPN clients use the lower one.
 * @param avoid what is taken on this host and in the cluster
 */
export function gatewayRange(avoid: readonly Cidr[]): Cidr | undefined {
  const apart = ['198.19.0.0/16', '198.18.0.0/16'] as Cidr[]
  const free = apart.find((range) => !avoid.some((other) => overlaps(range, other)))
  return free ?? chooseIpv4([...avoid, ...DOCKERD_POOLS.map(({ base }) => base)])
}

/** `10.0.5.0/24 (docker network web) of host h2` */
export function describeRange({ range, what, host }: HostRange): string {
  return `${range} (${what}) of ${host === undefined ? 'this host' : `host ${host}`}`
}

/** True for networks whose IPv4 subnet could be dockerd's choice. */
export function choiceOfDockerd(
  ipam: string,
  pools: readonly AddressPool[],
): (pool: Cidr) => boolean {
  return (pool) => ipam === 'docker' && familyOf(pool) === 4 && isDockerdsChoice(pool, pools)
}
