import t from 'tap'
import { resolveBackend } from '../../src/backends/index.js'
import { PeerBook } from '../../src/control/peers/peer-book.js'
import type { Cidr, Ip } from '../../src/core/ip.js'
import { type Mac, macFromIp } from '../../src/core/mac.js'
import { HOST, type Part } from '../../src/core/plan.js'
import type { Block, LocalEndpoint, Network, NetworkView, Way } from '../../src/core/types.js'
import { ownWay, wayTo } from '../../src/core/way.js'

const V4 = { pool: '10.20.0.0/16' as Cidr, gateway: '10.20.0.1/16' as Cidr }
const LINK = { dev: 'eth0', subnet: '192.0.2.0/24' as Cidr }
const UNDERLAY = { vtep: '192.0.2.1' as Ip, mtu: 1500, port: 4789, link: LINK }

function network(backend: string, options: Network['options'] = {}, subnets = [V4]): Network {
  return {
    key: 'abcdef0123456789abcd',
    identity: 'name:blue',
    space: 'blue',
    backend,
    segments: [{ vni: 256, subnets }],
    internal: false,
    options,
  }
}

function local(id: string, ...addresses: string[]): LocalEndpoint {
  const mac: Mac = macFromIp((addresses[0] ?? '').split('/')[0] as Ip)
  const base = { network: 'k', host: 'h1', boot: '1', mac, dockerNetwork: 'd', joined: true }
  return { ...base, id: id.padEnd(64, '0'), addresses: addresses as Cidr[] }
}

function view(of: Network, part: Partial<NetworkView> = {}): NetworkView {
  return {
    network: of,
    dockerNetwork: 'd',
    self: 'h1',
    local: [local('aaaa', '10.20.1.5/24')],
    blocks: ['10.20.1.0/24' as Cidr],
    inUse: true,
    underlay: UNDERLAY,
    ...part,
  }
}

const block = (host: string, range: string): Block => ({ id: range, host, range: range as Cidr })

/** What is in the host's namespace: as `ip` would say it. */
function picture(of: NetworkView, peers: readonly Block[], vteps: Record<string, string>): string {
  const backend = resolveBackend(of.network.backend)
  const part = backend.parts(of).get(HOST)
  const book = new PeerBook(of.network, backend.reach)
  for (const [host, vtep] of Object.entries(vteps))
    book.setWay(host, wayTo(of.underlay, host, vtep as Ip))
  for (const peer of peers) book.add(peer)
  const own = of.blocks.map((range) => block(of.self, range))
  book.setLocal(own, ownWay(of.underlay, of.self))
  return [
    ...linksOf(part),
    ...[...(part?.routes ?? []), ...book.entries('routes')].map(
      ({ to, dev, via, onlink, metric }) =>
        [
          dev === '' ? `blackhole ${to}` : to,
          via && `via ${via}`,
          dev && `dev ${dev}`,
          onlink && 'onlink',
          metric && `metric ${metric}`,
        ]
          .filter(Boolean)
          .join(' '),
    ),
    ...[...book.entries('neighbours')].map(({ dev, ip, mac }) => `neighbour ${dev} ${ip} ${mac}`),
    ...[...book.entries('fdb')].map(({ dev, mac, vtep }) => `fdb ${dev} ${mac} dst ${vtep}`),
    ...[...book.entries('proxies')].map(({ dev, ip }) => `proxy ${dev} ${ip}`),
  ].join('\n')
}

function linksOf(part: Part | undefined): string[] {
  return (part?.links ?? []).map((link) => {
    const head = `${link.kind} ${link.name} mtu ${link.mtu}`
    if (link.kind === 'bridge') return [head, ...link.addresses].join(' ')
    if (link.kind === 'veth') return `${head} master ${link.master} peer ${link.peer.name}`
    return [head, `vni ${link.vni} local ${link.local}`, ...(link.addresses ?? [])].join(' ')
  })
}

const HOSTS = { h2: '192.0.2.2', h3: '198.51.100.3' }
const BLOCKS = [block('h2', '10.20.2.0/24'), block('h3', '10.20.3.0/24')]

t.test('host-gw: a route by each other host that is on the link, none by others', async (t) => {
  t.equal(
    picture(view(network('host-gw')), BLOCKS, HOSTS),
    `bridge tsb-abcdef0123 mtu 1500 10.20.1.1/24
veth tsp-aaaa0000000 mtu 1500 master tsb-abcdef0123 peer tsoaaaa00000000
blackhole 10.20.1.0/24 metric 4294967040
10.20.2.0/24 via 192.0.2.2 dev eth0`,
  )
  const backend = resolveBackend('host-gw')
  const narrow = wayTo(UNDERLAY, 'h2', '192.0.2.2' as Ip, 1_400)
  t.match(
    backend.reach.routes?.(network('host-gw'), block('h2', '10.20.2.0/24'), narrow),
    [{ via: '192.0.2.2', mtu: 1_400 }],
    'a path that lets less through is kept to that',
  )
  const way = (vtep: string): Way => wayTo(UNDERLAY, 'h', vtep as Ip)
  t.match(backend.unreached?.(network('host-gw'), way('198.51.100.3')), {
    option: 'backend',
    instead: 'backend=vxlan',
  })
  t.equal(backend.unreached?.(network('host-gw'), way('192.0.2.2')), undefined)
  const bare = network('vxlan', { encap: 'never' })
  t.match(resolveBackend('vxlan').unreached?.(bare, way('198.51.100.3')), {
    option: 'encap',
    instead: 'encap=cross-subnet',
  })
})

t.test('vxlan: per other host one onlink route, one neighbour, one FDB entry', async (t) => {
  t.equal(
    picture(view(network('vxlan')), BLOCKS, HOSTS),
    `bridge tsb-abcdef0123 mtu 1450 10.20.1.1/24
vxlan tsv-256 mtu 1450 vni 256 local 192.0.2.1 10.20.1.0/32
veth tsp-aaaa0000000 mtu 1450 master tsb-abcdef0123 peer tsoaaaa00000000
blackhole 10.20.1.0/24 metric 4294967040
10.20.2.0/24 via 10.20.2.0 dev tsv-256 onlink
10.20.3.0/24 via 10.20.3.0 dev tsv-256 onlink
neighbour tsv-256 10.20.2.0 fe:36:11:56:c2:32
neighbour tsv-256 10.20.3.0 5e:89:99:83:5d:3e
fdb tsv-256 fe:36:11:56:c2:32 dst 192.0.2.2
fdb tsv-256 5e:89:99:83:5d:3e dst 198.51.100.3`,
  )
})
