import t from 'tap'
import { compareTable, type PlaceTable } from '../../../src/control/insight/compare.js'
import { compareRules } from '../../../src/control/insight/compare-rules.js'
import { scopeOf } from '../../../src/control/insight/scope.js'
import { waysOf } from '../../../src/control/insight/ways.js'
import type { EntryRow } from '../../../src/core/admin/entries.js'
import type { Cidr, Ip } from '../../../src/core/ip.js'
import type { PlaceReading, RouteReading, RulesReading } from '../../../src/core/kernel.js'
import type { Mac } from '../../../src/core/mac.js'
import { HOST, type Part, type Plan } from '../../../src/core/plan.js'
import type { Network } from '../../../src/core/types.js'

const ip = (text: string): Ip => text as Ip
const mac = (text: string): Mac => text as Mac
const cidr = (text: string): Cidr => text as Cidr
const A = mac('02:00:00:00:00:0a')
const B = mac('02:00:00:00:00:0b')

const NETWORK = {
  key: 'k',
  space: 's',
  segments: [{ vni: 300, subnets: [{ pool: cidr('10.20.0.0/16') }] }],
} as unknown as Network
const SANDBOX = '1-0123456789'
const PLAN: Plan = {
  place: SANDBOX,
  links: [{ kind: 'bridge', name: 'br0', mtu: 1450, addresses: [cidr('10.20.0.1/16')] }],
  neighbours: [
    { dev: 'vxlan0', ip: ip('10.20.0.5'), mac: A },
    { dev: 'vxlan0', ip: ip('10.20.0.6'), mac: B },
  ],
  fdb: [
    { dev: 'vxlan0', mac: A, vtep: ip('192.0.2.2') },
    { dev: 'vxlan0', mac: B, vtep: ip('192.0.2.3') },
  ],
}
const EMPTY: PlaceReading = { place: SANDBOX, neighbours: [], fdb: [], routes: [], proxies: [] }
const connected: RouteReading = {
  to: cidr('10.20.0.0/16'),
  dev: 'br0',
  type: 'unicast',
  protocol: 'kernel',
  planned: false,
}
const neighbour = (text: string, at: Mac, state = 'permanent') => ({
  dev: 'vxlan0',
  ip: ip(text),
  mac: at,
  state,
  planned: state === 'permanent',
})
const entry = (at: Mac, vtep: string, planned = true) => ({
  dev: 'vxlan0',
  mac: at,
  vtep: ip(vtep),
  flags: ['self', 'permanent'],
  planned,
})

/** `key: mark` or `key: mark → should`, as they come. */
const marks = (rows: readonly EntryRow[]): string[] =>
  rows.map(
    ({ key, mark, should }) => `${key}: ${mark}${should === undefined ? '' : ` → ${should}`}`,
  )
const inSandbox = (
  table: PlaceTable,
  found: Partial<PlaceReading>,
  plan: Plan | undefined = PLAN,
) => marks(compareTable(table, { ...EMPTY, ...found }, plan, scopeOf(SANDBOX, NETWORK, undefined)))

t.test('neighbours: what is missing, wrong, foreign, or the kernel’s own', async (t) => {
  const found = {
    neighbours: [
      neighbour('10.20.0.5', A),
      neighbour('10.20.0.9', A),
      { ...neighbour('10.20.0.7', A, 'failed') },
      { dev: 'br0', ip: ip('10.20.0.2'), mac: A, state: 'stale', planned: false },
    ],
  }
  t.strictSame(inSandbox('neighbours', found), [
    `10.20.0.6: missing → ${B} permanent`,
    '10.20.0.5: ok',
    '10.20.0.9: foreign',
    '10.20.0.7: kernel',
    '10.20.0.2: kernel',
  ])
  t.strictSame(
    inSandbox('neighbours', {
      neighbours: [neighbour('10.20.0.5', B), neighbour('10.20.0.6', B, 'reachable')],
    }),
    [`10.20.0.5: wrong → ${A} permanent`, `10.20.0.6: wrong → ${B} permanent`],
  )
})

