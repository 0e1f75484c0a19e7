import fc from 'fast-check'
import t from 'tap'
import { resolveBackend } from '../../src/backends/index.js'
import { overlay } from '../../src/backends/overlay/overlay.js'
import { PeerBook } from '../../src/control/peers/peer-book.js'
import type { Cidr, Ip } from '../../src/core/ip.js'
import { type Mac, macFromIp } from '../../src/core/mac.js'
import type { Plan } from '../../src/core/plan.js'
import type { Endpoint, LocalEndpoint, NetworkView, Segment } from '../../src/core/types.js'
import { ownWay } from '../../src/core/way.js'
import { planText } from '../fakes/plan-text.js'

const DOCKER = 'd0c4e7'.padEnd(64, '0')
const V4 = { pool: '10.20.0.0/16' as Cidr, gateway: '10.20.0.1/16' as Cidr }
const V6 = { pool: 'fd20::/64' as Cidr, gateway: 'fd20::1/64' as Cidr }
const UNDERLAY = { vtep: '192.0.2.1' as Ip, mtu: 1500, port: 4789 }

const macOf = (address: string): Mac => macFromIp(address.split('/')[0] as Ip)

function peer(id: string, vtep: string, ...addresses: string[]): Peer {
  const mac = macOf(addresses[0] ?? '')
  const list = addresses as Cidr[]
  return { id, network: 'k', host: vtep, boot: '1', mac, addresses: list, vtep: vtep as Ip }
}

function local(id: string, joined: boolean, ...addresses: string[]): LocalEndpoint {
  const { vtep: _vtep, ...endpoint } = peer(id.padEnd(64, '0'), '192.0.2.1', ...addresses)
  return { ...endpoint, dockerNetwork: DOCKER, joined }
}

interface Peer extends Endpoint {
  readonly vtep: Ip
}

interface View extends NetworkView {
  readonly peers: readonly Peer[]
}

function view(part: Partial<View> & { segments?: Segment[]; mtu?: number }): View {
  const { segments = [{ vni: 256, subnets: [V4] }], mtu, ...rest } = part
  const base = { key: 'k', identity: 'pools:x', space: '', backend: 'overlay', internal: false }
  const network = { ...base, segments, ...(mtu === undefined ? {} : { mtu }) }
  return {
    network,
    dockerNetwork: DOCKER,
    self: 'h1',
    local: [],
    peers: [],
    blocks: [],
    inUse: true,
    underlay: UNDERLAY,
    ...rest,
  }
}

const sandboxOf = (of: View) => overlay.parts(of).get(overlay.home(of.dockerNetwork))

/** Part and peers, as a pass puts them together. */
function planOf(of: View): Plan | undefined {
  const part = sandboxOf(of)
  const book = new PeerBook(of.network, overlay.reach)
  for (const each of of.peers) {
    book.setWay(each.host, { host: each.host, vtep: each.vtep })
    book.add(each)
  }
  book.setLocal(of.local, ownWay(of.underlay, of.self))
  return (
    part && {
      place: overlay.home(of.dockerNetwork),
      ...part,
      neighbours: book.entries('neighbours'),
      fdb: book.entries('fdb'),
    }
  )
}

function text(of: View): string {
  const plan = planOf(of)
  return plan === undefined ? 'nothing' : planText(plan)
}

const sorted = (lines: string): string => lines.split('\n').sort().join('\n')

t.test('one subnet, one container here, one there', async (t) => {
  const here = [local('aaaa', true, '10.20.0.5/16'), local('bbbb', false, '10.20.0.6/16')]
  const peers = [peer('p1', '192.0.2.2', '10.20.0.7/16')]
  t.equal(
    text(view({ local: here, peers })),
    `sandbox 1-d0c4e70000
  bridge br0 mtu 1450 10.20.0.1/16
  vxlan vxlan0 mtu 1450 master br0 vni 256 local 192.0.2.1 port 4789
  veth vethaaaa000 mtu 1450 master br0 peer tsoaaaa00000000 02:42:0a:14:00:05
  neighbour vxlan0 10.20.0.7 02:42:0a:14:00:07
  fdb vxlan0 02:42:0a:14:00:07 dst 192.0.2.2
  source vethaaaa000 02:42:0a:14:00:05 10.20.0.5`,
  )
})

