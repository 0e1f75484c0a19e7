import t from 'tap'
import { differences } from '../../../src/control/networks/diff.js'
import { parseNetworkOptions } from '../../../src/control/networks/options.js'
import { networkSpec, poolsIdentity } from '../../../src/control/networks/spec.js'
import type { PoolData } from '../../../src/core/driver.js'
import type { Cidr, Ip } from '../../../src/core/ip.js'

const VNIS = 'com.docker.network.driver.overlay.vxlanid_list'
const MTU = 'com.docker.network.driver.mtu'
const UNDERLAY = { vtep: '192.0.2.1' as Ip, mtu: 1500, port: 4789 }
const pool = (text: string): PoolData => ({ addressSpace: 's', pool: text as Cidr, aux: [] })

function spec(pools: readonly string[], options: Record<string, string> = {}) {
  const request = { pools: pools.map(pool), internal: false }
  return networkSpec(request, parseNetworkOptions(options), { text: 'x', space: '' }, UNDERLAY)
}

t.test('every option is taken over', async (t) => {
  t.strictSame(parseNetworkOptions({}), { backend: 'overlay', name: '', vnis: [] })
  const options = { backend: 'overlay', network: 'blue', [MTU]: '1400', [VNIS]: '1, 16777215' }
  const expected = { backend: 'overlay', name: 'blue', mtu: 1400, vnis: [1, 16_777_215] }
  t.strictSame(parseNetworkOptions(options), expected)
  for (const [value, sourceCheck] of [
    ['on', true],
    ['off', false],
  ] as const) {
    t.equal(parseNetworkOptions({ 'source-check': value }).sourceCheck, sourceCheck)
  }
  t.notOk('sourceCheck' in spec(['10.1.0.0/16']).network)
  t.equal(spec(['10.1.0.0/16'], { 'source-check': 'off' }).network.sourceCheck, false)
  t.equal(spec(['10.1.0.0/16'], { dns: 'off' }).network.dns, false)
  t.notOk('dns' in spec(['10.1.0.0/16']).network)
})

t.test('a backend has options of its own, and takes no other one’s', async (t) => {
  const routed = parseNetworkOptions({ backend: 'vxlan', encap: 'cross-subnet', gateway: 'bridge' })
  t.strictSame(routed.own, { encap: 'cross-subnet', gateway: 'bridge' })
  const bad: readonly [Record<string, string>, string, RegExp][] = [
    [
      { backend: 'host-gw', encap: 'always' },
      'OPTION_INVALID',
      /^option -o encap is of backend vxlan, and this network's is host-gw: allowed are backend, network, gateway, isolate, expose, dns, /,
    ],
    [
      { isolate: 'off' },
      'OPTION_INVALID',
      /^option -o isolate is of backend vxlan and host-gw, and this network's is overlay: /,
    ],
    [
      { backend: 'vxlan', floating: 'on' },
      'OPTION_INVALID',
      /^option -o floating is of backend overlay, and this network's is vxlan: /,
    ],
    [
      { backend: 'vxlan', encap: 'sometimes' },
      'OPTION_INVALID',
      /^option -o encap=sometimes is not valid: allowed is always or cross-subnet or never$/,
    ],
    [{ backend: 'vxlan', color: 'red' }, 'OPTION_UNKNOWN', /^option -o color is not known: /],
  ]
  for (const [options, code, message] of bad) {
    t.throws(() => parseNetworkOptions(options), { code, message })
  }
  const cluster = spec(['10.1.0.0/16'], { backend: 'vxlan', encap: 'never' }).network
  t.strictSame(differences(cluster, spec(['10.1.0.0/16'], { backend: 'vxlan' }).network, []), [])
  const asked = spec(['10.1.0.0/16'], { backend: 'vxlan', encap: 'always' }).network
  t.strictSame(differences(cluster, asked, []), ['encap is never there, not always'])
})

t.test('floating addresses are the auxiliary ones', async (t) => {
  const aux = ['10.1.0.100/16', '10.1.0.7/16'] as Cidr[]
  const request = { pools: [{ ...pool('10.1.0.0/16'), aux }], internal: false }
  const made = (value: string) =>
    networkSpec(
      request,
      parseNetworkOptions({ floating: value }),
      { text: 'x', space: '' },
      UNDERLAY,
    )
  t.strictSame(made('on').network.floating, ['10.1.0.100', '10.1.0.7'])
  t.strictSame(made('off').network.floating, [])
  t.notOk('floating' in spec(['10.1.0.0/16']).network)
  t.throws(() => spec(['10.1.0.0/16'], { floating: 'on' }), {
    code: 'OPTION_INVALID',
    message: /^option -o floating=on is not valid: allowed is on with an --aux-address/,
  })
  const plain = spec(['10.1.0.0/16']).network
  t.strictSame(differences(plain, made('on').network, []), [
    'floating addresses is none there, not 10.1.0.100, 10.1.0.7',
  ])
  t.strictSame(differences(made('on').network, plain, []), [], 'who does not say takes it as it is')
})

