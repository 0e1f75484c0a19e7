/**
 * The only place where a store key is built or parsed. docs/design/store.md describes the layout.
 * Keys are relative to STORE_PREFIX.
 */
import type { Cidr, Ip } from '../core/ip.js'
import type { EndpointId, HostId, NetworkKey } from '../core/types.js'

/** A pool as the store knows it: the same CIDR may stand in several address spaces. */
export interface PoolRef {
  /** rendezvous name of the network, empty for the space that all unnamed networks share */
  readonly space: string
  /** host bits cleared */
  readonly pool: Cidr
}

/** Stands for a host id where swarm's leader, whichever it is, decides for all hosts. */
export const SWARM: HostId = 'swarm'

/** No rendezvous name can be this: names start with a letter or a digit. */
const DEFAULT_SPACE = '_'

const spacePart = (space: string): string => (space === '' ? DEFAULT_SPACE : space)
const poolPart = (ref: PoolRef): string => `${spacePart(ref.space)}/${ref.pool.replace('/', '-')}`
/** Fixed width, so that a listing is in numeric order. */
const vniPart = (vni: number): string => vni.toString().padStart(8, '0')

export const keys = {
  /** Changes when the store has lost data; see epoch.ts. */
  generation: '/generation',
  hosts: '/hosts/',
  /** Which address ranges a host uses itself, so that no network gets one of them. */
  allRanges: '/ranges/',
  ranges: (id: HostId) => `/ranges/${id}`,
  /** Which networks a host cannot have as they should be, and why. */
  allTroubles: '/troubles/',
  troubles: (id: HostId) => `/troubles/${id}`,
  host: (id: HostId) => `/hosts/${id}`,
  /** Written by its host after every transaction in doubt; see fenced-store.ts. */
  hostGate: (id: HostId) => `/gates/hosts/${id}`,
  allAlive: '/alive/',
  alive: (id: HostId) => `/alive/${id}`,
  networks: '/networks/',
  network: (key: NetworkKey) => `/networks/${key}`,
  /** Written whenever a host attaches, so that a concurrent removal of the network notices. */
  networkGate: (key: NetworkKey) => `/gates/networks/${key}`,
  allAttachments: '/attached/',
  attachments: (key: NetworkKey) => `/attached/${key}/`,
  attachment: (key: NetworkKey, host: HostId) => `/attached/${key}/${host}`,
  publications: '/published/',
  /** What docker knows a network by: for NETWORK_SYNC. */
  publication: (key: NetworkKey) => `/published/${key}`,
  /** Which network has a name; made by transaction, so that of two hosts one gets it. */
  name: (name: string) => `/names/${encodeURIComponent(name)}`,
  staticNames: '/dns/',
  /** What people call something that is no container. `name` above is of networks. */
  staticName: (name: string) => `/dns/${name}`,
  vnis: '/vnis/',
  vni: (vni: number) => `/vnis/${vniPart(vni)}`,
  /** To which of the networks without a name a subnet belongs. */
  subnet: (pool: Cidr) => `/subnets/${pool.replace('/', '-')}`,
  allEndpoints: '/endpoints/',
  endpoints: (key: NetworkKey) => `/endpoints/${key}/`,
  hostEndpoints: (key: NetworkKey, host: HostId) => `/endpoints/${key}/${host}/`,
  endpoint: (key: NetworkKey, host: HostId, id: EndpointId) => `/endpoints/${key}/${host}/${id}`,
  pools: (space: string) => `/pools/${spacePart(space)}/`,
  allPools: '/pools/',
  pool: (ref: PoolRef) => `/pools/${poolPart(ref)}`,
  /**
   * Written with every new pool of the space and every removal: serialises the overlap check. It goes
   * with the last pool of the space, in the same transaction.
   */
  poolGate: (space: string) => `/gates/pools/${spacePart(space)}`,
  /** Written with every new routed network: of two whose pools overlap, one sees the other. */
  routedGate: '/gates/routed',
  allHolders: '/holders/',
  holders: (ref: PoolRef) => `/holders/${poolPart(ref)}/`,
  holder: (ref: PoolRef, host: HostId) => `/holders/${poolPart(ref)}/${host}`,
  addresses: (ref: PoolRef) => `/addresses/${poolPart(ref)}/`,
  address: (ref: PoolRef, ip: Ip) => `/addresses/${poolPart(ref)}/${ip}`,
  allAddresses: '/addresses/',
  allBlocks: '/blocks/',
  blocks: (ref: PoolRef) => `/blocks/${poolPart(ref)}/`,
  block: (ref: PoolRef, block: Cidr) => `/blocks/${poolPart(ref)}/${block.replace('/', '-')}`,
  allAsks: '/asks/',
  /** What other hosts want of addresses in this host's blocks. */
  asks: (owner: HostId) => `/asks/${owner}/`,
  ask: (owner: HostId, id: string) => `/asks/${owner}/${id}`,
  /** What a host is asked, and what it is answered: one watch shows both. */
  inquiries: (host: HostId) => `/inquiries/${host}/`,
  questions: (asked: HostId) => `/inquiries/${asked}/questions/`,
  question: (asked: HostId, id: string) => `/inquiries/${asked}/questions/${id}`,
  /** of the question with that id, which this host has asked another one */
  answer: (asker: HostId, id: string) => `/inquiries/${asker}/answers/${id}`,
} as const

/** The last part of a key: a host id, an endpoint id, an address. */
export function lastPart(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1)
}

/** The block of a key below keys.blocks. */
export function blockOfKey(key: string): Cidr {
  return lastPart(key).replace('-', '/') as Cidr
}

/** The network and the host of a key below keys.allAttachments or keys.allEndpoints. */
export function attachmentOf(key: string): { readonly network: NetworkKey; readonly host: HostId } {
  const [, , network = '', host = ''] = key.split('/')
  return { network, host }
}

/** The pool of a key below keys.allAddresses, keys.allBlocks or keys.allHolders. */
export function poolOfKey(key: string): PoolRef {
  const [, , space = '', pool = ''] = key.split('/')
  return { space: space === DEFAULT_SPACE ? '' : space, pool: pool.replace('-', '/') as Cidr }
}

/** The VNI of a key below keys.vnis. */
export function vniOf(key: string): number {
  return Number(lastPart(key))
}
