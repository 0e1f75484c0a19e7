/** firewalld's rules before our packets: what status says of them, and what the packets say. */
import type { Cidr, Ip } from '../../src/core/ip.js'
import type { Plan } from '../../src/core/plan.js'
import { Generation } from '../../src/dataplane/nft/generation.js'
import { openNetfilter } from '../../src/dataplane/rtnl/netlink-rtnl.js'
import { FirewalldTable } from '../../src/dataplane/tables/firewalld.js'
import type { Scope } from '../../src/dataplane/tables/kernel-table.js'
import type { Additions } from './firewalld-rules.js'
import { startFirewalld, ZONE_AND_POLICY } from './firewalld-rules.js'
import { onThrowAwayHost, run, silent } from './kernel.js'
import { HOST_ADDRESS, makeRoutedHost, routedPlan, X, Y } from './routed-host.js'
import { PORT as ASKED } from './talker.js'

const PEER = '192.0.2.2' as Ip
const REMOTE = '10.20.2.2'
const ROUTED = 'packets of routed networks'
/** One at which the host's talker answers. */
const PORT = ASKED + 1
const VXLAN = `VXLAN (UDP ${PORT})`
const OPEN_PORT = { allow: `udp dport ${PORT} accept` }

interface Case extends Additions {
  /** what is refused, as the obstacle says it */
  readonly refused: string | undefined
}

