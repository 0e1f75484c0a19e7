/** The way between two hosts: pure. */
import { familyOf, type Ip } from '../../../core/ip.js'
import type { Mac } from '../../../core/mac.js'
import type { Surroundings } from '../../../core/path-facts.js'
import type { Underlay, Way } from '../../../core/types.js'
import { type Finding, failed, ok, unknown, warning } from '../finding.js'

/** Bytes that VXLAN puts around a packet, with the outer header of each family (RFC 7348). */
const OVERHEAD = { 4: 50, 6: 70 } as const

/** @param host the namespace of this host, with the route to the VTEP */
export function judgeUnderlay(way: Way, underlay: Underlay, host: Surroundings): Finding {
  const { vtep } = way
  const subject = { hop: 'underlay', about: `route to ${vtep}` }
  const route = host.routes.find(({ to }) => to === vtep)
  if (route === undefined || route.kind === 'none')
    return failed(subject, `this host has no route to ${vtep}`, lacking(way, underlay))
  if (route.kind === 'local')
    return failed(subject, `this host has the address ${vtep} itself`, removal(vtep, host))
  const dev = host.links.find(({ name }) => name === route.dev)
  if (dev === undefined) return unknown(subject, `its device ${route.dev} is not there`)
  if (!dev.up) return failed(subject, `${dev.name} is down`, `ip link set ${dev.name} up`)
  if (!dev.carrier)
    return failed(subject, `${dev.name} has no carrier: its cable is not plugged in`)
  if (way.dev !== undefined && way.dev !== dev.name) {
    const first = host.table.find(({ type }) => type === 'unicast')
    const command =
      first && `ip route del ${first.to}${first.via ? ` via ${first.via}` : ''} dev ${dev.name}`
    return failed(subject, `packets leave by ${dev.name} and not by ${way.dev}`, command)
  }
  return ok(subject, `by ${dev.name}${route.via === undefined ? '' : ` via ${route.via}`}`)
}

function lacking({ dev }: Way, { link }: Underlay): string | undefined {
  return dev === undefined || link === undefined
    ? undefined
    : `ip route add ${link.subnet} dev ${dev}`
}

function removal(vtep: Ip, { links }: Surroundings): string | undefined {
  for (const { name, addresses } of links) {
    const address = addresses.find((one) => one.startsWith(`${vtep}/`))
    if (address !== undefined) return `ip addr del ${address} dev ${name}`
  }
  return undefined
}

/**
 * Whether this host believes the right MAC of the other one.
 * @param mac of its device, as it says itself; undefined: it has not said
 */
export function judgeOtherHost(
  { vtep, dev }: Way,
  mac: Mac | undefined,
  host: Surroundings,
): readonly Finding[] {
  const subject = { hop: 'underlay neighbour', about: `${vtep} on ${dev ?? ''}` }
  const found = host.neighbours.find((one) => one.ip === vtep && one.dev === dev)
  if (dev === undefined || found === undefined) return []
  if (found.mac === undefined)
    return [warning(subject, `nobody answers on ${dev} who has ${vtep} (${found.state})`)]
  if (mac === undefined || found.mac === mac) return [ok(subject, `${found.mac}, ${found.state}`)]
  const says = `${vtep} is at ${found.mac} here, the host itself has ${mac}: another machine has its address, too`
  return [failed(subject, says, `ip neigh replace ${vtep} lladdr ${mac} dev ${dev} nud permanent`)]
}

/** The MTUs on the way of a packet. */
export interface Passage {
  /** of the container's interface */
  readonly container: number
  readonly device: string
  /** of the underlay's device, and of its route if that has one */
  readonly underlay: number
  readonly tunnelled: boolean
  readonly vtep: Ip
}

/** Whether what the container may send fits through. */
export function judgeMtu(name: string, passage: Passage): Finding {
  const { container, device, underlay, tunnelled, vtep } = passage
  const subject = { hop: 'MTU', about: device }
  const overhead = tunnelled ? OVERHEAD[familyOf(vtep)] : 0
  const needed = container + overhead
  if (needed <= underlay) return ok(subject, `${underlay}, and packets of ${name} need ${needed}`)
  const around = tunnelled ? `, in the tunnel ${needed}` : ''
  const says = `${name} sends packets of up to ${container} bytes${around}; ${device} takes ${underlay}`
  return failed(subject, says, `ip link set ${device} mtu ${needed}`)
}

export interface Alive {
  readonly name: string
  /** who asks, and may take it out of the cluster */
  readonly asker: string
  readonly vtep: Ip
  /** its kernel answers on the underlay; undefined: it could not be asked */
  readonly echoes: boolean | undefined
  /** the store has it as running: it was, less than 15 s ago */
  readonly announced: boolean
  readonly plugin: string
}

/** What is wrong with a host whose plugin does not answer. */
export function judgeAway(away: Alive): Finding {
  const { name, vtep, echoes, plugin } = away
  if (echoes === false) return judgeOff(away)
  const subject = { hop: 'agent', about: `plugin of ${name}` }
  const seen = echoes === true ? `The host itself answers on ${vtep}. ` : ''
  const says = `its plugin does not run, or does not reach the store: nobody keeps the host's tables. ${seen}`
  return {
    ...failed(subject, says.trim()),
    mend: { host: name, command: `docker plugin enable ${plugin}` },
  }
}

/** A host that was there a moment ago cannot be removed yet. */
function judgeOff({ name, asker, vtep, announced }: Alive): Finding {
  const subject = { hop: 'host', about: name }
  const off = 'it is off, or its cable is not plugged in. Start it'
  if (announced) return failed(subject, `the host answers on ${vtep} no more: ${off}`)
  const says = `the host answers neither on ${vtep} nor in the store: ${off}; if it will not come back, what is typed frees what it has`
  const command = `tsoverlay host rm ${name} # only if it will not come back`
  return { ...failed(subject, says), mend: { host: asker, command } }
}
