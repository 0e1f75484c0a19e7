/** What is said of rules. */
import t from 'tap'
import { judgeAdmission, judgeRules } from '../../../src/control/trace/judge/firewall.js'
import type { Ip } from '../../../src/core/ip.js'
import type { RulesFact, TriedPacket } from '../../../src/core/path-facts.js'
import { VTEP } from './facts.js'

const TUNNELLED: TriedPacket = {
  ...{ hook: 'input', from: 'eth0', to: '', protocol: 'udp', port: 4789 },
  ...{ source: VTEP, destination: '192.0.2.1' as Ip },
}
const RULE = { family: 'ip', table: 'filter', chain: 'INPUT', handle: '7' }

t.test('rules of others', async (t) => {
  t.equal(judgeRules(TUNNELLED, { fate: 'passes' }).verdict, 'ok')
  const refused = judgeRules(TUNNELLED, { fate: 'refused', by: RULE })
  t.match(refused.says, /handle 7 of chain INPUT \(table ip filter\) refuses/)
  const match = 'iifname eth0 ip saddr 192.0.2.2 ip daddr 192.0.2.1 udp dport 4789 accept'
  t.equal(refused.mend?.command, `nft insert rule ip filter INPUT position 7 ${match}`)
  const { handle: _, ...policy } = RULE
  const closed = judgeRules(TUNNELLED, { fate: 'refused', by: policy })
  t.equal(closed.mend?.command, `nft add rule ip filter INPUT ${match}`)
  const doubt: RulesFact = { fate: 'unknown', by: RULE }
  t.equal(judgeRules(TUNNELLED, doubt).verdict, 'unknown', 'no false alarm')
  t.notOk(judgeRules(TUNNELLED, doubt).mend)
  t.equal(judgeRules(TUNNELLED, { fate: 'unknown' }).verdict, 'unknown')
  const legacy = { family: 'iptables-legacy', table: 'filter', chain: '' }
  t.match(judgeRules(TUNNELLED, { fate: 'unknown', by: legacy }).says, /the legacy iptables may/)
})

t.test('packets between containers name both devices, and no port without one', async (t) => {
  const packet: TriedPacket = {
    ...{ hook: 'forward', from: 'tsb-1', to: 'eth0', protocol: 'icmp' },
    ...{ source: '10.20.0.5' as Ip, destination: '10.20.1.5' as Ip },
  }
  const found = judgeRules(packet, { fate: 'refused', by: { ...RULE, chain: 'DOCKER-USER' } })
  t.equal(
    found.mend?.command,
    'nft insert rule ip filter DOCKER-USER position 7 iifname tsb-1 oifname eth0 ip saddr 10.20.0.5 ip daddr 10.20.1.5 accept',
  )
})

t.test('admission', async (t) => {
  const rules = (vnis: string[], vteps4: string[]) => [
    {
      ...{ table: 'inet tsoverlay', purpose: '', version: '', chains: [] },
      sets: [
        { name: 'vnis', elements: vnis },
        { name: 'vteps4', elements: vteps4 },
      ],
    },
  ]
  t.equal(judgeAdmission(VTEP, 256, rules(['256'], [VTEP])).verdict, 'ok')
  t.equal(judgeAdmission(VTEP, 256, rules(['257'], [])).verdict, 'ok', 'nobody looks at that VNI')
  t.equal(judgeAdmission(VTEP, 256, []).verdict, 'ok', 'there is no table')
  t.equal(judgeAdmission(VTEP, 256, undefined).verdict, 'unknown')
  const stranger = judgeAdmission(VTEP, 256, rules(['256'], ['192.0.2.3']))
  t.equal(stranger.mend?.command, "nft add element inet tsoverlay vteps4 '{ 192.0.2.2 }'")
})
