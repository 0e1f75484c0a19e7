/** Who is meant by the two ends of a trace. */

import { optionOf } from '../../backends/options.js'
import { ISOLATE } from '../../backends/routed/options.js'
import { TsoverlayError } from '../../core/errors.js'
import type { Answer } from '../../core/inquiry.js'
import { contains, familyOf, type Ip, ipOf, parseIp } from '../../core/ip.js'
import { poolsOf } from '../../core/pools.js'
import type { Endpoint, LocalEndpoint } from '../../core/types.js'
import { documents } from '../../state/documents.js'
import { keys } from '../../state/keys.js'
import type { ContainerState } from '../dockerd/docker-states.js'
import { type Finding, failed, ok, type Subject, unknown } from './finding.js'
import { nameOf, networkName, type States, stateWith, type TraceParts } from './parts.js'

/** A container of this host. */
export interface Source {
  readonly name: string
  /** undefined: dockerd does not answer */
  readonly state: ContainerState | undefined
  /** those that it has now in networks of ours */
  readonly endpoints: readonly LocalEndpoint[]
}

/** Docker's ids may be cut down to this. */
const SHORTEST_ID = 4

/**
 * @param text name, id, the beginning of an id, or address of a container
 * @returns undefined: it is none of this host's
 * @throws TsoverlayError NAME_UNKNOWN when several ids begin so
 */
export function sourceOn(
  { journal }: TraceParts,
  text: string,
  states: States,
): Source | undefined {
  const joined = [...journal.endpoints.values()].filter((each) => each.joined)
  const ip = parseIp(text)
  const byAddress =
    ip === undefined ? [] : joined.filter((each) => each.addresses.some((own) => ipOf(own) === ip))
  const [first] = byAddress
  if (first !== undefined)
    return { name: nameOf(states, first), state: stateWith(states, first.id), endpoints: byAddress }
  const state = ip === undefined ? stateCalled(text, states ?? []) : undefined
  if (state !== undefined)
    return {
      name: state.name,
      state,
      endpoints: joined.filter(({ id }) => state.endpoints.includes(id)),
    }
  const named = joined.filter(({ names }) => names?.includes(text.toLowerCase()) === true)
  const [one] = named
  return one && { name: nameOf(states, one), state: stateWith(states, one.id), endpoints: named }
}

/** As docker finds it. @throws TsoverlayError NAME_UNKNOWN */
function stateCalled(text: string, states: readonly ContainerState[]): ContainerState | undefined {
  const exact = states.find(({ name, id }) => name === text || id === text)
  if (exact !== undefined || !isIdPart(text)) return exact
  const [found, ...more] = states.filter(({ id }) => id.startsWith(text.toLowerCase()))
  if (more.length === 0) return found
  const all = [found, ...more].flatMap((one) => (one ? `${one.id.slice(0, 12)} (${one.name})` : []))
  throw new TsoverlayError(
    'NAME_UNKNOWN',
    `the ids of several containers begin with "${text}": ${all.sort().join(', ')}`,
  )
}

function isIdPart(text: string): boolean {
  return text.length >= SHORTEST_ID && /^[0-9a-f]+$/i.test(text)
}

/** The other end, in a network that both are on. */
export interface Target {
  readonly mine: LocalEndpoint
  readonly ip: Ip
  readonly endpoint: Endpoint
}

/** What was found of the other end; without a target the trace ends there. */
export interface Found {
  readonly target?: Target
  readonly findings: readonly Finding[]
}

/** @param text name or address */
export async function findTarget(parts: TraceParts, source: Source, text: string): Promise<Found> {
  const ip = parseIp(text)
  return ip === undefined ? byName(parts, source, text) : byAddress(parts, source, ip)
}

function byName(parts: TraceParts, source: Source, text: string): Found {
  const subject = { hop: 'name', about: text }
  const name = text.toLowerCase().replace(/\.$/, '')
  const networks = source.endpoints.map(({ dockerNetwork }) => dockerNetwork)
  const [holding, ...others] = parts.names.directory.holdersOf(networks, name)
  if (holding === undefined) return { findings: [] }
  const { binding, endpoint } = holding
  const mine = source.endpoints.find((one) => one.dockerNetwork === binding.dockerNetwork)
  const ip = mine && addressFor(endpoint, mine)
  if (mine === undefined || ip === undefined) return { findings: [] }
  const more = others.length === 0 ? '' : `, the first of ${others.length + 1}`
  const where = networkName(parts, binding.dockerNetwork)
  const says = `${ip}, on ${parts.peers.hostName(endpoint.host)} in ${where}${more}`
  return { target: { mine, ip, endpoint }, findings: [ok(subject, says)] }
}

