/** What is said of ports, tunnels, routes and the underlay. */
import t from 'tap'
import { judgePort, judgeSource } from '../../../src/control/trace/judge/port.js'
import {
  judgeForwarding,
  judgeGateway,
  judgeHostRoute,
} from '../../../src/control/trace/judge/routed.js'
import { judgeEntry, judgeFdb, judgeVxlan } from '../../../src/control/trace/judge/tunnel.js'
import {
  judgeAway,
  judgeMtu,
  judgeOtherHost,
  judgeUnderlay,
} from '../../../src/control/trace/judge/underlay.js'
import type { Cidr, Ip } from '../../../src/core/ip.js'
import type { RouteReading } from '../../../src/core/kernel.js'
import { HOST, type VxlanLink } from '../../../src/core/plan.js'
import {
  ENDPOINT,
  facts,
  host,
  link,
  OTHER,
  OTHER_MAC,
  OWN_MAC,
  UNDERLAY,
  VTEP,
  WAY,
} from './facts.js'

type Found = { readonly verdict: string; readonly mend?: { readonly command: string } }
const commandOf = (found: Found | undefined) => found?.mend?.command
const PLACE = '1-abc'
const WANTED = { place: PLACE, name: 'veth1', bridge: 'br0' }
const FORWARDING = { state: 'forwarding', learns: false, floods: false }

t.test('a port', async (t) => {
  const bridge = link('br0', { kind: 'bridge' })
  const port = { master: 'br0', port: FORWARDING }
  const of = (more: object, ...others: (typeof bridge)[]) =>
    judgePort(WANTED, 'web', facts({ links: [link('veth1', { ...port, ...more }), ...others] }))
  t.equal(of({}, bridge).verdict, 'ok')
  t.equal(commandOf(judgePort(WANTED, 'web', undefined)), 'docker restart web')
  t.equal(commandOf(judgePort(WANTED, 'web', facts({}))), 'docker restart web')
  const at = `tsoverlay netns ${PLACE}`
  t.equal(commandOf(of({ up: false }, bridge)), `${at} ip link set veth1 up`)
  t.equal(commandOf(of({ master: 'br1' }, bridge)), `${at} ip link set veth1 master br0`)
  const blocked = of({ port: { ...FORWARDING, state: 'blocking' } }, bridge)
  t.equal(commandOf(blocked), `${at} bridge link set dev veth1 state 3`)
  t.equal(commandOf(of({}, { ...bridge, up: false })), `${at} ip link set br0 up`)
  t.equal(of({}).verdict, 'failed', 'its bridge is not there')
})

t.test('the source check', async (t) => {
  const rules = (macs: string[], ips: string[]) => [
    {
      ...{ table: 'bridge tsoverlay', purpose: '', version: '', chains: [] },
      sets: [
        { name: 'macs', elements: macs },
        { name: 'ip4', elements: ips },
      ],
    },
  ]
  const [mac, ip] = [`veth1 . ${OWN_MAC}`, 'veth1 . 10.20.0.5']
  t.equal(judgeSource(WANTED, ENDPOINT, rules([mac], [ip])).verdict, 'ok')
  t.equal(judgeSource(WANTED, ENDPOINT, []).verdict, 'ok', 'nothing is checked')
  t.equal(judgeSource(WANTED, ENDPOINT, undefined).verdict, 'unknown')
  const at = `tsoverlay netns ${PLACE} nft add element bridge tsoverlay`
  const noMac = judgeSource(WANTED, ENDPOINT, rules([], [ip]))
  t.equal(commandOf(noMac), `${at} macs '{ "veth1" . ${OWN_MAC} }'`)
  const noIp = judgeSource(WANTED, ENDPOINT, rules([mac], ['veth2 . 10.20.0.5']))
  t.equal(commandOf(noIp), `${at} ip4 '{ "veth1" . 10.20.0.5 }'`)
})

const VXLAN: VxlanLink = {
  ...{ kind: 'vxlan', name: 'vxlan0', mtu: 1450, vni: 256, port: 4789 },
  ...{ local: UNDERLAY.vtep, master: 'br0' },
}