t.test('fdb: a wrong VTEP, one too many, an entry that goes another way', async (t) => {
  t.strictSame(inSandbox('fdb', { fdb: [entry(A, '192.0.2.9'), entry(B, '192.0.2.3', false)] }), [
    `${A}: wrong → to 192.0.2.2`,
    `${B}: wrong → to 192.0.2.3`,
  ])
  t.strictSame(
    inSandbox('fdb', {
      fdb: [entry(A, '192.0.2.2'), entry(A, '192.0.2.9'), entry(B, '192.0.2.3')],
    }),
    [`${A}: ok`, `${A}: foreign`, `${B}: ok`],
  )
  const own = { dev: 'vxlan0', mac: A, flags: ['master', 'permanent'], planned: false }
  t.strictSame(inSandbox('fdb', { fdb: [own] }), [
    `${A}: missing → to 192.0.2.2`,
    `${B}: missing → to 192.0.2.3`,
    `${A}: kernel`,
  ])
})

t.test('a container’s MAC is to be behind its own port', async (t) => {
  const plan: Plan = {
    ...PLAN,
    fdb: [],
    links: [
      { kind: 'veth', name: 'veth1', mtu: 1450, master: 'br0', peer: { name: 'tso1', mac: A } },
    ],
  }
  const station = { dev: 'veth1', mac: A, flags: ['sticky', 'static'], planned: false }
  t.strictSame(inSandbox('fdb', { fdb: [station] }, plan), [`${A}: ok`])
  t.strictSame(inSandbox('fdb', { fdb: [{ ...station, flags: [] }] }, plan), [
    `${A}: missing → behind this port`,
    `${A}: kernel`,
  ])
  t.strictSame(inSandbox('fdb', { fdb: [{ ...station, dev: 'veth2' }] }, plan), [
    `${A}: missing → behind this port`,
    `${A}: kernel`,
  ])
})

t.test('what is not known yet is no difference', async (t) => {
  const found = { neighbours: [neighbour('10.20.0.9', A)] }
  const plan = { ...PLAN, neighbours: [], partial: true }
  t.strictSame(inSandbox('neighbours', found, plan), ['10.20.0.9: unknown'])
})

t.test('routes: those of links, and those of others', async (t) => {
  t.strictSame(inSandbox('routes', {}), ['10.20.0.0/16 connected: missing → connected'])
  const foreign = { ...connected, to: cidr('10.99.0.0/16'), protocol: 'static' }
  t.strictSame(inSandbox('routes', { routes: [connected, foreign] }), [
    '10.20.0.0/16 connected: ok',
    '10.99.0.0/16: foreign',
  ])
})

t.test('without a container here all that is ours is one too many', async (t) => {
  const scope = scopeOf(SANDBOX, NETWORK, undefined)
  const found = { ...EMPTY, fdb: [entry(A, '192.0.2.2')] }
  t.strictSame(marks(compareTable('fdb', found, undefined, scope)), [`${A}: foreign`])
  t.strictSame(compareTable('fdb', undefined, undefined, scope), [])
})

const PART: Part = {
  links: [{ kind: 'bridge', name: 'tsb-a', mtu: 1450, addresses: [cidr('10.20.1.1/24')] }],
}
const HOST_PLAN: Plan = {
  ...PLAN,
  place: HOST,
  links: PART.links,
  neighbours: [],
  fdb: [],
  routes: [
    { to: cidr('10.20.2.0/24'), dev: 'eth0', via: ip('192.0.2.2') },
    { to: cidr('10.20.1.0/24'), dev: '', metric: 9 },
    { to: cidr('10.30.2.0/24'), dev: 'eth0', via: ip('192.0.2.2') },
  ],
}
const ours = { type: 'unicast', protocol: 'tsoverlay', planned: true }

