/** The port of a container in its network's place, and whether it may speak there: pure. */
import { ipOf } from '../../../core/ip.js'
import type { RulesReading } from '../../../core/kernel.js'
import type { Surroundings } from '../../../core/path-facts.js'
import { HOST, type Place } from '../../../core/plan.js'
import type { Endpoint } from '../../../core/types.js'
import { type Finding, failed, ok, type Subject, unknown } from '../finding.js'

/** Where a port is wanted, as a plan has it. */
export interface WantedPort {
  readonly place: Place
  readonly name: string
  readonly bridge: string
}

/** What a command begins with that is to work in a place. */
export function inPlace(place: Place): string {
  return place === HOST ? '' : `tsoverlay netns ${place} `
}

export function aboutIn(place: Place, name: string): string {
  return place === HOST ? name : `${name} in ${place}`
}

/** @param container its name @param there undefined: the place is not there */
export function judgePort(
  wanted: WantedPort,
  container: string,
  there: Surroundings | undefined,
): Finding {
  const { place, name, bridge } = wanted
  const subject = { hop: 'port', about: aboutIn(place, name) }
  if (there === undefined)
    return failed(
      subject,
      `the sandbox ${place} of the network is not there`,
      `docker restart ${container}`,
    )
  const port = there.links.find((link) => link.name === name)
  if (port === undefined)
    return failed(subject, `the port of ${container} is not there`, `docker restart ${container}`)
  const set = `${inPlace(place)}ip link set ${name}`
  if (port.master !== bridge)
    return failed(subject, `it is no port of the bridge ${bridge}`, `${set} master ${bridge}`)
  if (!port.up) return failed(subject, 'the port is down', `${set} up`)
  if (port.port !== undefined && port.carrier && port.port.state !== 'forwarding') {
    const command = `${inPlace(place)}bridge link set dev ${name} state 3`
    return failed(subject, `the bridge does not forward on it: it is ${port.port.state}`, command)
  }
  return judgeBridge(subject, wanted, there)
}

function judgeBridge(
  subject: Subject,
  { place, bridge }: WantedPort,
  { links }: Surroundings,
): Finding {
  const found = links.find(({ name }) => name === bridge)
  if (found === undefined) return failed(subject, `its bridge ${bridge} is not there`)
  if (!found.up)
    return failed(
      subject,
      `its bridge ${bridge} is down`,
      `${inPlace(place)}ip link set ${bridge} up`,
    )
  return ok(subject, `up, a port of ${bridge}, forwarding`)
}

const TABLE = 'bridge tsoverlay'

/**
 * Whether the source check knows the container behind its port.
 * @param rules of the place, as they are; undefined: they could not be read
 */
export function judgeSource(
  { place, name }: WantedPort,
  { mac, addresses }: Pick<Endpoint, 'mac' | 'addresses'>,
  rules: readonly RulesReading[] | undefined,
): Finding {
  const subject = { hop: 'source check', about: aboutIn(place, name) }
  if (rules === undefined) return unknown(subject, 'the rules of this kernel cannot be read')
  const table = rules.find((one) => one.table === TABLE)
  if (table === undefined) return ok(subject, 'there is none')
  const has = (set: string, value: string): boolean =>
    table.sets.some((one) => one.name === set && one.elements.includes(`${name} . ${value}`))
  const add = (set: string, value: string): string =>
    `${inPlace(place)}nft add element ${TABLE} ${set} '{ "${name}" . ${value} }'`
  if (!has('macs', mac))
    return failed(subject, `frames from ${mac} are dropped at its port`, add('macs', mac))
  for (const ip of addresses.map(ipOf)) {
    const set = ip.includes(':') ? 'ip6' : 'ip4'
    if (!has(set, ip))
      return failed(subject, `packets from ${ip} are dropped at its port`, add(set, ip))
  }
  return ok(subject, `${mac}, ${addresses.map(ipOf).join(', ')} may speak`)
}