t.test('a wrong option is refused with itself and what is allowed', async (t) => {
  const bad: readonly [string, string, string][] = [
    ['bakend', 'overlay', 'OPTION_UNKNOWN'],
    ['network', 'a/b', 'OPTION_INVALID'],
    ['source-check', 'no', 'OPTION_INVALID'],
    ['floating', 'yes', 'OPTION_INVALID'],
    ['dns', 'no', 'OPTION_INVALID'],
    [MTU, '1400b', 'OPTION_INVALID'],
    [MTU, '-1', 'OPTION_INVALID'],
    [VNIS, '', 'VNI_INVALID'],
    [VNIS, '0', 'VNI_INVALID'],
    [VNIS, '16777216', 'VNI_INVALID'],
    [VNIS, '5,5', 'VNI_INVALID'],
    [VNIS, '5,', 'VNI_INVALID'],
    [VNIS, '0x10', 'VNI_INVALID'],
  ]
  for (const [name, value, code] of bad) {
    const message = new RegExp(`^option -o ${name}.*allowed (is|are) .`)
    t.throws(() => parseNetworkOptions({ [name]: value }), { code, message }, `${name}=${value}`)
  }
})

t.test('all unknown options are named at once', async (t) => {
  const message =
    'options -o colour, -o size are not known: allowed are backend, network, source-check, floating, dns, com.docker.network.driver.mtu, com.docker.network.driver.overlay.vxlanid_list'
  t.throws(() => parseNetworkOptions({ size: '4', backend: 'overlay', colour: 'blue' }), {
    code: 'OPTION_UNKNOWN',
    message,
  })
})

t.test('each subnet is a segment, but with both families all share one', async (t) => {
  const shape = (...pools: string[]) =>
    spec(pools).network.segments.map(({ subnets }) => subnets.map((subnet) => subnet.pool))
  t.same(shape('10.1.0.0/16'), [['10.1.0.0/16']])
  t.same(shape('10.1.0.9/16', '10.2.0.0/16'), [['10.1.0.0/16'], ['10.2.0.0/16']])
  t.same(shape('fd01::/64', 'fd02::/64'), [['fd01::/64'], ['fd02::/64']])
  t.same(shape('10.1.0.0/16', 'fd01::/64'), [['10.1.0.0/16', 'fd01::/64']])
  t.same(shape('10.1.0.0/16', '10.2.0.0/16', 'fd01::/64', 'fd02::/64'), [
    ['10.1.0.0/16', '10.2.0.0/16', 'fd01::/64', 'fd02::/64'],
  ])
})

t.test('the order in which dockerd has the subnets does not matter', async (t) => {
  const segments = (...pools: string[]) => spec(pools).network.segments
  const sorted = ['9.0.0.0/16', '10.1.0.0/16', '10.20.0.0/16']
  const inOrder = segments(...sorted)
  t.same(
    inOrder.flatMap(({ subnets }) => subnets.map(({ pool }) => pool)),
    sorted,
  )
  t.same(segments('10.20.0.0/16', '9.0.0.0/16', '10.1.0.0/16'), inOrder)
})

t.test('a network needs a subnet and as many VNIs as segments', async (t) => {
  t.throws(() => spec([]), { code: 'POOL_INVALID' })
  t.throws(() => spec(['0.0.0.0/0']), { code: 'POOL_INVALID', message: /--ipam-driver tsoverlay/ })
  t.throws(() => spec(['10.1.0.0/16'], { [VNIS]: '5,6' }), {
    code: 'VNI_INVALID',
    message:
      /this network needs 1 VNI\(s\), one per subnet, or 1 for all when it has IPv4 and IPv6$/,
  })
  t.throws(() => spec(['10.1.0.0/16', '10.2.0.0/16'], { [VNIS]: '5' }), {
    code: 'VNI_INVALID',
    message: /needs 2 VNI\(s\)/,
  })
  t.same(spec(['10.1.0.0/16', '10.2.0.0/16'], { [VNIS]: '5,6' }).vnis, [5, 6])
  t.throws(() => spec(['10.1.0.0/16'], { [MTU]: '1451' }), { code: 'OPTION_INVALID' })
  t.throws(() => spec(['10.1.0.0/16', 'fd01::/64'], { [MTU]: '1279' }), { code: 'OPTION_INVALID' })
})

t.test('the order of the subnets does not make another network', async (t) => {
  const [one, two] = [pool('10.1.0.0/16'), pool('10.2.0.7/16')]
  t.equal(poolsIdentity([one, two]), 'pools:10.1.0.0/16,10.2.0.0/16')
  t.equal(poolsIdentity([two, one]), poolsIdentity([one, two]))
})
