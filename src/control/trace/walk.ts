/** The hops between two containers, in the order in which a packet meets them. */
import type { Hop } from '../../core/admin/trace.js'
import type { Ip } from '../../core/ip.js'
import { parseMac } from '../../core/mac.js'
import type { Surroundings } from '../../core/path-facts.js'
import type { Part } from '../../core/plan.js'
import type { Host, LocalEndpoint, Underlay } from '../../core/types.js'
import { wayTo } from '../../core/way.js'
import { leadFor } from './arrival.js'
import { admission, gatewayOf, rulesInward } from './arriving.js'
import type { Source, Target } from './find.js'
import { back, type Finding, failed, hopsOf } from './finding.js'
import { duplicates, insideOf, receiving, remaining, sending } from './inside.js'
import { interfaceOf } from './judge/container.js'
import { judgeOtherHost } from './judge/underlay.js'
import { askOther, type OtherHalf } from './other-half.js'
import {
  look,
  portOf,
  routing,
  rulesOutward,
  sourceOf,
  type There,
  tunnelling,
  underlayOf,
} from './outward.js'
import { type Load, nameOf, type Path, type States, type TraceParts } from './parts.js'
import { homeIn } from './wanted.js'

/** The other end of a path, as it is known here. */
interface Ends {
  readonly path: Path
  /** absent: it is on another host */
  readonly local?: LocalEndpoint
}

/**
 * @param source the container that sends @param target the one that is sent to
 * @returns a finding: the host of the target is not known
 */
export function endsOf(
  parts: TraceParts,
  source: Source,
  target: Target,
  states: States,
): Ends | Finding | undefined {
  const { journal, identity, peers } = parts
  const { endpoint, mine, ip } = target
  const binding = journal.bindings.get(mine.dockerNetwork)
  if (binding === undefined) return undefined
  const local = endpoint.host === identity.id ? journal.endpoints.get(endpoint.id) : undefined
  const name = local === undefined ? (endpoint.names?.[0] ?? ip) : nameOf(states, local)
  const path = { binding, mine, name: source.name, other: { ip, mac: endpoint.mac, name } }
  if (local !== undefined) return { path, local }
  const host = peers.hosts().find(({ id }) => id === endpoint.host)
  if (host === undefined) return unknownHost(endpoint.host)
  return { path: { ...path, other: { ...path.other, host } } }
}

/** @param source the container that sends @param target the one that is sent to */
export async function walk(
  parts: TraceParts,
  source: Source,
  target: Target,
  load: Load,
  states: States,
): Promise<readonly Hop[]> {
  const ends = endsOf(parts, source, target, states)
  if (ends === undefined) return []
  if ('verdict' in ends) return hopsOf(parts.identity.name, [ends])
  const { path, local } = ends
  if (target.endpoint.id === target.mine.id)
    return hopsOf(parts.identity.name, await remaining(parts, path, states, load))
  const { host } = path.other
  if (local !== undefined || host === undefined) return near(parts, path, target, load, states)
  return far(parts, path, { target, host, load, states })
}

/** Both ends are on this host. */
async function near(
  parts: TraceParts,
  path: Path,
  target: Target,
  load: Load,
  states: States,
): Promise<readonly Hop[]> {
  const { binding, mine, other } = path
  const their = parts.journal.endpoints.get(target.endpoint.id)
  const part = parts.reconciler.partOf(binding.dockerNetwork)
  const inside = await insideOf(parts, mine, [other.ip])
  const sent = sending(parts, path, inside, states, undefined)
  const from = sourceOf(path, other.ip)
  if (their === undefined || part === undefined || from === undefined)
    return hopsOf(parts.identity.name, sent)
  const reverse: Path = {
    ...{ binding, mine: their, name: other.name },
    other: { ip: from, mac: mine.mac, name: path.name },
  }
  const there = await look(parts, homeIn(part, path), {}, other.ip, [])
  const theirs = { ...there, home: homeIn(part, reverse) }
  const theirInside = await insideOf(parts, their, [from])
  const received = await receiving(parts, reverse, theirInside, states, other.ip, load)
  const answered = sending(parts, reverse, theirInside, states, gatewayOf(there)).slice(2)
  const all = [...sent, ...portOf(there, path), ...portOf(theirs, reverse), ...received]
  return hopsOf(parts.identity.name, [...all, ...back(answered)])
}

