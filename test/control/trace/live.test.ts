/** Which ears are opened along the way, here and by the other host, and what of it is told. */
import t from 'tap'
import { ipOf } from '../../../src/core/ip.js'
import { documents } from '../../../src/state/documents.js'
import { keys } from '../../../src/state/keys.js'
import { until } from '../../fakes/until.js'
import { idOf, type TestHost, twoHosts } from '../host.js'

interface Scope {
  teardown(work: () => unknown): unknown
}

/** Two hosts that know each other, with a container each in a network. */
async function pair(t: Scope, options: Readonly<Record<string, string>> = {}) {
  const both = await twoHosts(t)
  const { a, b, store } = both
  for (const [host, vtep] of [
    [a, '192.0.2.1'],
    [b, '192.0.2.2'],
  ] as const) {
    host.dataplane.address = {
      ...{ vtep: vtep as never, mtu: 1500 },
      link: { dev: 'eth0', subnet: '192.0.2.0/24' as never },
    }
    await host.underlay.look()
    await host.presence.start()
    const { id, name, boot } = host.identity
    const record = documents.host.encode({ id, name, boot, vtep: vtep as never })
    await store.txn([], [{ put: keys.host(id), value: record }])
    await host.docker.createNetwork(idOf('net'), { subnet: '10.20.0.0/16', options })
  }
  const from = ipOf(await a.docker.run(idOf('net'), idOf('ca')))
  const to = ipOf(await b.docker.run(idOf('net'), idOf('cb')))
  await until('a knows b', () => a.peers.hosts().length === 2 && b.peers.hosts().length === 2)
  return { ...both, from, to }
}

const ask = (host: TestHost, from: string, to: string, port?: number) =>
  host.live.live({
    ...{ from, to, count: 2 },
    ...(port === undefined ? { protocol: 'icmp' } : { protocol: 'tcp', port }),
  })

const earsOf = ({ dataplane }: TestHost) =>
  dataplane.live.ears.map(
    ({ what, where, dev, way, wrapping }) =>
      `${what} ${where.startsWith('1-') ? 'sandbox' : where} ${dev} ${way} ${wrapping?.vni ?? 'bare'}`,
  )

t.test('an overlay: ears on each device, both ways, and the same flow at both ends', async (t) => {
  const { a, b, from, to } = await pair(t)
  b.dataplane.live.sent = 2
  const report = await ask(a, from, to)
  t.match(report, { sent: 2, answered: 2, verdict: 'ok', next: [] })
  t.same(
    report.hops.map(({ hop }) => hop),
    [
      ...['container', 'port', 'vxlan device', 'underlay'],
      ...['underlay', 'vxlan device', 'port', 'container'],
    ],
  )
  const [vni] = /\d+$/.exec(earsOf(a).find((ear) => ear.includes(' host eth0')) ?? '') ?? []
  t.match(earsOf(a), [
    /probes .* eth0 out bare/,
    /answers .* eth0 in bare/,
    /probes sandbox veth\w+ in bare/,
    /answers sandbox veth\w+ out bare/,
    'probes sandbox vxlan0 out bare',
    'answers sandbox vxlan0 in bare',
    `probes host eth0 out ${vni}`,
    `answers host eth0 in ${vni}`,
  ])
  t.match(earsOf(b).slice(0, 4), [
    `probes host eth0 in ${vni}`,
    `answers host eth0 out ${vni}`,
    'probes sandbox vxlan0 in bare',
    'answers sandbox vxlan0 out bare',
  ])
  t.equal(a.dataplane.live.open + b.dataplane.live.open, 0, 'all ears are closed')
  t.match(a.dataplane.live.flows, [
    { from, to, protocol: 'icmp', mark: /^[0-9a-f]{14}[02468ace]0$/ },
  ])
})

t.test('the other host has not heard them', async (t) => {
  const { a, b, from, to } = await pair(t)
  a.dataplane.live.heard.set('eth0 answers', 0)
  for (const dev of ['eth0', 'vxlan0']) b.dataplane.live.heard.set(`${dev} probes`, 0)
  const report = await ask(a, from, to, 80)
  t.match(report, { protocol: 'tcp', port: 80, answered: 0, verdict: 'failed' })
  t.match(report.lost, { hop: 4, back: false })
  t.match(report.says, /last seen at .* underlay eth0: 2 of 2 left/)
})

