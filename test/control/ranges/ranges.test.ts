/** Which networks do not go with what a host uses itself. */
import t from 'tap'
import type { DockerNetwork } from '../../../src/control/dockerd/docker-networks.js'
import {
  choiceOfDockerd,
  clashOf,
  gatewayClash,
  gatewayRange,
  isDockerdsChoice,
  rangesOf,
} from '../../../src/control/ranges/ranges.js'
import type { Cidr } from '../../../src/core/ip.js'

const cidr = (text: string): Cidr => text as Cidr

function network(name: string, subnet: string, driver = 'bridge'): DockerNetwork {
  const rest = { options: {}, labels: {}, ipamDriver: 'default', ipamOptions: {} }
  const flags = { internal: false, attachable: false, ipv6: false }
  return { id: `id-${name}`, name, driver, pools: [{ subnet, aux: {} }], ...rest, ...flags }
}

const segments = (...pools: string[]) => [
  { vni: 1, subnets: pools.map((pool) => ({ pool: cidr(pool) })) },
]

t.test('a host uses its routes and its dockerd’s networks, but not the cluster’s', async (t) => {
  const docker = [
    network('web', '10.0.5.0/24'),
    network('docker_gwbridge', '172.18.0.0/16'),
    network('blue', '10.20.0.0/16', 'tsoverlay'),
    network('lan', '192.168.7.0/24', 'macvlan'),
    network('gone', '172.30.0.0/16'),
  ]
  const routes = [
    { destination: cidr('10.0.5.0/24'), dev: 'br-1' },
    { destination: cidr('172.18.0.0/16'), dev: 'docker_gwbridge' },
    { destination: cidr('10.99.0.0/24'), dev: 'eth0' },
  ]
  t.same(
    rangesOf(docker, routes, () => false),
    [
      { range: '10.0.5.0/24', what: 'docker network web', kind: 'network' },
      { range: '10.99.0.0/24', what: 'the route by eth0', kind: 'route' },
      { range: '172.18.0.0/16', what: 'docker network docker_gwbridge', kind: 'gateway' },
      { range: '192.168.7.0/24', what: 'docker network lan', kind: 'network' },
    ],
  )
})

t.test('before dockerd has answered, its bridges are known by their routes', async (t) => {
  const routes = [{ destination: cidr('172.18.0.0/16'), dev: 'docker_gwbridge' }]
  t.match(
    rangesOf([], routes, () => false),
    [{ range: '172.18.0.0/16', kind: 'gateway' }],
  )
})

t.test('what dockerd chooses by itself', async (t) => {
  for (const chosen of ['172.17.0.0/16', '172.18.0.0/16', '172.31.0.0/16', '192.168.16.0/20'])
    t.ok(isDockerdsChoice(cidr(chosen), []), chosen)
  for (const typed of ['172.16.0.0/16', '172.18.4.0/24', '10.0.0.0/16', '192.168.16.0/24'])
    t.notOk(isDockerdsChoice(cidr(typed), []), typed)
  const set = [{ base: cidr('10.200.0.0/16'), size: 24 }]
  t.ok(isDockerdsChoice(cidr('10.200.7.0/24'), set))
  t.notOk(isDockerdsChoice(cidr('172.18.0.0/16'), set))
})

const OTHERS = { range: cidr('172.18.0.0/16'), what: 'docker network app', host: 'h2' } as const
const BRIDGE = { ...OTHERS, kind: 'network' } as const
const GATEWAY = { ...OTHERS, kind: 'gateway' } as const

t.test(
  'a subnet that dockerd chose goes with other bridges, not with docker_gwbridge',
  async (t) => {
    const plain = { internal: false, segments: segments('172.18.0.0/16') }
    const chosen = choiceOfDockerd('docker', [])
    const typed = choiceOfDockerd('tsoverlay', [])
    t.equal(clashOf(plain, [BRIDGE], chosen), undefined)
    t.match(clashOf(plain, [BRIDGE, GATEWAY], chosen), { with: GATEWAY })
    t.equal(clashOf({ ...plain, internal: true }, [GATEWAY], chosen), undefined)
    t.match(clashOf(plain, [BRIDGE], typed), { pool: '172.18.0.0/16', with: BRIDGE })
    t.match(clashOf({ ...plain, internal: true }, [GATEWAY], typed), { with: GATEWAY })
  },
)

t.test('any subnet of the network may clash, of either family', async (t) => {
  const both = { internal: false, segments: segments('10.20.0.0/16', 'fd01::/64') }
  const route = { range: cidr('fd01::/32'), what: 'a route', kind: 'route' } as const
  t.match(
    clashOf(both, [route], () => false),
    { pool: 'fd01::/64' },
  )
  t.equal(gatewayClash(both, [route]), undefined)
})

t.test('docker_gwbridge goes where nobody is given a subnet', async (t) => {
  t.equal(gatewayRange([]), '198.19.0.0/16')
  t.equal(gatewayRange([cidr('198.19.4.0/24')]), '198.18.0.0/16')
  t.equal(gatewayRange([cidr('198.18.0.0/15')]), '10.0.0.0/16')
  t.equal(gatewayRange([cidr('198.18.0.0/15'), cidr('10.0.0.0/8')]), '172.16.0.0/20')
})
