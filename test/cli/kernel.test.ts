/** netns, links, fdb, neigh, routes and rules against a real admin socket over a kernel in memory. */
import t, { type Test } from 'tap'
import { Value } from 'typebox/value'
import { EntriesReport } from '../../src/core/admin/entries.js'
import { LinksReport, NamespaceReports } from '../../src/core/admin/kernel.js'
import type { Cidr } from '../../src/core/ip.js'
import type {
  FdbReading,
  LinkReading,
  NamespaceReading,
  PlaceReading,
} from '../../src/core/kernel.js'
import type { Mac } from '../../src/core/mac.js'
import { HOST, type LinkPlan } from '../../src/core/plan.js'
import { pairOfHosts } from '../admin/resources.js'
import { idOf, type TestHost } from '../control/host.js'
import { cli, listen } from './run.js'

const FILE = 'aaaaaaaaaaaa'
const MAC = '02:42:0a:14:00:02' as Mac
const OTHERS = '02:00:00:00:00:99' as Mac

const link = (index: number, name: string, more: Partial<LinkReading> = {}): LinkReading => ({
  index,
  name,
  kind: 'veth',
  mtu: 1450,
  up: true,
  carrier: true,
  addresses: [],
  ...more,
})
const namespace = (name: string, ...links: LinkReading[]): NamespaceReading => ({
  name,
  aliases: [],
  inode: 7,
  live: true,
  ours: name.startsWith('1-'),
  links: [link(1, 'lo', { kind: '' }), ...links],
})

/** What passes have made on host b, as if it were read, with a container in its namespace. */
async function hostWithKernel(t: Test): Promise<{ b: TestHost; socket: string; sandbox: string }> {
  const { b } = await pairOfHosts(t)
  await b.reconciler.settle(idOf('on b'))
  const [sandbox, made] = [...b.dataplane.sandboxes][0] ?? []
  if (sandbox === undefined || made === undefined) throw new Error('no sandbox')
  const reading: PlaceReading = {
    place: sandbox,
    neighbours: [...made.neighbours].map((one) => ({ ...one, state: 'permanent', planned: true })),
    fdb: [
      ...[...made.fdb].map((one) => ({ ...one, flags: ['self', 'permanent'], planned: true })),
      ...made.links.flatMap(stationOf),
    ],
    routes: [],
    proxies: [],
    rules: [],
  }
  b.dataplane.readings.set(sandbox, reading)
  b.dataplane.readings.set(HOST, { ...reading, place: HOST, neighbours: [], fdb: [] })
  const veth = {
    kind: 'veth',
    master: 'br0',
    port: { state: 'disabled', learns: false, floods: false },
  }
  b.dataplane.found.push(
    namespace(HOST, link(2, 'eth0', { kind: '' })),
    namespace(
      sandbox,
      link(2, 'br0', { kind: 'bridge', addresses: ['10.20.0.1/24' as Cidr] }),
      link(3, 'vxlan0', { kind: 'vxlan', master: 'br0', vxlan: { vni: 256, port: 4789 } }),
      link(5, 'veth1', { ...veth, peer: { index: 5, namespace: FILE, name: 'eth0' } }),
    ),
    namespace(
      FILE,
      link(5, 'eth0', { mac: MAC, peer: { index: 5, namespace: sandbox, name: 'veth1' } }),
    ),
  )
  const web = {
    id: idOf('web'),
    name: 'web',
    attachments: [{ name: 'blue', mac: MAC }],
    isOnHost: false,
  }
  b.api.sandboxed.set(web, FILE)
  return { b, sandbox, socket: await listen(t, b) }
}

/** The bridge's entry for the container behind a port. */
function stationOf(one: LinkPlan): FdbReading[] {
  if (one.kind !== 'veth') return []
  return [{ dev: one.name, mac: one.peer.mac, flags: ['sticky', 'static'], planned: false }]
}

t.test('netns: whose each is, and the links of one', async (t) => {
  const { b, socket, sandbox } = await hostWithKernel(t)
  const { out } = await cli(socket, 'netns')
  t.match(out, /^NAMESPACE +KIND +WHOSE +NETWORKS +LINKS$/m)
  t.match(out, new RegExp(`^${sandbox} +network +network pools:10\\.20\\.0\\.0/24 `, 'm'))
  t.match(out, /^aaaaaaaaaaaa +container +web +blue +2$/m)
  const one = await cli(socket, 'netns', 'web')
  t.match(one.out, /^container +web \w{12}$/m)
  t.match(
    one.out,
    new RegExp(`^5 +eth0 +veth +up +1450 +${MAC} +- +veth1 \\(5\\) in ${sandbox} `, 'm'),
  )
  const all: unknown = JSON.parse((await cli(socket, 'netns', '--json')).out)
  t.same([...Value.Errors(NamespaceReports, all)], [])
  b.api.up = false
  t.match(
    (await cli(socket, 'netns')).out,
    /^aaaaaaaaaaaa +unknown +not known: dockerd does not answer/m,
  )
  const none = await cli(socket, 'netns', 'nowhere', 'true')
  t.match(none, {
    code: 1,
    err: "tsoverlay: Cannot open network namespace 'nowhere': No such file or directory\n",
  })
})

