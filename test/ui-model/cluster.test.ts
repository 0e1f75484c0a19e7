/** What the page makes of the listings: titles, order, cells, health. */
import t from 'tap'
import { cellOf, clusterOf } from '../../src/ui/model/cluster.js'
import { endpointReport, hostReport, listings, networkReport, statusReport } from './listings.js'

t.test('things are in the order of people, who count', async (t) => {
  const hosts = ['node-10', 'node-9', 'node-2'].map((id) => hostReport(id))
  const endpoints = [
    endpointReport('b', 'node-10'),
    endpointReport('c', 'node-9'),
    endpointReport('d', 'node-9', 'backup'),
    endpointReport('a', 'node-9'),
  ]
  const networks = [networkReport('shop'), networkReport('backup')]
  const cluster = clusterOf(listings({ hosts, networks, endpoints }))
  t.strictSame(
    cluster.hosts.map(({ title }) => title),
    ['node-2', 'node-9', 'node-10'],
  )
  t.strictSame(
    cluster.networks.map(({ title }) => title),
    ['backup', 'shop'],
  )
  t.strictSame(
    cluster.endpoints.map(({ id }) => id),
    ['d', 'a', 'c', 'b'],
  )
  const cell = cluster.cells.get(cellOf('node-9', 'shop'))
  t.strictSame(
    cell?.map(({ id }) => id),
    ['a', 'c'],
  )
  t.equal(cluster.cells.get(cellOf('node-2', 'shop')), undefined)
})

t.test('a title is the name that people gave, else the id', async (t) => {
  const id = '0123456789abcdef'
  const cluster = clusterOf(
    listings({
      hosts: [hostReport('a', { name: '' })],
      networks: [networkReport('k', { name: '' })],
      endpoints: [endpointReport(id, 'a'), { ...endpointReport('named', 'a'), name: 'web-1' }],
    }),
  )
  t.equal(cluster.hosts[0]?.title, 'a')
  t.equal(cluster.networks[0]?.title, 'pools:k')
  t.strictSame(
    cluster.endpoints.map(({ title }) => title),
    ['0123456789ab', 'web-1'],
  )
})

t.test('health of hosts', async (t) => {
  const networks = [networkReport('shop', { troubles: [{ host: 'c', problem: 'no VNI' }] })]
  const hosts = [
    hostReport('a', { self: true }),
    hostReport('b', { alive: false }),
    hostReport('c'),
    hostReport('d', { name: '' }),
  ]
  const { hosts: seen } = clusterOf(listings({ hosts, networks }))
  t.match(
    seen.map(({ health }) => health),
    [
      { level: 'ok', word: 'ok', why: [] },
      { level: 'failed', word: 'away', why: [/store/, /tsoverlay host rm b$/] },
      { level: 'warning', word: 'warning', why: ['shop: no VNI'] },
      { level: 'warning', word: 'leftovers' },
    ],
  )
})

t.test('what a host says of itself is this host’s alone', async (t) => {
  const status = statusReport({
    store: { reached: false, owed: 1 },
    admission: { inForce: false, problem: 'no nf_tables' },
    problems: [{ part: 'sync', about: 'shop', problem: 'it is in the way' }],
  })
  const hosts = [hostReport('a', { self: true }), hostReport('b')]
  const { hosts: seen } = clusterOf(listings({ hosts, status }))
  t.match(seen[0]?.health, { level: 'warning', why: [/store/, /no nf_tables$/, /^shop: it is/] })
  t.equal(seen[1]?.health.level, 'ok')
})

t.test('health of networks and endpoints', async (t) => {
  const networks = [
    networkReport('gone', { leaving: true }),
    networkReport('ill', { troubles: [{ host: 'a', problem: 'no VNI' }] }),
    networkReport('well'),
  ]
  const endpoints = [
    endpointReport('lost', 'b'),
    endpointReport('twice', 'a'),
    endpointReport('fine', 'a'),
  ]
  const status = statusReport({ conflicts: [{ endpoint: 'twice', problem: 'h2 has it' }] })
  const hosts = [hostReport('a', { self: true }), hostReport('b', { alive: false })]
  const cluster = clusterOf(listings({ hosts, networks, endpoints, status }))
  t.match(
    cluster.networks.map(({ health }) => health),
    [
      { level: 'unknown', word: 'leaving' },
      { level: 'warning', why: ['a: no VNI'] },
      { level: 'ok' },
    ],
  )
  const health = new Map(cluster.endpoints.map((each) => [each.id, each.health]))
  t.match(health.get('lost'), { level: 'unknown', word: 'host away' })
  t.match(health.get('twice'), { level: 'failed', why: ['h2 has it'] })
  t.match(health.get('fine'), { level: 'ok' })
  t.strictSame(cluster.endpoints.map(({ id, own }) => [id, own]).sort(), [
    ['fine', true],
    ['lost', false],
    ['twice', true],
  ])
})
