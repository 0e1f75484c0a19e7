/**
 * What Join says of a container in a routed network. dockerd refuses a gateway that no route leads to
 * without another gateway (moby daemon/libnetwork/osl/route_linux.go programGateway).
 */
import t from 'tap'
import { resolveBackend } from '../../src/backends/index.js'
import { type Cidr, contains, type Ip } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import type { LocalEndpoint, Network, NetworkView } from '../../src/core/types.js'

const SUBNETS = [
  { pool: '10.20.0.0/16' as Cidr, gateway: '10.20.0.1/16' as Cidr },
  { pool: 'fd00:20::/64' as Cidr, gateway: 'fd00:20::1/64' as Cidr },
]
const OWN = ['10.20.1.5/24', 'fd00:20::1:5/112']
const LENT = ['10.20.9.7/32', 'fd00:20::9:7/128']

function attached(
  options: Readonly<Record<string, string>>,
  addresses: readonly string[],
  internal = false,
) {
  const endpoint: LocalEndpoint = {
    ...{ id: 'e', network: 'k', dockerNetwork: 'd', host: 'h', boot: '1', joined: true },
    mac: '02:42:0a:14:01:05' as Mac,
    addresses: addresses as readonly Cidr[],
  }
  const network: Network = {
    ...{ key: 'k', identity: 'name:blue', space: 'blue', backend: 'host-gw', internal, options },
    segments: [{ vni: 256, subnets: SUBNETS }],
  }
  const view: NetworkView = {
    ...{ network, dockerNetwork: 'd', self: 'h', local: [endpoint], inUse: true },
    blocks: ['10.20.1.0/24', 'fd00:20::1:0/112'] as Cidr[],
    underlay: { vtep: '192.0.2.1' as Ip, mtu: 1500, port: 4789 },
  }
  return resolveBackend('host-gw').attach(view, endpoint)
}

t.test(
  'with gateway=bridge the bridge is the way to everything, by addresses on the link',
  async (t) => {
    t.strictSame(attached({ gateway: 'bridge' }, OWN), {
      routes: [],
      gateways: ['10.20.1.1', 'fd00:20::1:1'],
    })
    t.strictSame(attached({ gateway: 'bridge' }, LENT), {
      routes: [{ destination: '10.20.0.1/32' }, { destination: 'fd00:20::1/128' }],
      gateways: ['10.20.0.1', 'fd00:20::1'],
    })
  },
)

t.test('every gateway and next hop is on the link, or has a route of its own there', async (t) => {
  for (const options of [{ gateway: 'bridge' }, {}])
    for (const addresses of [OWN, LENT, OWN.slice(1), LENT.slice(0, 1)]) {
      const { routes, gateways = [] } = attached(options, addresses)
      const onLink = routes.filter(({ nextHop }) => nextHop === undefined)
      const reachable = [...(addresses as Cidr[]), ...onLink.map(({ destination }) => destination)]
      const hops = [...gateways, ...routes.flatMap(({ nextHop }) => nextHop ?? [])]
      t.equal(hops.length, addresses.length)
      for (const hop of hops)
        t.ok(
          reachable.some((range) => contains(range, hop)),
          `${hop} with ${addresses.join()}`,
        )
    }
})

t.test('otherwise docker_gwbridge is, and the network is behind the bridge', async (t) => {
  const { routes, gateways } = attached({}, OWN)
  t.equal(gateways, undefined)
  t.strictSame(routes, [
    { destination: '10.20.0.0/16', nextHop: '10.20.1.1' },
    { destination: 'fd00:20::/64', nextHop: 'fd00:20::1:1' },
  ])
})

t.test('an internal network has no way out, with gateway=bridge neither', async (t) => {
  const { routes, gateways } = attached({ gateway: 'bridge' }, OWN, true)
  t.strictSame(gateways, [])
  t.equal(routes.length, 2)
})
