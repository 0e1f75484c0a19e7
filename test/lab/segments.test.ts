import t from 'tap'
import { cablesOf } from './cables.js'
import { packetsOf } from './capture.js'
import { clientOn, evenly, machinesOf } from './machines.js'
import { bridgeOf, linkOf, routerLinkOf } from './names.js'
import { flowsOf } from './router.js'

/** Without the lab's number: `10.99.0.1/24` is `NET.0.1/24`. */
const plain = (text: string): string =>
  text.replace(/^10\.\d+/, 'NET').replace(/^fd10:\d+:/, 'NET6:')

t.test('hosts on segments', async (t) => {
  t.test('on one, without a router, unless told', async (t) => {
    const machines = machinesOf({ hosts: 2, etcd: true }, '/root')
    t.same(
      machines.map(({ name, kind, segments, routed }) => ({ name, kind, segments, routed })),
      [
        { name: 'h1', kind: 'host', segments: [1], routed: false },
        { name: 'h2', kind: 'host', segments: [1], routed: false },
        { name: 'etcd', kind: 'etcd', segments: [1], routed: false },
      ],
    )
    t.same(machinesOf({ hosts: 2, etcd: true, segments: [[2, 1]] }, '/root'), machines)
  })

  t.test('on two, with a router that is on both', async (t) => {
    const segments = [
      [1, 4],
      [2, 3],
    ]
    const machines = machinesOf({ hosts: 4, segments, dockerdArgs: ['--debug'] }, '/root')
    t.same(
      machines.map(({ name, segments, args }) => [name, segments, args]),
      [
        ['h1', [1], ['--debug']],
        ['h2', [2], ['--debug']],
        ['h3', [2], ['--debug']],
        ['h4', [1], ['--debug']],
        ['router', [1, 2], []],
      ],
    )
    t.ok(machines.every(({ routed }) => routed))
  })

  t.test('each exactly once', async (t) => {
    const wrong = [[[1], [2, 3]], [[1, 2], [2]], [[1, 2], []], [[1]], [[0, 1, 2]]]
    for (const segments of wrong) {
      t.throws(() => machinesOf({ hosts: 2, segments }, ''), {
        message: `segments ${JSON.stringify(segments)} do not have each of 1 to 2 once, and none empty`,
      })
    }
    const ten = Array.from({ length: 10 }, (_, at) => [at + 1])
    t.throws(() => machinesOf({ hosts: 10, segments: ten }, ''), { message: /^10 segments; .* 9$/ })
    for (const hosts of [0, 51, 1.5, Number.NaN])
      t.throws(() => machinesOf({ hosts }, ''), { message: /^hosts is .*; a lab has 1 to 50$/ })
  })

  t.test('dealt out evenly', async (t) => {
    t.same(evenly(4, 1), [[1, 2, 3, 4]])
    t.same(evenly(4, 2), [
      [1, 2],
      [3, 4],
    ])
    t.same(evenly(5, 2), [
      [1, 2, 3],
      [4, 5],
    ])
    t.same(evenly(5, 4), [[1, 2], [3], [4], [5]])
    for (const segments of [0, 5, 1.5, Number.NaN])
      t.throws(() => evenly(4, segments), {
        message: `segments is ${segments}; 4 hosts can be on 1 to 4`,
      })
  })
})

t.test('cables', async (t) => {
  const [h1, h2, router] = machinesOf({ hosts: 2, segments: [[1], [2]] }, '/root')
  const [alone] = machinesOf({ hosts: 1 }, '/root')
  if (!h1 || !h2 || !router || !alone) throw new Error('a machine is missing')

  t.test('of a host on the second segment', async (t) => {
    const [cable, ...others] = cablesOf(h2)
    t.match(cable, { bridge: bridgeOf(2), link: linkOf(2), device: 'eth0' })
    t.same(cable?.addresses.map(plain), ['NET.1.2/24', 'NET6:0:1::2/64'])
    t.same(cable?.gateways.map(plain), ['NET.1.254', 'NET6:0:1::fe'])
    t.same(others, [])
  })

  t.test('of a host without a router: no gateway for IPv6', async (t) => {
    const [cable] = cablesOf(alone)
    t.same(cable?.addresses.map(plain), ['NET.0.1/24', 'NET6::1/64'])
    t.same(cable?.gateways.map(plain), ['NET.0.254'])
  })

  t.test('of the router: the gateway of each segment, itself without one', async (t) => {
    const cables = cablesOf(router)
    t.same(
      cables.map(({ bridge, link, device }) => [bridge, link, device]),
      [
        [bridgeOf(1), routerLinkOf(1), 'eth0'],
        [bridgeOf(2), routerLinkOf(2), 'eth1'],
      ],
    )
    t.same(
      cables.map(({ addresses }) => addresses[0]),
      [h1, h2].map((host) => `${cablesOf(host)[0]?.gateways[0]}/24`),
    )
    t.same(
      cables.flatMap(({ gateways }) => gateways),
      [],
    )
  })

  t.test('have names and addresses of their own, which the kernel takes', async (t) => {
    const clients = [1, 2].map((segment) => clientOn(segment, h1))
    const cables = [h1, h2, router, ...clients].flatMap(cablesOf)
    const links = [...cables.map(({ link }) => link), bridgeOf(1), bridgeOf(2)]
    const addresses = cables.flatMap((cable) => cable.addresses)
    t.equal(new Set(links).size, links.length)
    t.ok(links.every(({ length }) => length <= 15))
    t.equal(new Set(addresses).size, addresses.length)
  })
})

t.test('flows are read from what nft lists', async (t) => {
  const element = (...concat: unknown[]) => ({
    elem: { val: { concat }, counter: { packets: 3, bytes: 252 } },
  })
  const listed = {
    nftables: [
      { metainfo: { version: '1.1.3' } },
      { set: { name: 'v4', elem: [element('10.99.0.1', '10.99.1.3', 'icmp')] } },
      { set: { name: 'v4_udp', elem: [element('10.99.0.1', '10.99.1.3', 4789)] } },
      { set: { name: 'v6' } },
    ],
  }
  const common = { from: '10.99.0.1', to: '10.99.1.3', packets: 3 }
  t.same(flowsOf(JSON.stringify(listed)), [
    { ...common, protocol: 'icmp' },
    { ...common, protocol: 'udp', port: 4789 },
  ])
})

t.test('a packet in a packet is one', async (t) => {
  const text = `    1  IP 10.99.0.1.4000 > 10.99.0.2.4789: VXLAN, flags [I] (0x08), vni 4097
IP 10.20.0.2 > 10.20.0.3: ICMP echo request, id 1, seq 1, length 64
   22  IP 10.99.0.1 > 10.99.0.2: ICMP echo request, id 2, seq 1, length 64
`
  t.same(packetsOf(text), [
    'IP 10.99.0.1.4000 > 10.99.0.2.4789: VXLAN, flags [I] (0x08), vni 4097 IP 10.20.0.2 > 10.20.0.3: ICMP echo request, id 1, seq 1, length 64',
    'IP 10.99.0.1 > 10.99.0.2: ICMP echo request, id 2, seq 1, length 64',
  ])
  t.same(packetsOf(''), [])
})
