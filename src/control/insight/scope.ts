/** What of a place is one network's: pure. A sandbox is all of it; the host's own namespace has many. */
import { type Cidr, contains, parseCidr, parseIp } from '../../core/ip.js'
import { HOST, type Part, type Place } from '../../core/plan.js'
import { poolsOf } from '../../core/pools.js'
import type { Network } from '../../core/types.js'

export interface Scope {
  readonly place: Place
  hasDevice(dev: string): boolean
  /** a range, or an address */
  covers(range: string): boolean
  hasVni(vni: string): boolean
}

/** @param part what the network wants at home; absent: nothing */
export function scopeOf(place: Place, network: Network, part: Part | undefined): Scope {
  const vnis = new Set(network.segments.map(({ vni }) => `${vni}`))
  const hasVni = (vni: string): boolean => vnis.has(vni)
  if (place !== HOST) return { place, hasVni, hasDevice: () => true, covers: () => true }
  const devices = new Set(part?.links.map(({ name }) => name) ?? [])
  const pools = poolsOf(network)
  return {
    place,
    hasVni,
    hasDevice: (dev) => devices.has(dev),
    covers: (text) => {
      const range: Cidr | undefined = parseCidr(text.includes('/') ? text : `${text}/${bits(text)}`)
      return range !== undefined && pools.some((pool) => contains(pool, range))
    },
  }
}

function bits(text: string): number {
  return text.includes(':') ? 128 : 32
}

/** Sets whose elements are of no network alone. */
const OF_ALL = /^(vteps[46]|trunk)$/

/** Whether an element of a set of rules is of the network. */
export function isElementOf(scope: Scope, set: string, element: string): boolean {
  if (scope.place !== HOST || OF_ALL.test(set)) return true
  if (set === 'vnis') return scope.hasVni(element)
  const fields = element.split(/ [.:] /)
  return fields.some((field) => scope.hasDevice(field) || (isAddress(field) && scope.covers(field)))
}

function isAddress(field: string): boolean {
  return parseIp(field) !== undefined || parseCidr(field) !== undefined
}
