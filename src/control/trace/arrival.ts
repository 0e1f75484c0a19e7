/** Where a question about a path leads that ends at a container here, and what leads to the other host. */
import type { Params } from '../../core/inquiry.js'
import { type Ip, ipOf, parseCidr, parseIp } from '../../core/ip.js'
import { parseMac } from '../../core/mac.js'
import { HOST } from '../../core/plan.js'
import type { Endpoint, Host, Way } from '../../core/types.js'
import { wayTo } from '../../core/way.js'
import { type Load, nameOf, type Path, type States, type TraceParts } from './parts.js'
import { isRouted, type Lead, leadTo, rangeAt } from './wanted.js'

type Question = Omit<Params<'arrival'>, 'mtu'>

/** Where the question leads here. */
export interface Arrival {
  readonly path: Path
  /** of the container here */
  readonly ip: Ip
  readonly load: Load
  readonly way: Way
}

/** @returns undefined: no running container here is meant */
export function arrivalOf(
  parts: TraceParts,
  question: Question,
  states: States,
): Arrival | undefined {
  const { journal, peers, underlay } = parts
  const [ip, from, mac] = [parseIp(question.ip), parseIp(question.from), parseMac(question.mac)]
  const binding = journal.bindingOf(question.network)
  const host = peers.hosts().find(({ id }) => id === question.host)
  if (ip === undefined || from === undefined || binding === undefined || host === undefined)
    return undefined
  const mine = journal
    .endpointsOf(binding.dockerNetwork)
    .find((each) => each.joined && each.addresses.some((own) => ipOf(own) === ip))
  if (mine === undefined) return undefined
  const other = { ip: from, host, name: question.name, ...(mac === undefined ? {} : { mac }) }
  const { protocol, port } = question
  return {
    path: { binding, mine, name: nameOf(states, mine), other },
    ip,
    load: { protocol, ...(port === undefined ? {} : { port }) },
    way: wayTo(underlay.known, host.id, host.vtep),
  }
}

/** What leads back to the asker. */
export function leadBack(
  parts: TraceParts,
  { path, way }: Arrival,
  host: Host,
  range?: string,
): Lead {
  const { ip } = path.other
  if (isRouted(path)) {
    const block = range === undefined ? undefined : parseCidr(range)
    return block === undefined ? {} : leadTo(path, ip, rangeAt(host.id, block), way)
  }
  const [endpoint] = parts.peers.withAddress(path.binding.network.key, ip)
  return endpoint === undefined ? {} : leadTo(path, ip, endpoint, way)
}

/** Of a routed network: the range by which this host's kernel knows the other end. */
export async function plannedRange(
  { dataplane }: TraceParts,
  path: Path,
): Promise<string | undefined> {
  if (!isRouted(path)) return undefined
  const host = await dataplane.path.surroundings(HOST, { ips: [path.other.ip] })
  return host?.table.find(({ planned, type }) => planned && type === 'unicast')?.to
}

/** What leads to the other host by the store, or by what that host says. */
export async function leadFor(
  parts: TraceParts,
  path: Path,
  endpoint: Endpoint,
  host: Host,
  told?: string,
): Promise<Lead> {
  const way = wayTo(parts.underlay.known, host.id, host.vtep)
  if (!isRouted(path)) return leadTo(path, path.other.ip, endpoint, way)
  const range = told ?? (await plannedRange(parts, path))
  const block = range === undefined ? undefined : parseCidr(range)
  return block === undefined ? {} : leadTo(path, path.other.ip, rangeAt(host.id, block), way)
}
