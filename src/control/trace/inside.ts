/** A container of this host from its own side: as it sends, and as it is sent to. */
import { basename } from 'node:path'
import { familyOf, type Ip, ipOf } from '../../core/ip.js'
import type { Mac } from '../../core/mac.js'
import type { Surroundings } from '../../core/path-facts.js'
import type { EndpointId, LocalEndpoint } from '../../core/types.js'
import { type Finding, ok } from './finding.js'
import {
  interfaceOf,
  judgeDuplicate,
  judgeInterface,
  judgeNeighbour,
  judgeRoute,
  judgeSocket,
  judgeState,
} from './judge/container.js'
import { type Load, nameOf, type Path, type States, stateWith, type TraceParts } from './parts.js'

/** Of so many containers of one network it is looked whether they have somebody else's address. */
const MOST_LOOKED_AT = 32

/** The namespace of a container; undefined: it is not there. */
export function insideOf(
  { dataplane }: TraceParts,
  { sandboxKey }: LocalEndpoint,
  ips: readonly Ip[],
): Promise<Surroundings | undefined> {
  if (sandboxKey === undefined) return Promise.resolve(undefined)
  return dataplane.path.surroundings(basename(sandboxKey), { ips })
}

/**
 * As it sends to the other end: its state, its interface, its route and what it takes the next hop for.
 * @param gateway MAC of what it sends to where the other end is not on its link
 */
export function sending(
  parts: TraceParts,
  { mine, name, other }: Path,
  inside: Surroundings | undefined,
  states: States,
  gateway: Mac | undefined,
): readonly Finding[] {
  const state = states === undefined ? undefined : stateWith(states, mine.id)
  const own = [judgeState(name, state), judgeInterface(name, inside, mine)]
  const link = inside && interfaceOf(inside, mine)
  if (inside === undefined || link === undefined) return own
  const route = inside.routes.find(({ to }) => to === other.ip)
  const isNear = route?.via === undefined
  const next = { ip: route?.via ?? other.ip, mac: isNear ? other.mac : gateway, dev: link.name }
  const holderOf = (mac: Mac): string | undefined => holder(parts, mine, mac)
  return [
    ...own,
    judgeRoute(name, inside, other.ip, link.name),
    ...(route?.kind === 'unicast' ? [judgeNeighbour(name, inside, next, holderOf)] : []),
  ]
}

/** Who of the network has a MAC. */
function holder({ peers, journal }: TraceParts, mine: LocalEndpoint, mac: Mac): string | undefined {
  const own = journal.endpointsOf(mine.dockerNetwork)
  const found = [...own, ...peers.endpoints(mine.network)].find((one) => one.mac === mac)
  return found && `${found.names?.[0] ?? found.id.slice(0, 12)} on ${peers.hostName(found.host)}`
}

/** As it is sent to. */
export async function receiving(
  parts: TraceParts,
  { mine, name }: Path,
  inside: Surroundings | undefined,
  states: States,
  ip: Ip,
  load: Load,
): Promise<readonly Finding[]> {
  const state = states === undefined ? undefined : stateWith(states, mine.id)
  return [
    judgeState(name, state),
    judgeInterface(name, inside, mine),
    ...(await duplicates(parts, mine, name, ip, states)),
    ...(await sockets(parts, mine, name, ip, load)),
  ]
}

/** What a container sends to itself is never a packet of the network. */
export async function remaining(
  parts: TraceParts,
  path: Path,
  states: States,
  load: Load,
): Promise<readonly Finding[]> {
  const { mine, name, other } = path
  const inside = await insideOf(parts, mine, [])
  const stays = ok({ hop: 'route', about: `${other.ip} in ${name}` }, 'to itself, inside of it')
  return [stays, ...(await receiving(parts, path, inside, states, other.ip, load))]
}

async function sockets(
  { dataplane }: TraceParts,
  { sandboxKey }: LocalEndpoint,
  name: string,
  ip: Ip,
  { protocol, port }: Load,
): Promise<readonly Finding[]> {
  if (protocol === 'icmp' || port === undefined || sandboxKey === undefined) return []
  const found = await dataplane.path.listeners(basename(sandboxKey))
  return [judgeSocket(name, ip, { protocol, port }, found)]
}

/** Other containers of this host that have the address in their namespaces. */
export async function duplicates(
  parts: TraceParts,
  { dockerNetwork, id }: { readonly dockerNetwork: string; readonly id?: EndpointId },
  owner: string,
  ip: Ip,
  states: States,
): Promise<readonly Finding[]> {
  const others = parts.journal
    .endpointsOf(dockerNetwork)
    .filter((each) => each.joined && each.id !== id && isOf(each, ip))
    .slice(0, MOST_LOOKED_AT)
  const found = new Map<string, Surroundings>()
  for (const each of others) {
    const inside = await insideOf(parts, each, []).catch(() => undefined)
    if (inside !== undefined) found.set(nameOf(states, each), inside)
  }
  const network = parts.journal.bindings.get(dockerNetwork)?.network
  return judgeDuplicate(ip, owner, found, network?.sourceCheck !== false)
}

function isOf({ addresses }: LocalEndpoint, ip: Ip): boolean {
  return addresses.some((each) => familyOf(ipOf(each)) === familyOf(ip))
}