/** Of a family that the asker has, too; IPv4 first. */
function addressFor(endpoint: Endpoint, mine: LocalEndpoint): Ip | undefined {
  const families = new Set(mine.addresses.map((each) => familyOf(each)))
  return endpoint.addresses.find((each) => families.has(familyOf(each))) === undefined
    ? undefined
    : endpoint.addresses.filter((each) => families.has(familyOf(each))).map(ipOf)[0]
}

async function byAddress(parts: TraceParts, source: Source, ip: Ip): Promise<Found> {
  for (const mine of source.endpoints) {
    const endpoint = (await holderOf(parts, mine, ip)) ?? undefined
    if (endpoint !== undefined) return { target: { mine, ip, endpoint }, findings: [] }
  }
  return { findings: [] }
}

/** In a network that the container is on: here, as this host follows the others, as the store has it. */
async function holderOf(
  { journal, peers, store }: TraceParts,
  { dockerNetwork, network }: LocalEndpoint,
  ip: Ip,
): Promise<Endpoint | undefined> {
  const has = ({ addresses, floating = [] }: Endpoint): boolean =>
    addresses.some((each) => ipOf(each) === ip) || floating.some((each) => each.ip === ip)
  const here = journal.endpointsOf(dockerNetwork).find((each) => each.joined && has(each))
  const [peer] = peers.withAddress(network, ip)
  if (here !== undefined || peer !== undefined) return here ?? peer
  const pools = poolsOf(journal.bindings.get(dockerNetwork)?.network ?? { segments: [] })
  if (!pools.some((pool) => contains(pool, ip))) return undefined
  const { entries } = await store.list(keys.endpoints(network)).catch(() => ({ entries: [] }))
  return entries.flatMap(({ value }) => documents.endpoint.decode(value) ?? []).find(has)
}

const BOTH_OPEN = 'both networks have isolate=off'

export interface Elsewhere extends Answer<'container'> {
  readonly host: string
}

/** Nobody in the source's networks is it: why, as far as the cluster tells. */
export function judgeMissing(
  parts: TraceParts,
  source: Source,
  text: string,
  elsewhere: readonly Elsewhere[],
): Finding {
  const subject = { hop: parseIp(text) === undefined ? 'name' : 'address', about: text }
  const names = source.endpoints.map(({ dockerNetwork }) => networkName(parts, dockerNetwork))
  const found = elsewhere.find(({ status }) => status !== undefined)
  if (found === undefined) {
    const where = names.join(', ') || 'a network of ours'
    const says = `no running container of ${where} has this ${subject.hop}`
    // Nobody can tell what was meant; what there is can be shown.
    const [verb, all] = subject.hop === 'name' ? ['dns ls', 'names'] : ['endpoints', 'addresses']
    return failed(subject, `${says}; tsoverlay ${verb} shows all ${all}`, `tsoverlay ${verb}`)
  }
  const { host, status, name = text } = found
  if (status !== 'running') {
    const verb = status === 'paused' ? 'unpause' : 'start'
    const says = `the container ${text} of ${host} is ${status}, so it has no address`
    return { ...failed(subject, says), mend: { host, command: `docker ${verb} ${name}` } }
  }
  return judgeNetworks(parts, source, subject, found)
}

/** It runs, in another network. */
function judgeNetworks(
  parts: TraceParts,
  source: Source,
  subject: Subject,
  found: Elsewhere,
): Finding {
  const { host, name = subject.about } = found
  const names = source.endpoints.map(({ dockerNetwork }) => networkName(parts, dockerNetwork))
  const there = { ...subject, hop: 'network' }
  const [network = ''] = names
  const on = found.networks.join(', ') || 'none'
  const says = `the container ${name} of ${host} is in the networks ${on}, and ${source.name} is in ${names.join(', ')}`
  const isOpen = isOpenWay(parts, source, found)
  if (isOpen && subject.hop === 'address')
    return unknown(there, `${says}: packets may pass, as ${BOTH_OPEN}; this way is not traced`)
  const note = isOpen ? `; by address packets may pass, as ${BOTH_OPEN}` : ''
  const command = `docker network connect ${network} ${name}`
  return { ...failed(there, `${says}${note}`), mend: { host, command } }
}

/** Both are in networks that let packets of others like them pass: as far as this host knows them. */
function isOpenWay(
  { journal }: Pick<TraceParts, 'journal'>,
  { endpoints }: Source,
  { joined }: Elsewhere,
): boolean {
  const open = new Set(
    [...journal.bindings.values()].flatMap(({ network }) =>
      optionOf(network, ISOLATE) === 'off' ? network.key : [],
    ),
  )
  return endpoints.some(({ network }) => open.has(network)) && joined.some((key) => open.has(key))
}
