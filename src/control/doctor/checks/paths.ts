/** Whether full packets of the underlay get to each host: what routed networks without a tunnel send. */
import { familyOf, type Ip } from '../../../core/ip.js'
import type { Dataplane } from '../../../core/ports.js'
import type { Peers } from '../../peers/peers.js'
import type { UnderlaySource } from '../../underlay/underlay-source.js'
import { type Check, type Found, failed, ok, orOk, warning } from '../check.js'

const AT_ONCE = 64
const TRIES = 2
/** What every path lets through. */
const LEAST = { 4: 576, 6: 1_280 } as const

export interface PathFacts {
  readonly host: string
  readonly vtep: Ip
  readonly dev: string
  readonly mtu: number
  /** answered ones; undefined: such a packet is not sent there */
  readonly full: number | undefined
  readonly small: number | undefined
  readonly kept?: number
}

export interface PathsParts {
  readonly dataplane: Pick<Dataplane, 'echo' | 'pathMtus'>
  readonly peers: Pick<Peers, 'used'>
  readonly underlay: Pick<UnderlaySource, 'known'>
}

export function pathsCheck({ dataplane, peers, underlay }: PathsParts): Check {
  return {
    name: 'paths',
    look: async () => {
      const { known } = underlay
      if (known === undefined) return []
      const kept = await dataplane.pathMtus()
      const found: Found[] = []
      const near = peers.used().filter(({ vtep }) => familyOf(vtep) === familyOf(known.vtep))
      const turns = near.values()
      const lane = async (): Promise<void> => {
        for (const { name, vtep } of turns) {
          const full = await dataplane.echo(known.vtep, vtep, known.mtu, TRIES)
          const least = LEAST[familyOf(vtep)]
          const small = full ? full : await dataplane.echo(known.vtep, vtep, least, TRIES)
          const limit = kept.get(vtep)
          const dev = known.link?.dev ?? ''
          const facts = { host: name, vtep, dev, mtu: known.mtu, full, small }
          found.push(judgePath(limit === undefined ? facts : { ...facts, kept: limit }))
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, lane))
      return orOk(found, 'there is no other host to which this one sends')
    },
  }
}

export function judgePath({ host, vtep, dev, mtu, full, small, kept }: PathFacts): Found {
  const about = `host ${host}`
  if (full) return ok(about, `packets of ${mtu} bytes get to ${vtep} and back`)
  if (small === undefined) {
    return failed(
      about,
      `this host has no way to ${vtep}`,
      `give it a route there: ip route get ${vtep} tells what is wrong`,
    )
  }
  // Echo requests may be dropped where VXLAN passes, so nothing follows from that.
  if (small === 0)
    return ok(about, `${vtep} does not answer echo requests (ICMP), so its path cannot be measured`)
  const says = `packets of ${mtu} bytes do not get to ${vtep} and back, small ones do`
  const mend = `give the network between the hosts an MTU of ${mtu}, or both hosts one that passes: ip link set dev ${dev} mtu N`
  return kept === undefined
    ? failed(about, says, mend)
    : warning(about, `${says}; packets are kept to ${kept} bytes on that path`, mend)
}
