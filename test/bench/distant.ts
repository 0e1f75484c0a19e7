/** Hosts that do not exist, each with a block of a routed network: as the store and as iproute2 have them. */
import type { Host } from '../lab/host.js'
import type { Batch } from './batch.js'
import type { Entry } from './population.js'
import type { Routed } from './routed.js'

/** Wide enough for 4,096 blocks of 256 addresses. */
export const POOL = '10.64.0.0/12'
/** The first blocks of the pool are left to hosts that exist. */
const FIRST = 1_024
/** So many addresses of the lab's link: host-gw needs next hops there, and the link has not a thousand. */
const VTEPS = 200

export interface Distant {
  readonly host: Entry
  readonly block: Entry
  /** CIDR of the block */
  readonly range: string
  /** first address of the block */
  readonly first: string
  readonly vtep: string
  readonly mac: string
}

const hex = (value: number): string => value.toString(16).padStart(2, '0')

/** Their keys begin so, and no other host's. */
export const HOSTS = '/tsoverlay/hosts/bench-distant-'
/** As keys of blocks of the pool begin, whoever has them. */
export const BLOCKS = `/tsoverlay/blocks/_/${POOL.replace('/', '-')}/`

/**
 * @param near a host of the lab, on whose link they seem to be
 * @param own ranges of the pool that hosts of the lab have
 */
export function distantHosts(
  near: Host,
  count: number,
  own: ReadonlySet<string>,
): readonly Distant[] {
  const found: Distant[] = []
  for (let at = FIRST; found.length < count; at += 1) {
    const first = `10.${64 + (at >> 8)}.${at & 255}.0`
    if (!own.has(`${first}/24`)) found.push(distant(near, at, first))
  }
  return found
}

function distant(near: Host, at: number, first: string): Distant {
  const id = `bench-distant-${at}`
  const vtep = near.address.replace(/\d+$/, `${20 + (at % VTEPS)}`)
  const range = `${first}/24`
  return {
    host: { key: `${HOSTS}${at}`, value: JSON.stringify({ id, name: id, vtep, boot: 'bench' }) },
    block: { key: `${BLOCKS}${range.replace('/', '-')}`, value: JSON.stringify({ host: id }) },
    range,
    first,
    vtep,
    mac: `06:43:00:00:${hex(at >> 8)}:${hex(at & 255)}`,
  }
}

/** What leads to them, in the words of iproute2. */
export function batchOf(backend: Routed, near: Host, hosts: readonly Distant[]): Batch {
  const address = `${near.address}/24`
  if (backend === 'host-gw') {
    return {
      device: 'bench0 type bridge',
      address,
      ip: hosts.map(({ range, vtep }) => `route add ${range} via ${vtep} dev bench0 proto 116`),
    }
  }
  return {
    device: `bench0 type vxlan id 77 dstport 5789 local ${near.address} nolearning`,
    address,
    ip: hosts.flatMap(({ range, first, mac }) => [
      `route add ${range} via ${first} dev bench0 proto 116 onlink`,
      `neigh add ${first} lladdr ${mac} dev bench0 nud permanent`,
    ]),
    bridge: hosts.map(({ mac, vtep }) => `fdb add ${mac} dev bench0 dst ${vtep} self permanent`),
  }
}