const CASES: Readonly<Record<string, Case>> = {
  'as it is installed': { refused: `${VXLAN} and ${ROUTED}` },
  'with the port open': { ...OPEN_PORT, refused: ROUTED },
  'with a zone and a policy': { forward: ZONE_AND_POLICY, refused: VXLAN },
  'with all of it': { ...OPEN_PORT, forward: ZONE_AND_POLICY, refused: undefined },
  'with a zone, but no policy that leads to it': {
    ...OPEN_PORT,
    forward: 'iifname "tsb-*" accept; oifname "tsb-*" reject',
    refused: ROUTED,
  },
  "with the networks' addresses in a zone": {
    allow: `udp dport ${PORT - 5}-${PORT + 5} accept`,
    forward: 'ip saddr 10.20.0.0/16 accept; ip6 saddr fd00:20::/32 accept',
    refused: undefined,
  },
  'with the addresses of another one': {
    ...OPEN_PORT,
    forward: 'ip saddr 10.30.0.0/16 accept; ip6 saddr fd00:30::/32 accept',
    refused: ROUTED,
  },
  'with the other hosts in a zone': {
    input: `ip saddr ${PEER} accept`,
    forward: 'accept',
    refused: undefined,
  },
  'with another host in a zone': {
    input: 'ip saddr 192.0.2.77 accept',
    forward: 'accept',
    refused: VXLAN,
  },
  'with a zone that drops by the way of a chain': {
    ...OPEN_PORT,
    forward: 'iifname "tsb-*" goto filter_FWD_policy_to-tsoverlay; oifname "tsb-*" drop',
    refused: ROUTED,
  },
}

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const host = await makeRoutedHost()
  const { x1, other } = host.talkers
  const socket = openNetfilter()
  if (socket === undefined) throw new Error('no netfilter')
  const scope = { netfilter: socket } as unknown as Scope
  t.teardown(async () => {
    await host.stop()
    await socket.close()
  })
  const plan: Plan = {
    ...routedPlan([X]),
    strangers: {
      port: PORT,
      vnis: [256],
      vteps: [HOST_ADDRESS as Ip, PEER],
      partial: false,
      create: true,
    },
  }
  const warnings: unknown[] = []
  const table = new FirewalldTable(new Generation(), {
    ...silent,
    warn: (fields) => warnings.push(fields),
  })
  const look = async (of = plan): Promise<string | undefined> => {
    table.setDesired(of)
    table.queueResync()
    const { obstacle, ...rest } = await table.apply(scope)
    t.same(rest, { written: 0, drift: 0, failures: [] })
    return obstacle
  }
  const saysItRefuses = (refused: string | undefined) =>
    refused === undefined
      ? undefined
      : new RegExp(`^firewalld refuses ${refused.replace(/[()]/g, '\\$&')}: run `)

  t.test('no firewalld', async (t) => t.equal(await look(), undefined))

  for (const [name, { refused, ...additions }] of Object.entries(CASES))
    t.test(name, async (t) => {
      startFirewalld(additions)
      t.match(await look(), saysItRefuses(refused))
      const answers = [await x1.ask(REMOTE), await other.ask('10.20.1.2', undefined, REMOTE)]
      const goes = answers.every((answer) => answer.includes(' sees '))
      t.equal(goes, !(refused?.includes(ROUTED) ?? false), answers.join(', '))
      const answer = await other.askUdp(HOST_ADDRESS)
      t.equal(answer === 'silence', refused?.includes(VXLAN) ?? false, answer)
    })

  t.test('the commands are for what is refused, and the warning comes once', async (t) => {
    startFirewalld({ forward: ZONE_AND_POLICY })
    const told = warnings.length
    const obstacle = `firewalld refuses ${VXLAN}: run firewall-cmd --permanent --zone=public --add-port=${PORT}/udp; firewall-cmd --reload`
    t.equal(await look(), obstacle)
    t.equal(await look(), obstacle)
    t.same(warnings.slice(told), [{ by: obstacle }])
    startFirewalld(OPEN_PORT)
    t.match(await look(), /--zone=tsoverlay --add-interface=tsb-\+; .*; firewall-cmd --reload$/)
  })

  t.test('it is about what this host has', async (t) => {
    startFirewalld()
    t.match(await look({ ...plan, domains: [] }), saysItRefuses(VXLAN))
    t.match(await look({ ...plan, strangers: { ...plan.strangers, vnis: [] } as never }), ROUTED)
    const { domains: _, strangers: __, ...none } = plan
    t.equal(await look(none), undefined)
    startFirewalld({
      forward: 'ip saddr 10.20.0.0/16 accept; ip6 saddr fd00:20::/32 accept',
      ...OPEN_PORT,
    })
    t.equal(await look(), undefined)
    t.match(await look({ ...plan, domains: [X, Y] }), saysItRefuses(ROUTED))
  })

  t.test('a network with a tunnel is reached by it', async (t) => {
    const tunnelled = { ...plan, domains: [{ ...X, tunnel: 'tsv-256' }] }
    startFirewalld({ ...OPEN_PORT, forward: 'iifname { "tsb-x", "eth0" } accept' })
    t.equal(await look(), undefined)
    startFirewalld({ ...OPEN_PORT, forward: 'iifname "tsb-*" accept; iifname "eth0" accept' })
    t.equal(await look(), undefined)
    t.match(await look(tunnelled), saysItRefuses(ROUTED))
    startFirewalld({ ...OPEN_PORT, forward: ZONE_AND_POLICY })
    t.equal(await look(tunnelled), undefined)
  })

  t.test('what cannot be told is no obstacle', async (t) => {
    const forwards = [
      'limit rate 5/second accept',
      'tcp dport { 80, 443 } accept',
      'meta mark 7 accept',
      'oifname vmap { "tsb-x" : accept, "eth0" : accept }',
      'ip saddr { 10.20.0.0/16 } accept',
      'ct state { new, untracked } accept',
    ]
    for (const forward of forwards) {
      startFirewalld({ ...OPEN_PORT, forward })
      t.equal(
        await look({ ...plan, domains: [{ ...X, ranges: ['10.20.0.0/16' as Cidr] }] }),
        undefined,
        forward,
      )
    }
    startFirewalld({
      ...OPEN_PORT,
      forward: 'udp dport 5000 accept; meta l4proto { icmp, ipv6-icmp } accept',
    })
    t.match(await look(), saysItRefuses(ROUTED), 'what is not for TCP')
  })

  t.test('when firewalld ends', async (t) => {
    startFirewalld()
    t.match(await look(), saysItRefuses(`${VXLAN} and ${ROUTED}`))
    run('nft', 'delete', 'table', 'inet', 'firewalld')
    t.equal(await look(), undefined)
  })
})
