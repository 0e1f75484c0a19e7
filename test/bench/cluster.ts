/**
 * A cluster of hosts that have no kernel: who is on which network, the same in every process. All of
 * them have containers on one network, and each is on a small one with nine others.
 */
import type { Cidr, Ip } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import type { Endpoint, Host, Network, NetworkKey } from '../../src/core/types.js'
import { type BlockDocument, documents } from '../../src/state/documents.js'
import { keys } from '../../src/state/keys.js'
import type { Entry } from './population.js'

/** With the three of the lab 200. */
export const HOSTS = 197
/** With one on the small network of each host 10,000. */
export const ENDPOINTS = 10_000 - HOSTS
const HOSTS_OF_GROUP = 10
export const GROUPS = Math.ceil(HOSTS / HOSTS_OF_GROUP)
/** Of the network of all; a host's block of it has 64 addresses. */
export const POOL = '10.31.0.0/16' as Cidr
/** Blocks of the pool that are left to hosts of the lab. */
const FIRST_BLOCK = 8

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
export const indexes = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, at) => at)
const groupOf = (host: number): number => Math.floor(host / HOSTS_OF_GROUP)

export function hostOf(at: number): Host {
  const id = `bench-host-${at}`
  return { id, name: id, vtep: `198.18.0.${at + 1}` as Ip, boot: 'bench' }
}

/** The small network of a host. */
export function groupNetwork(host: number): Network {
  const group = groupOf(host)
  const pool = `10.32.${group}.0/24` as Cidr
  const key = `bench-group-${group}`
  const segments = [{ vni: 9_000 + group, subnets: [{ pool }] }]
  return {
    key,
    identity: `pools:${pool}`,
    space: '',
    backend: 'overlay',
    segments,
    internal: false,
  }
}

/** The container of a host on its small network. */
export function groupEndpoint(host: number): Endpoint {
  const address = `10.32.${groupOf(host)}.${10 + (host % HOSTS_OF_GROUP)}/24` as Cidr
  return endpoint(host, ENDPOINTS + host, groupNetwork(host).key, address)
}

/** A container of the network of all; each host has the same number of them, or one more. */
function listedEndpoint(network: NetworkKey, at: number): Endpoint {
  const host = at % HOSTS
  const low = firstOf(host) + 1 + Math.floor(at / HOSTS)
  return endpoint(host, at, network, `10.31.${low >> 8}.${low & 255}/16` as Cidr)
}

function endpoint(host: number, at: number, network: NetworkKey, address: Cidr): Endpoint {
  const { id, boot } = hostOf(host)
  const mac = `06:42:00:00:${hex(at >> 8, 2)}:${hex(at & 255, 2)}` as Mac
  // as every container has one, too
  const shortId = hex(at, 12)
  const names = [`bench-${at}`, shortId]
  return { id: hex(at, 64), network, host: id, boot, mac, addresses: [address], names }
}

/** Of a host's block. */
const firstOf = (host: number): number => (FIRST_BLOCK + host) * 64

/**
 * All that is in the store of them but that they are alive.
 * @param network key of the network of all, which a host of the lab has made with POOL
 */
export function recordsOf(network: NetworkKey): readonly Entry[] {
  const hosts = indexes(HOSTS)
  return [
    ...hosts.map((at) => entry(keys.host(hostOf(at).id), documents.host.encode(hostOf(at)))),
    ...hosts.map((at) => attachment(network, at)),
    ...hosts.map((at) => attachment(groupNetwork(at).key, at)),
    ...hosts.map((at) => block(at)),
    ...indexes(GROUPS).map((group) => {
      const made = groupNetwork(group * HOSTS_OF_GROUP)
      return entry(keys.network(made.key), documents.network.encode(made))
    }),
    ...hosts.map((at) => endpointEntry(groupEndpoint(at))),
    ...indexes(ENDPOINTS).map((at) => endpointEntry(listedEndpoint(network, at))),
  ]
}

const entry = (key: string, value: string): Entry => ({ key: `/tsoverlay${key}`, value })

function endpointEntry(made: Endpoint): Entry {
  const key = keys.endpoint(made.network, made.host, made.id)
  return entry(key, documents.endpoint.encode(made))
}

function attachment(network: NetworkKey, host: number): Entry {
  const value = JSON.stringify({ dockerNetwork: hex(host, 64) })
  return entry(keys.attachment(network, hostOf(host).id), value)
}

function block(host: number): Entry {
  const first = firstOf(host)
  const range = `10.31.${first >> 8}.${first & 255}/26` as Cidr
  const owner: BlockDocument = { host: hostOf(host).id }
  return entry(keys.block({ space: '', pool: POOL }, range), documents.block.encode(owner))
}
