/** A vxlan device and what it knows of another host: pure. */
import type { Ip } from '../../../core/ip.js'
import type { Mac } from '../../../core/mac.js'
import type { Surroundings } from '../../../core/path-facts.js'
import type { Place, VxlanLink } from '../../../core/plan.js'
import { describeVxlan, type VxlanDevice } from '../../../core/vxlan-device.js'
import { type Finding, failed, ok, type Subject } from '../finding.js'
import { aboutIn, inPlace } from './port.js'

/** Whether the device is as the plan has it. @param holders devices of others with their VNIs */
export function judgeVxlan(
  wanted: VxlanLink,
  place: Place,
  there: Surroundings,
  holders: readonly VxlanDevice[],
): Finding {
  const subject = { hop: 'vxlan device', about: aboutIn(place, wanted.name) }
  const found = there.links.find(({ name }) => name === wanted.name)
  if (found?.vxlan === undefined) return absent(subject, wanted, holders)
  const { vni, port, local } = found.vxlan
  // Made anew by the next pass, which comes with the kernel's notice.
  const anew = `${inPlace(place)}ip link del ${wanted.name}`
  if (vni !== wanted.vni) return failed(subject, `its VNI is ${vni} and not ${wanted.vni}`, anew)
  if (port !== wanted.port)
    return failed(subject, `it sends to UDP port ${port} and not ${wanted.port}`, anew)
  if (local !== wanted.local)
    return failed(subject, `it sends from ${local ?? 'any address'} and not ${wanted.local}`, anew)
  const set = `${inPlace(place)}ip link set ${wanted.name}`
  if (!found.up) return failed(subject, 'the device is down', `${set} up`)
  if (wanted.master !== undefined && found.master !== wanted.master)
    return failed(subject, `it is no port of ${wanted.master}`, `${set} master ${wanted.master}`)
  return ok(subject, `up, VNI ${vni}, UDP port ${port}, from ${local ?? 'any address'}`)
}

function absent(subject: Subject, wanted: VxlanLink, holders: readonly VxlanDevice[]): Finding {
  const holder = holders.find(({ vni, port }) => vni === wanted.vni && port === wanted.port)
  if (holder === undefined) return failed(subject, 'the device is not there')
  const says = `the device is not there: its VNI ${wanted.vni} is taken by ${describeVxlan(holder)}`
  return failed(subject, says, removalOf(holder))
}

function removalOf({ name, namespace }: VxlanDevice): string {
  return `${namespace === undefined ? '' : `tsoverlay netns ${namespace} `}ip link del ${name}`
}

/** What leads to another host, as the store has it. */
export interface WantedEntry {
  readonly place: Place
  readonly dev: string
  /** of the container, or of the gateway on the other host */
  readonly ip: Ip
  readonly mac: Mac
  /** of its host */
  readonly vtep: Ip
}

/** The neighbour by which the device answers for the address. */
export function judgeEntry({ place, dev, ip, mac }: WantedEntry, there: Surroundings): Finding {
  const subject = { hop: 'neighbour entry', about: `${ip} on ${aboutIn(place, dev)}` }
  const found = there.neighbours.find((one) => one.ip === ip && one.dev === dev)
  const put = `${inPlace(place)}ip neigh replace ${ip} lladdr ${mac} dev ${dev} nud permanent`
  if (found?.mac === undefined)
    return failed(subject, `there is no entry for ${ip}: nobody answers who has it`, put)
  if (found.mac !== mac)
    return failed(subject, `the entry says ${found.mac}, the store ${mac}`, put)
  return ok(subject, `${mac}, as the store has it`)
}

/** Where the device sends what is for the MAC. @param nameOf name of the host with a VTEP */
export function judgeFdb(
  { place, dev, mac, vtep }: WantedEntry,
  there: Surroundings,
  nameOf: (vtep: Ip) => string | undefined,
): Finding {
  const subject = { hop: 'FDB entry', about: `${mac} on ${aboutIn(place, dev)}` }
  const found = there.fdb.filter((one) => one.dev === dev && one.mac === mac)
  const entry = found.find((one) => one.vtep !== undefined)
  const put = `${inPlace(place)}bridge fdb replace ${mac} dev ${dev} dst ${vtep} self permanent`
  if (entry?.vtep === undefined)
    return failed(subject, `there is no entry: what is for ${mac} is dropped`, put)
  if (entry.vtep === vtep) return ok(subject, `to ${vtep} (${nameOf(vtep) ?? 'no host known'})`)
  const other = nameOf(entry.vtep)
  const says = `packets are sent to ${entry.vtep}${other === undefined ? '' : ` (${other})`} and not to ${vtep} (${nameOf(vtep) ?? 'its host'})`
  return failed(subject, says, put)
}