t.test('a vxlan device', async (t) => {
  const device = { vni: 256, port: 4789, local: UNDERLAY.vtep }
  const of = (vxlan: object, more: object = {}) => {
    const found = link('vxlan0', {
      kind: 'vxlan',
      master: 'br0',
      vxlan: { ...device, ...vxlan },
      ...more,
    })
    return judgeVxlan(VXLAN, PLACE, facts({ links: [found] }), [])
  }
  t.equal(of({}).verdict, 'ok')
  for (const wrong of [{ vni: 9 }, { port: 8472 }, { local: VTEP }])
    t.equal(commandOf(of(wrong)), `tsoverlay netns ${PLACE} ip link del vxlan0`)
  t.match(of({ vni: 9 }).says, /its VNI is 9 and not 256/)
  t.equal(commandOf(of({}, { up: false })), `tsoverlay netns ${PLACE} ip link set vxlan0 up`)
  t.equal(of({}, { master: 'br1' }).verdict, 'failed')
  const taken = judgeVxlan(VXLAN, PLACE, facts({}), [{ name: 'vx9', vni: 256, port: 4789 }])
  t.equal(commandOf(taken), 'ip link del vx9')
  t.notOk(judgeVxlan(VXLAN, PLACE, facts({}), [{ name: 'vx9', vni: 257, port: 4789 }]).mend)
})

t.test('what a tunnel knows of the other host', async (t) => {
  const entry = { place: PLACE, dev: 'vxlan0', ip: OTHER, mac: OTHER_MAC, vtep: VTEP }
  const at = `tsoverlay netns ${PLACE}`
  const neighbours = (mac: string, dev = 'vxlan0') =>
    facts({
      neighbours: [{ dev, ip: OTHER, mac: mac as never, state: 'permanent', planned: true }],
    })
  t.equal(judgeEntry(entry, neighbours(OTHER_MAC)).verdict, 'ok')
  const put = `${at} ip neigh replace ${OTHER} lladdr ${OTHER_MAC} dev vxlan0 nud permanent`
  for (const wrong of [neighbours(OWN_MAC), neighbours(OTHER_MAC, 'vxlan1'), facts({})])
    t.equal(commandOf(judgeEntry(entry, wrong)), put)
  const fdb = (vtep: string) =>
    facts({ fdb: [{ dev: 'vxlan0', mac: OTHER_MAC, vtep: vtep as Ip, flags: [], planned: true }] })
  const names = (vtep: Ip) => (vtep === VTEP ? 'h2' : 'h3')
  t.equal(judgeFdb(entry, fdb(VTEP), names).verdict, 'ok')
  const wrong = judgeFdb(entry, fdb('192.0.2.3'), names)
  t.match(wrong.says, /sent to 192.0.2.3 \(h3\) and not to 192.0.2.2 \(h2\)/)
  const replace = `${at} bridge fdb replace ${OTHER_MAC} dev vxlan0 dst ${VTEP} self permanent`
  t.equal(commandOf(wrong), replace)
  t.equal(commandOf(judgeFdb(entry, facts({}), names)), replace)
})

t.test('the underlay', async (t) => {
  t.equal(judgeUnderlay(WAY, UNDERLAY, host()).verdict, 'ok')
  const none = judgeUnderlay(WAY, UNDERLAY, host({ routes: [] }))
  t.equal(commandOf(none), 'ip route add 192.0.2.0/24 dev eth0')
  const down = host({ links: [link('eth0', { up: false })] })
  t.equal(commandOf(judgeUnderlay(WAY, UNDERLAY, down)), 'ip link set eth0 up')
  const unplugged = host({ links: [link('eth0', { carrier: false })] })
  t.match(judgeUnderlay(WAY, UNDERLAY, unplugged).says, /no carrier/)
  const stray = {
    to: '192.0.2.2/32' as Cidr,
    dev: 'eth1',
    type: 'unicast',
    protocol: 'boot',
    planned: false,
  }
  const astray = host({ routes: [{ to: VTEP, kind: 'unicast', dev: 'eth1' }], table: [stray] })
  t.equal(commandOf(judgeUnderlay(WAY, UNDERLAY, astray)), 'ip route del 192.0.2.2/32 dev eth1')
  const own = host({
    routes: [{ to: VTEP, kind: 'local', dev: 'lo' }],
    links: [link('eth0', { addresses: ['192.0.2.2/24' as Cidr] })],
  })
  t.equal(commandOf(judgeUnderlay(WAY, UNDERLAY, own)), 'ip addr del 192.0.2.2/24 dev eth0')
})

t.test('the MAC of the other host', async (t) => {
  const of = (mac: string | undefined, state = 'reachable') =>
    judgeOtherHost(
      WAY,
      OTHER_MAC,
      host({
        neighbours: [
          {
            dev: 'eth0',
            ip: VTEP,
            state,
            planned: false,
            ...(mac === undefined ? {} : { mac: mac as never }),
          },
        ],
      }),
    )
  t.same(judgeOtherHost(WAY, OTHER_MAC, host()), [], 'not asked for yet')
  t.equal(of(OTHER_MAC)[0]?.verdict, 'ok')
  t.equal(of(undefined, 'failed')[0]?.verdict, 'warning')
  const [wrong] = of(OWN_MAC)
  t.equal(commandOf(wrong), `ip neigh replace ${VTEP} lladdr ${OTHER_MAC} dev eth0 nud permanent`)
})