t.test('IPv4 and IPv6 of one endpoint share its MAC; IPv6 underlay; MTU of the user', async (t) => {
  const segments = [{ vni: 300, subnets: [V4, V6] }]
  const underlay = { vtep: '2001:db8::1' as Ip, mtu: 9000, port: 8472 }
  const here = [local('aaaa', true, '10.20.0.5/16', 'fd20::5/64')]
  const peers = [peer('p1', '2001:db8::2', '10.20.0.7/16', 'fd20::7/64')]
  t.equal(
    text(view({ segments, underlay, local: here, peers })),
    `sandbox 1-d0c4e70000
  bridge br0 mtu 8930 10.20.0.1/16 fd20::1/64
  vxlan vxlan0 mtu 8930 master br0 vni 300 local 2001:db8::1 port 8472
  veth vethaaaa000 mtu 8930 master br0 peer tsoaaaa00000000 02:42:0a:14:00:05
  neighbour vxlan0 10.20.0.7 02:42:0a:14:00:07
  neighbour vxlan0 fd20::7 02:42:0a:14:00:07
  fdb vxlan0 02:42:0a:14:00:07 dst 2001:db8::2
  source vethaaaa000 02:42:0a:14:00:05 10.20.0.5 fd20::5`,
  )
  t.match(text(view({ mtu: 1400, local: here })), /bridge br0 mtu 1400 .*\n.* vxlan0 mtu 1400/)
})

t.test('two subnets are two segments, and a MAC counts within its own', async (t) => {
  const six = (n: number) => ({ pool: `fd2${n}::/64` as Cidr })
  const segments = [
    { vni: 256, subnets: [six(0)] },
    { vni: 257, subnets: [six(1)] },
  ]
  const here = [local('aaaa', true, 'fd21::5/64')]
  const peers = [peer('p1', '192.0.2.2', 'fd20::5/64'), peer('p2', '192.0.2.3', 'fd21::6/64')]
  t.equal(
    text(view({ segments, local: here, peers })),
    `sandbox 1-d0c4e70000
  bridge br0 mtu 1450
  vxlan vxlan0 mtu 1450 master br0 vni 256 local 192.0.2.1 port 4789
  bridge br1 mtu 1450
  vxlan vxlan1 mtu 1450 master br1 vni 257 local 192.0.2.1 port 4789
  veth vethaaaa000 mtu 1450 master br1 peer tsoaaaa00000000 02:42:00:00:00:05
  neighbour vxlan0 fd20::5 02:42:00:00:00:05
  neighbour vxlan1 fd21::6 02:42:00:00:00:06
  fdb vxlan0 02:42:00:00:00:05 dst 192.0.2.2
  fdb vxlan1 02:42:00:00:00:06 dst 192.0.2.3
  source vethaaaa000 02:42:00:00:00:05 fd21::5`,
  )
})

t.test('without source check nothing is said of who may speak', async (t) => {
  const open = view({ local: [local('aaaa', true, '10.20.0.5/16')] })
  const plan = sandboxOf({ ...open, network: { ...open.network, sourceCheck: false } })
  t.equal(plan?.links.length, 3)
  t.equal(plan?.sources, undefined)
  const learning = (links: Plan['links'] = []) =>
    links.map((link) => link.kind !== 'bridge' && link.learns === true)
  t.same(learning(plan?.links), [false, true, true], 'but other MACs may be behind a port')
  t.same(learning(sandboxOf(open)?.links), [false, false, false])
})

t.test('without a joined endpoint there is no sandbox', async (t) => {
  const peers = [peer('p1', '192.0.2.2', '10.20.0.7/16')]
  t.equal(text(view({ peers })), 'nothing')
  t.equal(text(view({ peers, local: [local('aaaa', false, '10.20.0.5/16')] })), 'nothing')
})

