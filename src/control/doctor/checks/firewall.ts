/** Whether this host's own firewall drops what hosts send each other. */
import type { Refusal, TriedPacket } from '../../../core/host-looks.js'
import { familyOf } from '../../../core/ip.js'
import type { Dataplane } from '../../../core/ports.js'
import type { Reconciler } from '../../passes/reconciler.js'
import type { Peers } from '../../peers/peers.js'
import type { UnderlaySource } from '../../underlay/underlay-source.js'
import { type Check, type Found, failed, orOk, warning } from '../check.js'

/** One rule is for all hosts, or one for each. */
const PEERS = 5

export interface FirewallFacts {
  readonly refusals: readonly Refusal[]
  /** what the reconciler knows of firewalld */
  readonly obstacle: string | undefined
  /** why strangers are not kept out */
  readonly open: string | undefined
}

export interface FirewallParts {
  readonly dataplane: Pick<Dataplane, 'refusals'>
  readonly peers: Pick<Peers, 'used'>
  readonly underlay: Pick<UnderlaySource, 'known'>
  readonly reconciler: Pick<Reconciler, 'obstacle' | 'problem'>
}

export function firewallCheck(parts: FirewallParts): Check {
  return {
    name: 'firewall',
    look: async () =>
      judgeFirewall({
        refusals: await parts.dataplane.refusals(packetsOf(parts)),
        obstacle: parts.reconciler.obstacle,
        open: parts.reconciler.problem,
      }),
  }
}

function packetsOf({ peers, underlay: { known } }: FirewallParts): readonly TriedPacket[] {
  const dev = known?.link?.dev
  if (known === undefined || dev === undefined) return []
  const { vtep: own, port } = known
  return peers
    .used()
    .filter(({ vtep }) => familyOf(vtep) === familyOf(own))
    .slice(0, PEERS)
    .flatMap(({ vtep }) => [
      { way: 'in' as const, dev, from: vtep, to: own, port },
      { way: 'out' as const, dev, from: own, to: vtep, port },
    ])
}

export function judgeFirewall({ refusals, obstacle, open }: FirewallFacts): readonly Found[] {
  const chains = new Map(refusals.map((each) => [`${each.table} ${each.chain}`, each]))
  const found = [...chains].map(([chain, { packet }]) =>
    failed(
      chain,
      packet.way === 'in'
        ? `this chain drops VXLAN packets (UDP ${packet.port}) of other hosts, as of ${packet.from}`
        : `this chain drops VXLAN packets (UDP ${packet.port}) to other hosts, as to ${packet.to}`,
      letPass(chain, packet.port),
    ),
  )
  const advice = obstacle === undefined ? [] : [failed('firewalld', obstacle, runOf(obstacle))]
  const strangers =
    open === undefined
      ? []
      : [
          warning(
            'admission',
            `VXLAN packets of strangers are not kept out: ${open}`,
            'a kernel of 5.6 or later with NF_TABLES_INET and NFT_FIB_INET (docs/security.md)',
          ),
        ]
  return orOk(
    [...found, ...advice, ...strangers],
    'no firewall of this host drops what hosts send each other',
  )
}

/** @param chain as nft writes it: `ip filter INPUT` */
export function letPass(chain: string, port: number): string {
  const [family, table, name] = chain.split(' ')
  const tool = family === 'ip6' ? 'ip6tables' : 'iptables'
  return table === 'filter' && family !== 'inet'
    ? `${tool} -I ${name} -p udp --dport ${port} -j ACCEPT`
    : `nft insert rule ${chain} udp dport ${port} accept`
}

/** The advice ends with what is to be run. */
function runOf(obstacle: string): string {
  return obstacle.split(': run ')[1] ?? ''
}