t.test('what fits through', async (t) => {
  const of = (container: number, underlay: number, tunnelled: boolean, vtep = VTEP) =>
    judgeMtu('web', { container, underlay, tunnelled, device: 'eth0', vtep })
  t.equal(of(1450, 1500, true).verdict, 'ok')
  t.equal(of(1500, 1500, false).verdict, 'ok')
  t.equal(commandOf(of(1450, 1499, true)), 'ip link set eth0 mtu 1500')
  t.equal(commandOf(of(1500, 1400, false)), 'ip link set eth0 mtu 1500')
  t.equal(of(1450, 1500, true, 'fd00::2' as Ip).verdict, 'failed', 'the header of IPv6 is longer')
})

t.test('a host that does not answer', async (t) => {
  const of = (echoes: boolean | undefined, announced = false) =>
    judgeAway({
      ...{ name: 'h2', asker: 'h1', vtep: VTEP, plugin: 'local/tsoverlay' },
      ...{ echoes, announced },
    })
  t.equal(of(false).hop, 'host')
  t.notOk(of(false, true).mend, 'it cannot be removed yet')
  t.match(of(false).mend, { host: 'h1', command: /^tsoverlay host rm h2 # only if/ })
  for (const echoes of [true, undefined]) {
    t.equal(of(echoes).hop, 'agent')
    t.same(of(echoes).mend, { host: 'h2', command: 'docker plugin enable local/tsoverlay' })
  }
})

t.test('a routed network in the namespace of the host', async (t) => {
  const wanted = { to: '10.20.0.8/29' as Cidr, via: VTEP, dev: 'eth0' }
  const right = { to: OTHER, kind: 'unicast', dev: 'eth0', via: VTEP } as const
  t.equal(judgeHostRoute(OTHER, wanted, host({ routes: [right] })).verdict, 'ok')
  t.match(judgeHostRoute(OTHER, undefined, host()).says, /no host .* has a block/)
  const lost = judgeHostRoute(OTHER, wanted, host({ routes: [] }))
  t.equal(commandOf(lost), 'ip route replace 10.20.0.8/29 via 192.0.2.2 dev eth0 proto 116 onlink')
  const stray: RouteReading = {
    ...{ to: '10.20.0.9/32' as Cidr, via: '192.0.2.9' as Ip, dev: 'eth0', metric: 5 },
    ...{ type: 'unicast', protocol: 'boot', planned: false },
  }
  const astray = host({ routes: [{ ...right, via: '192.0.2.9' as Ip }], table: [stray] })
  const found = judgeHostRoute(OTHER, wanted, astray)
  t.equal(commandOf(found), 'ip route del 10.20.0.9/32 via 192.0.2.9 dev eth0 metric 5')

  const bridge = {
    kind: 'bridge' as const,
    name: 'tsb-1',
    mtu: 1500,
    addresses: ['10.20.0.1/29' as Cidr],
  }
  const there = (more: object) =>
    facts({ links: [link('tsb-1', { addresses: bridge.addresses, ...more })] })
  t.equal(judgeGateway(bridge, there({})).verdict, 'ok')
  t.equal(judgeGateway(bridge, facts({})).verdict, 'failed')
  t.equal(commandOf(judgeGateway(bridge, there({ up: false }))), 'ip link set tsb-1 up')
  t.equal(
    commandOf(judgeGateway(bridge, there({ addresses: [] }))),
    'ip addr add 10.20.0.1/29 dev tsb-1',
  )
  t.equal(judgeForwarding(4, true).verdict, 'ok')
  t.equal(commandOf(judgeForwarding(4, false)), 'sysctl -w net.ipv4.ip_forward=1')
  t.equal(commandOf(judgeForwarding(6, false)), 'sysctl -w net.ipv6.conf.all.forwarding=1')
})

t.test('in the host itself commands need no namespace', async (t) => {
  const port = { place: HOST, name: 'tsp-1', bridge: 'tsb-1' }
  const there = facts({ links: [link('tsp-1', { up: false, master: 'tsb-1' })] })
  t.equal(commandOf(judgePort(port, 'web', there)), 'ip link set tsp-1 up')
})