t.test('of two peers with one address the smaller id wins, a local one always', async (t) => {
  const here = [local('aaaa', true, '10.20.0.5/16')]
  const twins = [peer('p2', '192.0.2.3', '10.20.0.7/16'), peer('p1', '192.0.2.2', '10.20.0.7/16')]
  const mine = peer('p0', '192.0.2.4', '10.20.0.5/16')
  const plan = planOf(view({ local: here, peers: [...twins, mine] }))
  t.same(
    [...(plan?.neighbours ?? [])].map(({ ip }) => ip),
    ['10.20.0.7'],
  )
  t.same(
    [...(plan?.fdb ?? [])].map(({ vtep }) => vtep),
    ['192.0.2.2'],
  )
})

t.test('the order in which peers are known does not matter', async () => {
  const hosts = fc.constantFrom('192.0.2.2', '192.0.2.3')
  const some = fc.array(fc.tuple(hosts, fc.integer({ min: 2, max: 9 })), { maxLength: 12 })
  const shuffled = some.chain((list) => {
    const peers = list.map(([vtep, n], at) => peer(`p${at}`, vtep, `10.20.0.${n}/16`))
    return fc.tuple(
      fc.constant(peers),
      fc.shuffledSubarray(peers, { minLength: peers.length, maxLength: peers.length }),
    )
  })
  const here = [local('aaaa', true, '10.20.0.5/16')]
  fc.assert(
    fc.property(shuffled, ([peers, others]) => {
      const plan = text(view({ local: here, peers }))
      const addresses = [...plan.matchAll(/neighbour vxlan0 (\S+)/g)].map(([, ip]) => ip)
      return (
        sorted(plan) === sorted(text(view({ local: here, peers: others }))) &&
        new Set(addresses).size === addresses.length &&
        !addresses.includes('10.20.0.5')
      )
    }),
  )
})

t.test('an MTU that the underlay cannot carry is refused with the limits', async (t) => {
  const check = (mtu?: number) =>
    overlay.validate(
      view({ segments: [], ...(mtu === undefined ? {} : { mtu }) }).network,
      UNDERLAY,
    )
  for (const mtu of [undefined, 576, 1450]) check(mtu)
  for (const mtu of [575, 1451, 0]) {
    t.throws(() => check(mtu), {
      code: 'OPTION_INVALID',
      message: new RegExp(`driver.mtu=${mtu} is not valid: allowed is 576 to 1450`),
    })
  }
})

t.test('IPv6 needs 1280 bytes, of the option and of the underlay', async (t) => {
  const segments = [{ vni: 256, subnets: [V4, V6] }]
  const check = (mtu: number | undefined, underlay = UNDERLAY) =>
    overlay.validate(view({ segments, ...(mtu === undefined ? {} : { mtu }) }).network, underlay)
  for (const mtu of [undefined, 1280, 1450]) check(mtu)
  t.throws(() => check(1279), {
    code: 'OPTION_INVALID',
    message: /driver.mtu=1279 is not valid: allowed is 1280 to 1450: .*, and IPv6 needs 1280$/,
  })
  check(undefined, { ...UNDERLAY, mtu: 1330 })
  for (const mtu of [undefined, 1280]) {
    t.throws(() => check(mtu, { ...UNDERLAY, mtu: 1329 }), {
      code: 'POOL_INVALID',
      message:
        "subnet fd20::/64 is not usable on this host: it needs an MTU of 1280 at least, and this host's underlay carries 1329 bytes, of which the encapsulation takes 50",
    })
  }
})

t.test('an unknown backend is refused with those that there are', async (t) => {
  t.equal(resolveBackend('overlay'), overlay)
  for (const name of ['', 'calico', 'constructor', '__proto__']) {
    t.throws(() => resolveBackend(name), {
      code: 'OPTION_INVALID',
      message: `option -o backend=${name} is not valid: allowed is overlay or vxlan or host-gw`,
    })
  }
})
