/** What rules do with the packets of a path: pure. */
import type { Ip } from '../../../core/ip.js'
import type { RulesReading } from '../../../core/kernel.js'
import type { RulesFact, TriedPacket } from '../../../core/path-facts.js'
import { type Finding, failed, ok, type Subject, unknown } from '../finding.js'

const HOOKS = {
  input: 'packets to this host',
  forward: 'packets through this host',
  output: 'packets of this host',
} as const

/** What others' rules do with one packet. */
export function judgeRules(packet: TriedPacket, fact: RulesFact): Finding {
  const { protocol, port, source, destination } = packet
  const subject: Subject = {
    hop: 'firewall',
    about: `${HOOKS[packet.hook]}: ${protocol}${port === undefined ? '' : ` ${port}`} ${source} to ${destination}`,
  }
  if (fact.fate === 'passes') return ok(subject, 'no rule refuses them')
  const where = whereText(fact.by)
  if (fact.fate === 'unknown')
    return unknown(subject, `${where} may refuse them: not all of it can be read`)
  return failed(subject, `${where} refuses them`, acceptance(packet, fact.by))
}

function whereText(by: RulesFact['by']): string {
  if (by === undefined) return 'a firewall'
  if (by.family === 'iptables-legacy') return 'the legacy iptables'
  const rule = by.handle === undefined ? 'the policy' : `the rule with handle ${by.handle}`
  return `${rule} of chain ${by.chain} (table ${by.family} ${by.table})`
}

/** Lets just these packets pass before the rule, or behind all where the policy refuses them. */
function acceptance(packet: TriedPacket, by: RulesFact['by']): string | undefined {
  if (by === undefined || by.family === 'iptables-legacy') return undefined
  const chain = `${by.family} ${by.table} ${by.chain}`
  const match = [...devicesOf(packet), ...addressesOf(packet), ...portOf(packet)].join(' ')
  return by.handle === undefined
    ? `nft add rule ${chain} ${match} accept`
    : `nft insert rule ${chain} position ${by.handle} ${match} accept`
}

function devicesOf({ hook, from, to }: TriedPacket): readonly string[] {
  return [
    ...(hook === 'output' || from === '' ? [] : [`iifname ${from}`]),
    ...(hook === 'input' || to === '' ? [] : [`oifname ${to}`]),
  ]
}

function addressesOf({ source, destination }: TriedPacket): readonly string[] {
  const family = source.includes(':') ? 'ip6' : 'ip'
  return [`${family} saddr ${source}`, `${family} daddr ${destination}`]
}

function portOf({ protocol, port }: TriedPacket): readonly string[] {
  return protocol === 'icmp' || port === undefined ? [] : [`${protocol} dport ${port}`]
}

const TABLE = 'inet tsoverlay'

/**
 * Whether VXLAN packets of another host are taken.
 * @param rules of this host's namespace, as they are; undefined: they could not be read
 */
export function judgeAdmission(
  vtep: Ip,
  vni: number,
  rules: readonly RulesReading[] | undefined,
): Finding {
  const subject = { hop: 'admission', about: `VXLAN packets from ${vtep}` }
  if (rules === undefined) return unknown(subject, 'the rules of this kernel cannot be read')
  const table = rules.find((one) => one.table === TABLE)
  const has = (set: string, value: string): boolean =>
    table?.sets.some((one) => one.name === set && one.elements.includes(value)) === true
  if (table === undefined || !has('vnis', `${vni}`))
    return ok(subject, 'strangers are not kept out')
  const set = vtep.includes(':') ? 'vteps6' : 'vteps4'
  if (has(set, vtep)) return ok(subject, `${vtep} is admitted`)
  const command = `nft add element ${TABLE} ${set} '{ ${vtep} }'`
  return failed(
    subject,
    `${vtep} is not admitted: it is none of the hosts that this one knows`,
    command,
  )
}
