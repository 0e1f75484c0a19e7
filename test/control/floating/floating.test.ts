/** Who has an address that containers of two hosts announce. */
import t, { type Test } from 'tap'
import { portName, sandboxName } from '../../../src/backends/overlay/names.js'
import type { Ip } from '../../../src/core/ip.js'
import { until } from '../../fakes/until.js'
import { host, idOf, type TestHost, twoHosts } from '../host.js'

const BLUE = { a: idOf('blue on a'), b: idOf('blue on b') } as const
const [WEB, DB, APP] = [idOf('web'), idOf('db'), idOf('app')]
const VIP = '10.20.0.100' as Ip

/** As if the network had been made with `--aux-address`, which this dockerd does not do. */
async function network(at: TestHost, id: string): Promise<void> {
  await at.docker.createNetwork(id, { subnet: '10.20.0.0/16' })
  const binding = at.journal.bindings.get(id)
  if (binding === undefined) throw new Error('no network')
  at.journal.bindings.put({ ...binding, network: { ...binding.network, floating: [VIP] } })
}

function announce(at: TestHost, id: string, endpoint: string, mac?: string): void {
  const own = at.journal.endpoints.get(endpoint)?.mac
  const heard = { sandbox: sandboxName(id), dev: portName(endpoint), ip: VIP }
  at.dataplane.hear({ ...heard, mac: (mac ?? own) as NonNullable<typeof own> })
}

const ipsOf = (at: TestHost, endpoint: string) =>
  at.journal.endpoints.get(endpoint)?.floating?.map(({ ip }) => ip) ?? []

/** To which MAC a host sends what is for the address: its own container's, or a peer's. */
function sentTo(at: TestHost, id: string): string | undefined {
  const plan = at.dataplane.sandboxes.get(sandboxName(id))
  const own = plan?.sources?.find(({ ips }) => ips.includes(VIP))
  return own?.mac ?? plan?.neighbours.find(({ ip }) => ip === VIP)?.mac
}

async function twoWithVip(t: Test) {
  const { a, b, store } = await twoHosts(t)
  await network(a, BLUE.a)
  await network(b, BLUE.b)
  await a.docker.run(BLUE.a, WEB)
  await a.docker.run(BLUE.a, APP)
  await b.docker.run(BLUE.b, DB)
  const macOf = (at: TestHost, id: string) => at.journal.endpoints.get(id)?.mac
  const agree = (mac: string | undefined) =>
    until('both send to it', () => sentTo(a, BLUE.a) === mac && sentTo(b, BLUE.b) === mac)
  return { a, b, store, agree, web: macOf(a, WEB), app: macOf(a, APP), db: macOf(b, DB) }
}

t.test('the last announcement wins, within a host and between hosts', async (t) => {
  const { a, b, agree, web, app, db } = await twoWithVip(t)
  announce(a, BLUE.a, WEB)
  await agree(web)
  const plan = a.dataplane.sandboxes.get(sandboxName(BLUE.a))
  t.ok(plan?.sources?.find(({ mac }) => mac === web)?.ips.includes(VIP), 'it may use it')
  announce(a, BLUE.a, APP)
  await agree(app)
  t.strictSame([ipsOf(a, WEB), ipsOf(a, APP)], [[], [VIP]])
  announce(b, BLUE.b, DB)
  await agree(db)
  t.strictSame(ipsOf(a, APP), [], 'it is dropped where it was')
  announce(a, BLUE.a, WEB)
  await agree(web)
  t.strictSame(ipsOf(b, DB), [])
  t.strictSame(a.status().networks[0]?.floating, [VIP])
  await a.docker.stop(BLUE.a, WEB)
  await agree(undefined)
  announce(b, BLUE.b, DB)
  await agree(db)
})

t.test('announced again it costs nothing', async (t) => {
  const { a, agree, web } = await twoWithVip(t)
  announce(a, BLUE.a, WEB)
  await agree(web)
  const [before] = a.journal.endpoints.get(WEB)?.floating ?? []
  announce(a, BLUE.a, WEB)
  t.strictSame(a.journal.endpoints.get(WEB)?.floating, [before])
})

t.test('announced on two hosts at the same moment, both agree on one', async (t) => {
  const { a, b, web, db } = await twoWithVip(t)
  announce(a, BLUE.a, WEB)
  announce(b, BLUE.b, DB)
  await until('one has it', () => ipsOf(a, WEB).length + ipsOf(b, DB).length === 1)
  const mac = ipsOf(a, WEB).length === 1 ? web : db
  await until('both know', () => sentTo(a, BLUE.a) === mac && sentTo(b, BLUE.b) === mac)
})

t.test('another MAC and other addresses are not taken', async (t) => {
  const { a } = await twoWithVip(t)
  announce(a, BLUE.a, WEB, '00:00:5e:00:01:33')
  t.strictSame(ipsOf(a, WEB), [])
  const about = `endpoint ${WEB.slice(0, 12)}`
  t.match(a.problems.list(), [{ part: 'floating', about, problem: /use_vmac/ }])
  announce(a, BLUE.a, WEB)
  t.strictSame(a.problems.list(), [], 'said once more, with the own MAC')
  t.strictSame(ipsOf(a, WEB), [VIP])
  const heard = { sandbox: sandboxName(BLUE.a), dev: portName(APP), ip: '10.20.0.101' as Ip }
  const mac = a.journal.endpoints.get(APP)?.mac
  if (mac !== undefined) a.dataplane.hear({ ...heard, mac })
  t.strictSame(ipsOf(a, APP), [])
})

t.test('a plugin that starts anew keeps it', async (t) => {
  const { a, b, dirs, store } = await twoHosts(t)
  await network(a, BLUE.a)
  await network(b, BLUE.b)
  await a.docker.run(BLUE.a, WEB)
  await b.docker.run(BLUE.b, DB)
  announce(a, BLUE.a, WEB)
  const mac = a.journal.endpoints.get(WEB)?.mac
  await until('b knows', () => sentTo(b, BLUE.b) === mac)
  await a.close()
  const again = await host(t, { store, dir: `${dirs}/a`, dataplane: a.dataplane })
  t.strictSame(ipsOf(again, WEB), [VIP])
  announce(b, BLUE.b, DB)
  await until('it is dropped', () => ipsOf(again, WEB).length === 0)
})
