/** What a network's MTU may be, whatever carries its packets: pure. */
import { TsoverlayError } from '../core/errors.js'
import { familyOf } from '../core/ip.js'
import { invalidOption } from '../core/options.js'
import { poolsOf } from '../core/pools.js'
import type { Network, Underlay } from '../core/types.js'

const MTU_OPTION = 'com.docker.network.driver.mtu'
/** The least that every link must carry: RFC 791 (every host takes it) and RFC 8200 section 5. */
const SMALLEST_MTU = { 4: 576, 6: 1280 } as const

/** Outer Ethernet (14), IP (20 or 40), UDP (8) and VXLAN (8) headers: RFC 7348 section 5. */
export function vxlanOverhead(underlay: Underlay): number {
  return familyOf(underlay.vtep) === 4 ? 50 : 70
}

/** MTU of the containers' interfaces, bytes. @param overhead what the encapsulation takes of each packet */
export function mtuOf(network: Pick<Network, 'mtu'>, underlay: Underlay, overhead: number): number {
  return network.mtu ?? underlay.mtu - overhead
}

/** @throws TsoverlayError OPTION_INVALID, POOL_INVALID where the underlay carries too little */
export function checkMtu(
  network: Pick<Network, 'segments' | 'mtu'>,
  underlay: Underlay,
  overhead: number,
): void {
  const largest = underlay.mtu - overhead
  const pools = poolsOf(network)
  const ipv6 = pools.find((pool) => familyOf(pool) === 6)
  const smallest = SMALLEST_MTU[ipv6 === undefined ? 4 : 6]
  const mtu = network.mtu ?? largest
  if (mtu >= smallest && mtu <= largest) return
  const takes = overhead === 0 ? '' : `, of which the encapsulation takes ${overhead}`
  const carries = `this host's underlay carries ${underlay.mtu} bytes${takes}`
  if (largest < smallest) {
    throw new TsoverlayError(
      'POOL_INVALID',
      `subnet ${ipv6 ?? pools[0]} is not usable on this host: it needs an MTU of ${smallest} at least, and ${carries}`,
    )
  }
  const why = ipv6 === undefined ? '' : ', and IPv6 needs 1280'
  throw invalidOption('-o', MTU_OPTION, String(mtu), `${smallest} to ${largest}: ${carries}${why}`)
}
