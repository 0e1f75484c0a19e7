/**
 * The other end of a path: what this host does with packets of a container elsewhere, up to the socket,
 * and with the answers. Asked by the host that traces (the kind `arrival` of core/inquiry.ts).
 */

import type { Answer, Params } from '../../core/inquiry.js'
import { contains, type Ip } from '../../core/ip.js'
import type { Mac } from '../../core/mac.js'
import type { Surroundings, TriedPacket } from '../../core/path-facts.js'
import { HOST } from '../../core/plan.js'
import type { Way } from '../../core/types.js'
import { type Arrival, arrivalOf, leadBack, plannedRange } from './arrival.js'
import { back, type Finding, failed, hopsOf } from './finding.js'
import { insideOf, receiving, sending } from './inside.js'
import { interfaceOf } from './judge/container.js'
import { judgeAdmission, judgeRules } from './judge/firewall.js'
import { judgeVxlan } from './judge/tunnel.js'
import { judgeOtherHost } from './judge/underlay.js'
import {
  look,
  portOf,
  routing,
  rulesOutward,
  type Sender,
  type There,
  tunnelling,
  underlayOf,
} from './outward.js'
import type { Load, Path, States, TraceParts } from './parts.js'
import { homeIn, isRouted } from './wanted.js'

/** Never fails for what is wrong on the way: that is what it answers. */
export async function arrive(
  parts: TraceParts,
  question: Params<'arrival'>,
  states: States,
): Promise<Answer<'arrival'>> {
  const arrival = arrivalOf(parts, question, states)
  const self = parts.identity.name
  if (arrival === undefined) {
    const subject = { hop: 'container', about: question.ip }
    const says = `no running container of ${self} has the address ${question.ip} in this network, though the store says so`
    return { hops: hopsOf(self, [failed(subject, says)]), back: [] }
  }
  const { path, ip } = arrival
  const inside = await insideOf(parts, path.mine, [path.other.ip])
  const there = await thereOf(parts, arrival)
  const inward = there === undefined ? [] : await taking(parts, arrival, there)
  const received = await receiving(parts, path, inside, states, ip, arrival.load)
  const mtu = inside === undefined ? undefined : interfaceOf(inside, path.mine)?.mtu
  const senders = [
    { name: path.name, mtu },
    { name: question.name, mtu: question.mtu },
  ]
  const answers = await answering(parts, arrival, there, inside, states, senders)
  const range = rangeOf(parts, path, ip)
  return {
    hops: hopsOf(self, [...inward, ...received]),
    back: hopsOf(self, back(answers.findings)),
    ...(mtu === undefined ? {} : { mtu }),
    ...(answers.mac === undefined ? {} : { mac: answers.mac }),
    ...(range === undefined ? {} : { range }),
  }
}

async function thereOf(parts: TraceParts, arrival: Arrival): Promise<There | undefined> {
  const { path } = arrival
  const part = parts.reconciler.partOf(path.binding.dockerNetwork)
  const { host } = path.other
  if (part === undefined || host === undefined) return undefined
  const range = await plannedRange(parts, path)
  const lead = leadBack(parts, arrival, host, range)
  return look(parts, homeIn(part, path), lead, path.other.ip, [path.mine.mac])
}

/** This host's own range with the address, as other hosts know it. */
function rangeOf({ reconciler }: TraceParts, path: Path, ip: Ip): string | undefined {
  if (!isRouted(path)) return undefined
  const part = reconciler.partOf(path.binding.dockerNetwork)
  return part?.routes?.find(({ to }) => contains(to, ip))?.to
}

/** From the wire to the container's port. */
async function taking(
  parts: TraceParts,
  { path, ip, load, way }: Arrival,
  there: There,
): Promise<readonly Finding[]> {
  const { home, lead, facts } = there
  const rules = await rulesInward(parts, there, path, way, ip, load)
  const holders = await parts.dataplane.foreignVxlans().catch(() => [])
  const isTunnelled = home.tunnel !== undefined && (lead.entry !== undefined || !isRouted(path))
  const device =
    isTunnelled && home.tunnel !== undefined && facts !== undefined
      ? [judgeVxlan(home.tunnel, home.place, facts, holders)]
      : []
  const admitted = isTunnelled ? await admission(parts, home.tunnel?.vni ?? 0, way.vtep) : []
  return [...rules, ...admitted, ...device, ...portOf(there, path)]
}

/** Whether VXLAN packets of the other host are taken here. */
export async function admission(
  { dataplane }: TraceParts,
  vni: number,
  vtep: Ip,
): Promise<readonly Finding[]> {
  const reading = await dataplane.read(HOST)
  return [judgeAdmission(vtep, vni, reading?.rules)]
}

/** What rules of others do with packets of the other end where they come in. */
export async function rulesInward(
  { dataplane, underlay }: TraceParts,
  { home, lead }: There,
  path: Path,
  way: Way,
  ip: Ip,
  load: Load,
): Promise<readonly Finding[]> {
  const { known } = underlay
  const dev = known?.link?.dev ?? ''
  const packets: TriedPacket[] = []
  const isTunnelled = home.tunnel !== undefined && (lead.entry !== undefined || !isRouted(path))
  if (isTunnelled && known !== undefined) {
    const ends = { source: way.vtep, destination: known.vtep }
    packets.push({ hook: 'input', from: dev, to: '', ...ends, protocol: 'udp', port: known.port })
  }
  if (isRouted(path) && home.bridge !== undefined) {
    const from = lead.entry?.dev ?? dev
    const ends = { source: path.other.ip, destination: ip }
    packets.push({ hook: 'forward', from, to: home.bridge.name, ...ends, ...load })
  }
  if (packets.length === 0) return []
  const facts = await dataplane.path.tried(packets)
  return packets.map((packet, at) => judgeRules(packet, facts[at] ?? { fate: 'unknown' }))
}

/** The way back, as this host sends it; and the MAC by which the asker should know this host. */
async function answering(
  parts: TraceParts,
  { path, way }: Arrival,
  there: There | undefined,
  inside: Surroundings | undefined,
  states: States,
  senders: readonly Sender[],
): Promise<{ readonly findings: readonly Finding[]; readonly mac: Mac | undefined }> {
  const { underlay } = parts
  // Its state and its interface were told on the way there.
  const sent = sending(parts, path, inside, states, gatewayOf(there)).slice(2)
  if (there === undefined || underlay.known === undefined) return { findings: sent, mac: undefined }
  const { host, findings } = await underlayOf(parts, there, way, underlay.known, senders)
  const link = host?.links.find(({ name }) => name === underlay.known?.link?.dev)
  const answer: Load = { protocol: 'icmp' }
  const rules = await rulesOutward(parts, there, path, way, underlay.known, answer)
  const all = [
    ...sent,
    ...routing(parts, there, path),
    ...(await tunnelling(parts, there)).slice(1),
    ...findings,
    ...(host === undefined ? [] : judgeOtherHost(way, undefined, host)),
    // Answers of a connection are known to the host's rules: only what leaves in the tunnel is new.
    ...rules.filter(({ about }) => about.startsWith('packets of this host')),
  ]
  return { findings: all, mac: link?.mac }
}

/** MAC of the bridge, by which containers of a routed network send to all others. */
export function gatewayOf(there: There | undefined): Mac | undefined {
  const name = there?.home.bridge?.name
  return there?.facts?.links.find((link) => link.name === name)?.mac
}
