/** Whether VXLAN packets get to each host that this one sends to, and back, small ones and full ones. */
import { hasCode, messageOf } from '../../../core/errors.js'
import type { Answer } from '../../../core/inquiry.js'
import { familyOf, type Ip } from '../../../core/ip.js'
import type { Dataplane } from '../../../core/ports.js'
import { SMALL_PROBE } from '../../../core/probe.js'
import type { Host } from '../../../core/types.js'
import type { Inquiries } from '../../inquiries/inquiries.js'
import type { Peers } from '../../peers/peers.js'
import type { Probed, Probes } from '../../probes/probes.js'
import type { Tunnel } from '../../probes/tunnels.js'
import type { UnderlaySource } from '../../underlay/underlay-source.js'
import { type Check, type Found, failed, ok, orOk, warning } from '../check.js'
import { letPass } from './firewall.js'

/** So many hosts are probed at a time. */
const AT_ONCE = 64
const ASK_MS = 2_500

export interface TunnelFacts {
  /** the other host */
  readonly host: string
  /** the network's name */
  readonly network: string
  readonly port: number
  /** device and MTU of this host's underlay */
  readonly dev: string
  readonly mtu: number
  /** of a full packet, with what carries it */
  readonly outer: number
  readonly small: Probed
  /** absent: the small one was not answered */
  readonly full?: Probed
  /** what the path was found to take and is kept to */
  readonly kept?: number
  /** what the other host says of them; a text: why it says nothing; absent: it was not asked */
  readonly there?: Answer<'heard'> | string
}

export interface TunnelsCheckParts {
  readonly dataplane: Pick<Dataplane, 'pathMtus'>
  readonly peers: Pick<Peers, 'hosts' | 'reached'>
  readonly underlay: Pick<UnderlaySource, 'known'>
  readonly inquiries: Pick<Inquiries, 'ask'>
  readonly probes: Pick<Probes, 'probe' | 'tunnels'>
}

interface Pair {
  readonly host: Host
  readonly tunnel: Tunnel
}

export function tunnelsCheck(parts: TunnelsCheckParts): Check {
  return {
    name: 'tunnels',
    look: async (signal) => {
      const kept = await parts.dataplane.pathMtus()
      const found: Found[] = []
      const turns = pairsOf(parts).values()
      const lane = async (): Promise<void> => {
        for (const pair of turns) {
          const facts = await readFacts(parts, pair, kept.get(pair.host.vtep), signal)
          if (facts !== undefined) found.push(...judgeTunnel(facts))
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, lane))
      return orOk(found, 'there is no other host to which VXLAN packets are sent')
    },
  }
}

/** One network for each host: one is enough. */
function pairsOf({ peers, probes, underlay }: TunnelsCheckParts): readonly Pair[] {
  const own = underlay.known?.vtep
  const pairs = new Map<string, Pair>()
  const hosts = new Map(peers.hosts().map((host) => [host.id, host]))
  for (const tunnel of probes.tunnels()) {
    for (const id of peers.reached(tunnel.network)) {
      const host = hosts.get(id)
      const isNear =
        host !== undefined && own !== undefined && familyOf(host.vtep) === familyOf(own)
      if (isNear && host.vtep !== own && !pairs.has(id)) pairs.set(id, { host, tunnel })
    }
  }
  return [...pairs.values()]
}

async function readFacts(
  { probes, inquiries, underlay: { known } }: TunnelsCheckParts,
  { host, tunnel }: Pair,
  kept: number | undefined,
  signal: AbortSignal,
): Promise<TunnelFacts | undefined> {
  if (known === undefined) return undefined
  const small = await probes.probe(tunnel, host, SMALL_PROBE, signal)
  const full = small.answered ? await probes.probe(tunnel, host, tunnel.mtu, signal) : undefined
  const facts: TunnelFacts = {
    host: host.name,
    network: tunnel.name,
    port: known.port,
    dev: known.link?.dev ?? '',
    mtu: known.mtu,
    outer: tunnel.mtu + overhead(known.vtep),
    small,
    ...(full === undefined ? {} : { full }),
    ...(kept === undefined ? {} : { kept }),
  }
  if (full?.answered === true) return facts
  const marks = [small.mark, ...(full === undefined ? [] : [full.mark])]
  const question = { network: tunnel.network, marks }
  try {
    const there = await inquiries.ask(host.id, 'heard', question, { signal, withinMs: ASK_MS })
    return { ...facts, there }
  } catch (error) {
    if (hasCode(error, 'DEADLINE_EXCEEDED')) throw error
    return { ...facts, there: messageOf(error) }
  }
}

