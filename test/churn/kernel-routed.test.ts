import t from 'tap'
import type { Host } from '../lab/host.js'
import type { Attachment } from './attachments.js'
import type { HostKernel } from './host-kernel.js'
import { macsAgainst, routedAgainst } from './kernel-routed.js'
import type { Owner, RoutedNetwork } from './routed-networks.js'

const host = (index: number, segment: number): Host =>
  ({ name: `h${index}`, segment, address: `192.0.2.${index}` }) as Host
const HOSTS = [host(1, 1), host(2, 1), host(3, 2)] as const
const OWNERS: readonly Owner[] = HOSTS.map((one) => ({
  id: one.name,
  vtep: one.address,
  host: one,
}))

const network = (encap: RoutedNetwork['encap']): RoutedNetwork => ({
  name: 'green',
  subnet: '10.50.0.0/16',
  key: '0123456789',
  vni: 256,
  encap,
  blocks: OWNERS.map((owner, at) => ({ range: `10.50.${at}.0/24`, owner })),
})

const attached = (at: number, ip: string): Attachment => ({
  host: HOSTS[at] as Host,
  network: 'green',
  name: 'c',
  endpoint: `${at}`.repeat(64),
  ip,
  mac: '02:42:0a:32:00:02',
})

const NOTHING: HostKernel = {
  links: [],
  routes: [],
  hops: [],
  proxies: [],
  rules: [],
  peers: new Map(),
}

/** What is missing on h1, without the words around it. */
function wanted(encap: RoutedNetwork['encap'], all: readonly Attachment[]): string[] {
  return routedAgainst(HOSTS[0], [network(encap)], all, OWNERS, NOTHING).map((line) =>
    line.replace(/^h1: | is missing$/g, ''),
  )
}

const OWN = [
  'links: tsb-0123456789',
  'links: tsp-00000000000 in tsb-0123456789',
  'routes: blackhole 10.50.0.0/24 proto 116 metric 4294967040',
  'routes: 10.50.0.0/24 dev tsb-0123456789 proto kernel scope link src 10.50.0.1',
  'rules: tsp-00000000000 has 10.50.0.2',
  'rules: tsb-0123456789 has 10.50.0.0/16',
]

t.test('what a host needs', async (t) => {
  const here = attached(0, '10.50.0.2')
  t.same(wanted('always', [attached(1, '10.50.1.2')]), [
    'routes: blackhole 10.50.0.0/24 proto 116 metric 4294967040',
  ])
  t.same(
    wanted('always', [here]).sort(),
    [
      ...OWN,
      'links: tsv-256',
      'routes: 10.50.1.0/24 via 10.50.1.0 dev tsv-256 proto 116 onlink',
      'routes: 10.50.2.0/24 via 10.50.2.0 dev tsv-256 proto 116 onlink',
      'hops: 10.50.1.0 on tsv-256 at 192.0.2.2',
      'hops: 10.50.2.0 on tsv-256 at 192.0.2.3',
    ].sort(),
  )
  t.same(
    wanted('cross-subnet', [here]).sort(),
    [
      ...OWN,
      'links: tsv-256',
      'routes: 10.50.1.0/24 via 192.0.2.2 dev eth0 proto 116',
      'routes: 10.50.2.0/24 via 10.50.2.0 dev tsv-256 proto 116 onlink',
      'hops: 10.50.2.0 on tsv-256 at 192.0.2.3',
    ].sort(),
  )
  t.same(
    wanted('never', [here]).sort(),
    [...OWN, 'routes: 10.50.1.0/24 via 192.0.2.2 dev eth0 proto 116'].sort(),
  )
})

t.test('an address outside of the blocks of its host', async (t) => {
  const here = attached(0, '10.50.0.2')
  const lines = wanted('always', [here, attached(1, '10.50.0.9')])
  for (const line of [
    'routes: 10.50.0.9 via 10.50.0.9 dev tsv-256 proto 116 onlink',
    'hops: 10.50.0.9 on tsv-256 at 192.0.2.2',
    'proxies: 10.50.0.9 on tsb-0123456789',
  ])
    t.ok(lines.includes(line), line)
  const own = wanted('always', [attached(0, '10.50.1.9')])
  t.ok(own.includes('routes: 10.50.1.9 dev tsb-0123456789 proto 116 scope link'))
  t.notOk(own.some((line) => line.startsWith('proxies')))
})

t.test('what is nobody’s', async (t) => {
  const left = { ...NOTHING, links: ['tsb-aaaaaaaaaa'], hops: ['02:11 on tsv-1 at 192.0.2.2'] }
  t.same(routedAgainst(HOSTS[0], [], [], OWNERS, left), [
    'h1: links: tsb-aaaaaaaaaa should not be there',
    'h1: hops: 02:11 on tsv-1 at 192.0.2.2 should not be there',
  ])
})

t.test('MACs of tunnels', async (t) => {
  const kernel = { ...NOTHING, peers: new Map([['02:22', '192.0.2.2']]) }
  const others = (mac?: string) =>
    new Map([['192.0.2.2', { ...NOTHING, ...(mac === undefined ? {} : { mac }) }]])
  t.same(macsAgainst(HOSTS[0], kernel, others('02:22')), [])
  t.same(macsAgainst(HOSTS[0], kernel, others()), [], 'there is none to compare with')
  t.same(macsAgainst(HOSTS[0], kernel, others('02:33')), [
    'h1: FDB: 02:22 at 192.0.2.2, whose tunnels have 02:33',
  ])
})