t.test('in the host’s namespace only what is the network’s is shown', async (t) => {
  const scope = scopeOf(HOST, NETWORK, PART)
  const routes: RouteReading[] = [
    { to: cidr('0.0.0.0/0'), dev: 'eth0', type: 'unicast', protocol: 'dhcp', planned: false },
    { to: cidr('10.20.2.0/24'), dev: 'eth0', via: ip('192.0.2.7'), ...ours },
    { to: cidr('10.30.2.0/24'), dev: 'eth0', via: ip('192.0.2.9'), ...ours },
    { to: cidr('10.20.1.0/24'), dev: '', metric: 9, ...ours, type: 'blackhole' },
    { to: cidr('10.20.1.0/24'), dev: 'tsb-a', type: 'unicast', protocol: 'kernel', planned: false },
    { to: cidr('10.20.7.7/32'), dev: 'wg0', type: 'unicast', protocol: 'static', planned: false },
  ]
  const neighbours = [{ ...neighbour('10.20.1.9', A), dev: 'docker0' }]
  const found = { ...EMPTY, place: HOST, routes, neighbours }
  t.strictSame(marks(compareTable('routes', found, HOST_PLAN, scope)), [
    '10.20.2.0/24: wrong → via 192.0.2.2',
    '10.20.1.0/24 metric 9: ok',
    '10.20.1.0/24 connected: ok',
    '10.20.7.7/32: foreign',
  ])
  t.strictSame(compareTable('neighbours', found, HOST_PLAN, scope), [])
  const ways = waysOf('shop', found, scope, (at) => (at === '192.0.2.7' ? 'h2' : undefined))
  t.match(ways, [{ dev: 'eth0', to: '192.0.2.7', host: 'h2', carries: ['10.20.2.0/24'] }])
})

const RULES: RulesReading = {
  table: 'inet tsoverlay',
  purpose: 'admission',
  version: 'tsoverlay 1',
  chains: [
    { name: 'input', uses: 2 },
    { name: 'vxlan', uses: 4 },
  ],
  sets: [
    { name: 'vnis', elements: ['300', '400'] },
    { name: 'vteps4', elements: ['192.0.2.1', '192.0.2.2'] },
    { name: 'own4', elements: ['tsb-a . 10.20.0.0/16', 'tsb-b . 10.30.0.0/16'] },
  ],
}

t.test('rules: tables, chains, and elements that are the network’s', async (t) => {
  const scope = scopeOf(HOST, NETWORK, PART)
  const rows = (found: RulesReading[] | undefined, wanted = [RULES], partial = false) =>
    compareRules(found, wanted, scope, partial).map(
      ({ key, value, mark }) => `${key} ${value}: ${mark}`,
    )
  t.strictSame(rows([RULES]), [
    'table admission: ok',
    'vnis 300: ok',
    'vteps4 192.0.2.1: ok',
    'vteps4 192.0.2.2: ok',
    'own4 tsb-a . 10.20.0.0/16: ok',
  ])
  t.strictSame(rows([]), ['table : missing'])
  t.strictSame(rows(undefined), ['table : missing'])
  t.strictSame(rows([RULES], []), ['table admission: foreign'])
  const other = {
    ...RULES,
    version: '',
    chains: [
      { name: 'input', uses: 1 },
      { name: 'more', uses: 1 },
    ],
    sets: [{ name: 'vteps4', elements: ['192.0.2.1', '192.0.2.9'] }],
  }
  t.strictSame(rows([other]), [
    'table not of tsoverlay: wrong',
    'chain input 1 rules in it and to it: wrong',
    'chain vxlan : missing',
    'chain more 1: foreign',
    'vnis : missing',
    'vteps4 192.0.2.1: ok',
    'vteps4 : missing',
    'vteps4 192.0.2.9: foreign',
    'own4 : missing',
  ])
  t.ok(rows([other], [RULES], true).includes('vteps4 192.0.2.9: unknown'))
})
