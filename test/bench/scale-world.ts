/** The simulated cluster: who is on which network, the same in every process. */
import type { Cidr, Ip } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import type { Endpoint, Host, Network } from '../../src/core/types.js'

/** Of a network, and networks of a host: 20 networks of 10 hosts for each 100 hosts. */
const HOSTS_OF_NETWORK = 10
const NETWORKS_OF_HOST = 2
/** Below etcd's limit of 128 operations in a transaction. */
export const CHUNK = 100
/** No other endpoint has it. */
const PROBE_ID = 'f'.repeat(64)

export interface World {
  readonly hosts: number
  /** of all networks that these hosts use */
  readonly endpoints: number
  /** of networks that none of them uses */
  readonly unused: number
}

/** A host without an agent. */
export const PROBER: Host = {
  id: 'prober',
  name: 'prober',
  vtep: '198.19.0.1' as Ip,
  boot: 'bench',
}
/** Networks with endpoints of that host only. */
export const UNUSED_NETWORKS = 1_000

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

export const networksOf = ({ hosts }: World): number =>
  (hosts / HOSTS_OF_NETWORK) * NETWORKS_OF_HOST

export function hostOf(at: number): Host {
  const vtep = `198.18.${at >> 8}.${at & 255}` as Ip
  return { id: `agent${at}`, name: `agent${at}`, vtep, boot: 'bench' }
}

export function networkOf(at: number): Network {
  const segments = [{ vni: 256 + at, subnets: [{ pool: poolOf(at) }] }]
  const key = `network${at}`
  return { key, identity: `id:${key}`, space: '', backend: 'overlay', segments, internal: false }
}

const poolOf = (at: number): Cidr => `10.${at % 256}.0.0/16` as Cidr

/** Networks of a host, spread so that two hosts seldom share both. */
export function membership(world: World, host: number): readonly number[] {
  const half = networksOf(world) / NETWORKS_OF_HOST
  return [Math.floor(host / HOSTS_OF_NETWORK), half + (host % half)]
}

/** An endpoint of a network on one of its hosts. */
export function endpointOf(network: number, at: number, world: World): Endpoint {
  const half = networksOf(world) / NETWORKS_OF_HOST
  const member = at % HOSTS_OF_NETWORK
  const host = network < half ? network * HOSTS_OF_NETWORK + member : network - half + member * half
  return {
    id: hex(at, 64),
    network: `network${network}`,
    host: `agent${host}`,
    boot: 'bench',
    mac: `02:42:0a:${hex(network % 256, 2)}:${hex(at >> 8, 2)}:${hex(at & 255, 2)}` as Mac,
    addresses: [`10.${network % 256}.${at >> 8}.${at & 255}/16` as Cidr],
  }
}

/** Of a network that no agent uses, whose number comes after all that are used. */
export function unusedEndpointOf(network: number, member: number): Endpoint {
  return {
    id: hex(member, 64),
    network: `network${network}`,
    host: PROBER.id,
    boot: PROBER.boot,
    mac: `02:43:${hex(network >> 8, 2)}:${hex(network & 255, 2)}:00:${hex(member, 2)}` as Mac,
    addresses: [`10.${network % 256}.0.${member}/16` as Cidr],
  }
}

/** An endpoint of a host that has no agent, whose MAC tells when it was written. */
/** @param network number of a used one, or `networksOf` and more for one that is not */
export function probeOf(network: number, now: number): Endpoint {
  const ticks = hex(Math.round(now * 100) % 2 ** 40, 10)
  const mac = `06:${ticks.match(/../g)?.join(':')}` as Mac
  const addresses = [`10.${network % 256}.255.254/16` as Cidr]
  return {
    id: PROBE_ID,
    network: `network${network}`,
    host: PROBER.id,
    boot: PROBER.boot,
    mac,
    addresses,
  }
}

/** @returns how long ago (ms) a probe's MAC was made; undefined for any other MAC */
export function ageOf(mac: string, now: number): number | undefined {
  if (!mac.startsWith('06:')) return undefined
  const ticks = Number.parseInt(mac.slice(3).replaceAll(':', ''), 16)
  return ((Math.round(now * 100) % 2 ** 40) - ticks) / 100
}

/** Milliseconds on a clock that all processes of this machine share. */
export const sharedNow = (): number => performance.timeOrigin + performance.now()
