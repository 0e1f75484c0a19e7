/** What this host does with a packet of a container: from its port to where it leaves the host. */
import { familyOf, type Ip, ipOf, rangeOfOne } from '../../core/ip.js'
import type { RulesReading } from '../../core/kernel.js'
import type { Mac } from '../../core/mac.js'
import type { Surroundings, TriedPacket } from '../../core/path-facts.js'
import { HOST } from '../../core/plan.js'
import type { Underlay, Way } from '../../core/types.js'
import type { Finding } from './finding.js'
import { judgeRules } from './judge/firewall.js'
import { judgePort, judgeSource } from './judge/port.js'
import { judgeForwarding, judgeGateway, judgeHostRoute } from './judge/routed.js'
import { judgeEntry, judgeFdb, judgeVxlan } from './judge/tunnel.js'
import { judgeMtu, judgeUnderlay } from './judge/underlay.js'
import type { Load, Path, TraceParts } from './parts.js'
import { type Home, isRouted, type Lead } from './wanted.js'

/** The place of the container's network, as it is. */
export interface There {
  readonly home: Home
  readonly lead: Lead
  /** undefined: it is not there */
  readonly facts: Surroundings | undefined
  readonly rules: readonly RulesReading[] | undefined
}

/** Reads the place. @param more MACs that matter besides that of the entry */
export async function look(
  { dataplane }: TraceParts,
  home: Home,
  lead: Lead,
  ip: Ip,
  more: readonly Mac[],
): Promise<There> {
  const { entry } = lead
  const asked = {
    ips: [ip, ...(entry === undefined ? [] : [entry.ip])],
    macs: [...more, ...(entry === undefined ? [] : [entry.mac])],
  }
  const [facts, reading] = await Promise.all([
    dataplane.path.surroundings(home.place, asked),
    dataplane.read(home.place),
  ])
  return { home, lead, facts, rules: reading?.rules }
}

/** The port of the container, and the network's bridge. */
export function portOf({ home, facts, rules }: There, { mine, name }: Path): readonly Finding[] {
  const port = judgePort(home.port, name, facts)
  if (facts === undefined) return [port]
  const gateway = home.place === HOST && home.bridge !== undefined ? [home.bridge] : []
  return [
    port,
    judgeSource(home.port, mine, rules),
    ...gateway.map((bridge) => judgeGateway(bridge, facts)),
  ]
}

/** Of a routed network: where the host sends what is for the address. */
export function routing(
  { dataplane }: TraceParts,
  { home, lead, facts }: There,
  path: Path,
): readonly Finding[] {
  if (!isRouted(path) || facts === undefined) return []
  const { ip } = path.other
  const near = { to: rangeOfOne(ip), dev: home.bridge?.name ?? '' }
  const wanted = lead.route ?? (path.other.host === undefined ? near : undefined)
  const family = familyOf(ip)
  return [
    judgeForwarding(family, dataplane.path.forwards(family)),
    judgeHostRoute(ip, wanted, facts),
  ]
}

/** The vxlan device, and what it knows of the other end. */
export async function tunnelling(
  { dataplane, peers }: TraceParts,
  { home, lead, facts }: There,
): Promise<readonly Finding[]> {
  const { tunnel, place } = home
  const { entry } = lead
  if (tunnel === undefined || entry === undefined || facts === undefined) return []
  const holders = await dataplane.foreignVxlans().catch(() => [])
  const hostOf = (vtep: Ip): string | undefined =>
    peers.hosts().find((host) => host.vtep === vtep)?.name
  return [
    judgeVxlan(tunnel, place, facts, holders),
    judgeEntry(entry, facts),
    judgeFdb(entry, facts, hostOf),
  ]
}

/** From this host to the other one. @param mtu of the container's interface */
export async function underlayOf(
  { dataplane }: TraceParts,
  { lead }: There,
  path: Path,
  way: Way,
  underlay: Underlay,
  mtu: number | undefined,
): Promise<{ readonly host: Surroundings | undefined; readonly findings: readonly Finding[] }> {
  const host = await dataplane.path.surroundings(HOST, { ips: [way.vtep] })
  if (host === undefined) return { host, findings: [] }
  const findings = [judgeUnderlay(way, underlay, host)]
  const route = host.routes.find(({ to }) => to === way.vtep)
  const dev = host.links.find(({ name }) => name === route?.dev)
  if (mtu !== undefined && dev !== undefined) {
    const passage = { container: mtu, device: dev.name, underlay: dev.mtu, vtep: way.vtep }
    findings.push(judgeMtu(path.name, { ...passage, tunnelled: lead.entry !== undefined }))
  }
  return { host, findings }
}

/** What rules of others do with the packets where they leave. */
export async function rulesOutward(
  { dataplane }: TraceParts,
  { home, lead }: There,
  path: Path,
  way: Way | undefined,
  underlay: Underlay | undefined,
  load: Load,
): Promise<readonly Finding[]> {
  const packets: TriedPacket[] = []
  const dev = underlay?.link?.dev ?? ''
  const source = sourceOf(path, path.other.ip)
  if (isRouted(path) && home.bridge !== undefined && source !== undefined) {
    const to = lead.entry?.dev ?? lead.route?.dev ?? home.bridge.name
    const ends = { source, destination: path.other.ip }
    packets.push({ hook: 'forward', from: home.bridge.name, to, ...ends, ...load })
  }
  if (lead.entry !== undefined && way !== undefined && underlay !== undefined) {
    const ends = { source: underlay.vtep, destination: way.vtep }
    packets.push({
      hook: 'output',
      from: '',
      to: dev,
      ...ends,
      protocol: 'udp',
      port: underlay.port,
    })
  }
  if (packets.length === 0) return []
  const facts = await dataplane.path.tried(packets)
  return packets.flatMap((packet, at) => judgeRules(packet, facts[at] ?? { fate: 'unknown' }))
}

/** The container's own address of the other's family. */
export function sourceOf({ mine }: Pick<Path, 'mine'>, other: Ip): Ip | undefined {
  return mine.addresses.map(ipOf).find((ip) => familyOf(ip) === familyOf(other))
}