t.test('a plugin of an older version, and a host that is silent', async (t) => {
  const { a, b, from, to } = await pair(t)
  b.inquiries.on('overhear', () => {
    throw new Error('version 1.0.0 of the plugin does not know "overhear"')
  })
  const old = await ask(a, from, to)
  t.match(old, { verdict: 'ok', says: /does not know "overhear"/ })
  t.equal(old.hops.length, 4)
  b.store.expireLeases()
  a.dataplane.live.heard.set('eth0 answers', 0)
  const silent = await ask(a, from, to)
  t.match(silent, { verdict: 'failed', says: /0 answers came back.*does not answer/ })
})

t.test('the host of the source traces', async (t) => {
  const { a, b, from, to } = await pair(t)
  a.dataplane.live.sent = 2
  const report = await ask(a, to, from)
  t.match(report, { verdict: 'ok', hops: [{ host: b.identity.name, hop: 'container' }] })
  t.equal(b.dataplane.live.flows.length, 1, 'it has sent them')
  t.equal(a.dataplane.live.flows.length, 0)
})

t.test('both on one host, and a device that is not there', async (t) => {
  const { a, from } = await pair(t)
  const near = ipOf(await a.docker.run(idOf('net'), idOf('cc')))
  const report = await ask(a, from, near)
  t.same(
    report.hops.map(({ hop, way }) => `${hop} ${way}`),
    ['container out', 'port in', 'port out', 'container in'],
  )
  t.equal(report.verdict, 'ok')
  a.dataplane.live.absent.add('eth0')
  const blind = await ask(a, from, near)
  t.match(blind.hops[0], { problem: 'the device is not there', heard: undefined })
})

t.test('bare packets between neighbours', async (t) => {
  const { a, b, from, to } = await pair(t, { backend: 'host-gw' })
  b.dataplane.live.sent = 2
  const { hops } = await ask(a, from, to)
  t.same(
    hops.map(({ hop }) => hop),
    ['container', 'port', 'underlay', 'underlay', 'port', 'container'],
  )
  t.ok([...earsOf(a), ...earsOf(b)].every((ear) => ear.endsWith(' bare')))
})

t.test('nobody is there', async (t) => {
  const { a, from } = await pair(t)
  const nobody = { code: 'NAME_UNKNOWN', message: /nothing can be sent: no running container/ }
  await t.rejects(ask(a, from, '10.20.9.9'), nobody)
  await t.rejects(ask(a, '10.20.9.9', from), { code: 'NAME_UNKNOWN', message: /no container/ })
  t.equal(a.dataplane.live.open, 0)
})

t.test('a question of another host is bounded', async (t) => {
  const { a, b, from, to } = await pair(t)
  const question = (mark: string, ip = to) => ({
    ...{ network: [...b.journal.bindings.values()][0]?.network.key ?? '', ip, from },
    ...{ mac: '02:42:0a:14:00:05', name: 'ca', protocol: 'icmp' as const, mark },
    ...{ tunnelled: true, forMs: 100 },
  })
  const id = b.identity.id
  const overhear = (mark: string, ip = to) => a.inquiries.ask(id, 'overhear', question(mark, ip))
  t.same(await overhear('00000000000000e0', '10.20.9.9' as never), { listens: false })
  for (let at = 0; at < 8; at += 1)
    t.same(await overhear(`00000000000${at}0000`), { listens: true })
  await t.rejects(overhear('0000000000080000'), { message: /listens for 8 traces already/ })
  await until('all ears are closed by themselves', () => b.dataplane.live.open === 0)
  t.same(await a.inquiries.ask(id, 'overheard', { mark: '0000000000000000' }), { hops: [] })
  const long = { ...question('0000000000000000'), forMs: 60_000 }
  await t.rejects(a.inquiries.ask(id, 'overhear', long), { code: 'INQUIRY_REFUSED' })
})