interface FarEnd {
  readonly target: Target
  readonly host: Host
  readonly load: Load
  readonly states: States
}

/** The other end is on another host, which tells its half itself. */
async function far(parts: TraceParts, path: Path, end: FarEnd): Promise<readonly Hop[]> {
  const self = parts.identity.name
  const inside = await insideOf(parts, path.mine, [path.other.ip])
  const asked = askOther(parts, path, end.host, end.load, mtuOf(path, inside))
  const part = parts.reconciler.partOf(path.binding.dockerNetwork)
  const underlay = parts.underlay.known
  const half = await asked
  if (part === undefined || underlay === undefined) {
    const sent = sending(parts, path, inside, end.states, undefined)
    return hopsOf(self, [...sent, lost(self)])
  }
  const { answer } = half
  const there = await thereOf(parts, path, end, part, answer?.range)
  const here = await leaving(parts, path, end, { inside, there, underlay, half })
  const from = sourceOf(path, path.other.ip)
  const answers =
    answer === undefined || from === undefined ? [] : await returning(parts, there, path, end, from)
  return [
    ...hopsOf(self, here),
    ...(answer?.hops ?? []),
    ...(answer?.back ?? []),
    ...hopsOf(self, back(answers)),
  ]
}

/** @param range as the other host has it, of a routed network */
async function thereOf(
  parts: TraceParts,
  path: Path,
  { target, host }: FarEnd,
  part: Part,
  range: string | undefined,
): Promise<There> {
  const lead = await leadFor(parts, path, target.endpoint, host, range)
  const macs = [target.endpoint.mac, path.mine.mac]
  return look(parts, homeIn(part, path), lead, path.other.ip, macs)
}

interface Here {
  readonly inside: Surroundings | undefined
  readonly there: There
  readonly underlay: Underlay
  readonly half: OtherHalf
}

/** From the container to where the packet leaves this host. */
async function leaving(
  parts: TraceParts,
  path: Path,
  { host, load, states }: FarEnd,
  { inside, there, underlay, half }: Here,
): Promise<readonly Finding[]> {
  const way = wayTo(underlay, host.id, host.vtep)
  const senders = [
    { name: path.name, mtu: mtuOf(path, inside) },
    { name: path.other.name, mtu: half.answer?.mtu },
  ]
  const under = await underlayOf(parts, there, way, underlay, senders)
  const mac = half.answer?.mac === undefined ? undefined : parseMac(half.answer.mac)
  const { ip, name } = path.other
  return [
    ...sending(parts, path, inside, states, gatewayOf(there)),
    ...(await duplicates(parts, path.mine, name, ip, states)),
    ...portOf(there, path),
    ...routing(parts, there, path),
    ...(await tunnelling(parts, there)),
    ...under.findings,
    ...(under.host === undefined ? [] : judgeOtherHost(way, mac, under.host)),
    ...(await rulesOutward(parts, there, path, way, underlay, load)),
    ...half.findings,
  ]
}

/** What this host does with answers when they come in: its rules know the connection by then. */
async function returning(
  parts: TraceParts,
  there: There,
  path: Path,
  { host }: FarEnd,
  from: Ip,
): Promise<readonly Finding[]> {
  const way = wayTo(parts.underlay.known, host.id, host.vtep)
  const rules = await rulesInward(parts, there, path, way, from, { protocol: 'icmp' })
  const tunnelled = rules.filter(({ about }) => about.startsWith('packets to this host'))
  const { tunnel } = there.home
  const isAdmitted = there.lead.entry !== undefined && tunnel !== undefined
  return [...tunnelled, ...(isAdmitted ? await admission(parts, tunnel.vni, way.vtep) : [])]
}

function mtuOf({ mine }: Path, inside: Surroundings | undefined): number | undefined {
  return inside && interfaceOf(inside, mine)?.mtu
}

function lost(self: string): Finding {
  const says = 'this host does not know its own underlay address: tsoverlay status says why'
  return failed({ hop: 'underlay', about: self }, says)
}

function unknownHost(id: string): Finding {
  const says = 'the store has no record of this host any more: its plugin makes it when it runs'
  return failed({ hop: 'host', about: id }, says)
}