/** Without the outer Ethernet header, as an MTU counts; with the inner one. */
function overhead(vtep: Ip): number {
  return familyOf(vtep) === 4 ? 50 : 70
}

export function judgeTunnel(facts: TunnelFacts): readonly Found[] {
  const { host, port, small, full } = facts
  if (full?.answered === true)
    return [ok(`host ${host}`, `VXLAN packets of ${full.size} bytes get there and back`)]
  if (full !== undefined) return [narrow(facts, full)]
  if (small.refused === 'EPERM') {
    return [
      failed(
        `host ${host}`,
        `this host's own firewall drops the VXLAN packets (UDP ${port}) that it sends to ${host}`,
        `iptables -I OUTPUT -p udp --dport ${port} -j ACCEPT, or what the check firewall names`,
      ),
    ]
  }
  if (small.refused !== undefined) {
    return [
      failed(
        `host ${host}`,
        `VXLAN packets cannot be sent to ${host}: ${small.refused}`,
        `correct this host's route to it: ip route get ${host}`,
      ),
    ]
  }
  return oneWay(facts)
}

/** A small one does not arrive either. */
function oneWay(facts: TunnelFacts): readonly Found[] {
  const { host, port, small, there } = facts
  const about = `host ${host}`
  // Nobody listens there, so nothing follows; that it is silent is what the check of hosts says.
  if (there === undefined || typeof there === 'string')
    return [ok(about, `it was not probed: ${there ?? 'nobody was asked'}`)]
  // It has no container of the network now, so nobody there hears.
  if (!there.listens) return []
  const isThere = there.heard.includes(small.mark)
  const [refusal] = there.refusals
  const says = isThere
    ? `VXLAN packets (UDP ${port}) arrive at ${host}, but what ${host} sends back does not arrive here`
    : `VXLAN packets (UDP ${port}) from this host do not arrive at ${host}`
  if (refusal !== undefined) {
    const chain = `${refusal.table} ${refusal.chain}`
    return [
      failed(
        about,
        `${says}: the chain "${chain}" on ${host} drops them`,
        `on ${host}: ${letPass(chain, port)}`,
      ),
    ]
  }
  const where = isThere ? 'to this host' : `to ${host}`
  return [
    failed(
      about,
      says,
      `let UDP ${port} pass ${where}: in its firewall (the check firewall names a chain that drops), and in those between`,
    ),
  ]
}

function narrow({ host, dev, mtu, outer, kept, there }: TunnelFacts, full: Probed): Found {
  const about = `host ${host}`
  const other = typeof there === 'object' ? there : undefined
  const where = other?.heard.includes(full.mark) ? `come back from ${host}` : `get to ${host}`
  const seen = `full packets (${outer} bytes with their VXLAN header) do not ${where}, small ones do`
  const remedy = alike({ host, dev, mtu }, other)
  if (kept === undefined) return failed(about, seen, remedy)
  return warning(about, `${seen}; packets are kept to ${kept} bytes on that path`, remedy)
}

/** Where the MTUs of both ends differ, the lower one is the cause; else it is something between. */
function alike(
  { host, dev, mtu }: Pick<TunnelFacts, 'host' | 'dev' | 'mtu'>,
  other: Answer<'heard'> | undefined,
): string {
  if (other === undefined || other.mtu === 0 || other.mtu === mtu)
    return `give the network between the hosts an MTU of ${mtu}, or both hosts one that passes: ip link set dev ${dev} mtu N`
  return mtu < other.mtu
    ? `ip link set dev ${dev} mtu ${other.mtu}`
    : `ip link set dev ${other.dev} mtu ${mtu} on ${host}`
}