t.test('links: every match, with whose the other end is; and as a tree', async (t) => {
  const { socket, sandbox } = await hostWithKernel(t)
  const five = (await cli(socket, 'links', '5')).out.split('\n')
  t.equal(five.length, 4, 'a head and two matches')
  t.match(five[1], / 5 +veth1 +veth +up, disabled .* eth0 \(5\) in aaaaaaaaaaaa: web /)
  t.match(five[2], / 5 +eth0 .* veth1 \(5\) in 1-/)
  t.equal((await cli(socket, 'links')).out.split('\n').length, 10)
  t.match(await cli(socket, 'links', 'eth9'), { code: 1, err: /no link "eth9"/ })
  const tree = (await cli(socket, 'links', '--tree', 'web')).out
  t.match(tree, /^web {2}\(namespace aaaaaaaaaaaa\)\n└─ eth0 \(5\)/)
  t.match(
    tree,
    new RegExp(`\n   └─ veth1 \\(5\\)  port of br0  UP, DISABLED  in ${sandbox}: network`),
  )
  t.match(
    tree,
    /\n {6}└─ br0 \(2\) {2}10\.20\.0\.1\/24\n {9}└─ vxlan0 \(3\) {2}VNI 256, UDP 4789\n/,
  )
  t.match(tree, /\n {12}└─ 192\.0\.2\.1 {2}\S+: \S+\n$/)
  t.match(await cli(socket, 'links', '--tree', 'nobody'), { code: 1, out: '' })
  const all: unknown = JSON.parse((await cli(socket, 'links', '--tree', '--json')).out)
  t.same([...Value.Errors(LinksReport, all)], [])
})

t.test('entries: all well is 0, a difference that lasts is 3', async (t) => {
  const { b, socket, sandbox } = await hostWithKernel(t)
  const well = await cli(socket, 'neigh', sandbox)
  t.equal(well.code, 0, well.out + well.err)
  t.match(well.out, /, beside what should be there as of revision \d+ of the store\n/)
  t.match(well.out, /\nall as it should be\n$/)
  const reading = b.dataplane.readings.get(sandbox)
  if (reading === undefined) throw new Error('nothing to read')
  const [first] = reading.neighbours
  if (first === undefined) throw new Error('no neighbour')
  b.dataplane.readings.set(sandbox, {
    ...reading,
    neighbours: [
      { ...first, mac: OTHERS },
      { ...first, dev: 'br0', state: 'stale', planned: false },
    ],
  })
  const ill = await cli(socket, 'neigh', sandbox)
  t.equal(ill.code, 3)
  t.match(ill.out, new RegExp(` ${OTHERS} permanent +wrong: should be \\S+ permanent$`, 'm'))
  t.match(
    ill.out,
    /\n1 of 1 is not as they should be; 1 of the kernel's own are left out \(--all\)\n$/,
  )
  t.match((await cli(socket, 'neigh', sandbox, '--all')).out, / stale +the kernel's own$/m)
  const json: unknown = JSON.parse((await cli(socket, 'neigh', sandbox, '--json')).out)
  t.same([...Value.Errors(EntriesReport, json)], [])
  t.match(json, { differences: 1, wanted: true, partial: false, table: 'neighbours' })
})

t.test('entries: what a pass is just putting right is no difference', async (t) => {
  const { b, socket, sandbox } = await hostWithKernel(t)
  const reading = b.dataplane.readings.get(sandbox)
  let looks = 0
  b.dataplane.read = async () => {
    looks += 1
    return looks > 1 || reading === undefined ? reading : { ...reading, fdb: [] }
  }
  t.match(await cli(socket, 'fdb', sandbox, '--json'), { code: 0 })
  t.ok(looks > 1)
})

t.test('entries: rules of both places, and networks that are not here', async (t) => {
  const { b, socket, sandbox } = await hostWithKernel(t)
  b.dataplane.wantedRules = [
    { table: 'inet t', purpose: 'a purpose', version: '1', chains: [], sets: [] },
  ]
  const rules = await cli(socket, 'rules', sandbox)
  t.equal(rules.code, 3)
  t.match(rules.out, /^1-\S+ +inet t +table +- +missing: should be a purpose$/m)
  t.match(rules.out, /^host +inet t +table +- +missing: should be a purpose$/m)
  t.match(await cli(socket, 'fdb', 'purple'), {
    code: 1,
    err: /^tsoverlay: this host has no network "purple" of tsoverlay; it has pools:\S+ \(\w+\)\n$/,
  })
  t.match(await cli(socket, 'fdb'), { code: 2 })
})
