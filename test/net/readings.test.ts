/** What is read of the kernel for people: true ends of veth pairs, and entries of whoever made them. */
import { spawn } from 'node:child_process'
import { mkdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cidr, Ip } from '../../src/core/ip.js'
import type { LinkReading, NamespaceReading } from '../../src/core/kernel.js'
import type { Mac } from '../../src/core/mac.js'
import { HOST, type Plan } from '../../src/core/plan.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import { until } from '../fakes/until.js'
import { BRIDGE, makeUnderlay, PLAN, TUNNEL } from './host-place.js'
import { inside, makeNetnsDir, onThrowAwayHost, run, silent, unmountNetnsDir } from './kernel.js'

const SANDBOX = '1-readingsaa'
const CONTAINERS = ['aaaaaaaaaaaa', 'bbbbbbbbbbbb', 'cccccccccccc', 'dddddddddddd'] as const
const ip = (value: string): Ip => value as Ip
const mac = (value: string): Mac => value as Mac

const OVERLAY: Plan = {
  place: SANDBOX,
  links: [
    { kind: 'bridge', name: 'br0', mtu: 1450, addresses: ['10.20.0.1/16' as Cidr] },
    {
      kind: 'vxlan',
      name: 'vxlan0',
      mtu: 1450,
      vni: 4097,
      port: 4789,
      local: ip('192.0.2.1'),
      master: 'br0',
    },
    {
      kind: 'veth',
      name: 'veth1',
      mtu: 1450,
      master: 'br0',
      peer: { name: 'tsoveth1', mac: mac('02:42:0a:14:00:02') },
    },
  ],
  sources: [{ dev: 'veth1', mac: mac('02:42:0a:14:00:02'), ips: [ip('10.20.0.2'), ip('fd20::2')] }],
  neighbours: [{ dev: 'vxlan0', ip: ip('10.20.0.5'), mac: mac('02:42:0a:14:00:05') }],
  fdb: [{ dev: 'vxlan0', mac: mac('02:42:0a:14:00:05'), vtep: ip('192.0.2.2') }],
}
/** With rules of all tables of the host's namespace. */
const ROUTED: Plan = {
  ...PLAN,
  strangers: {
    port: 4789,
    vnis: [300, 4097],
    vteps: [ip('192.0.2.1'), ip('192.0.2.2'), ip('2001:db8::2')],
    partial: false,
    create: true,
  },
  trunk: 'eth0',
  domains: [
    {
      bridge: BRIDGE,
      tunnel: TUNNEL,
      ranges: ['10.32.0.0/16' as Cidr, 'fd32::/32' as Cidr],
      open: false,
      exposed: false,
      masquerade: true,
      published: [{ protocol: 'tcp', hostPort: 8080, to: ip('10.32.1.2'), port: 80 }],
    },
  ],
}

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  mkdirSync(netnsDir, { recursive: true })
  const fileOf = (name: string): string => join(netnsDir, name)
  makeUnderlay()
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  t.teardown(async () => {
    await dataplane.close()
    unmountNetnsDir(netnsDir)
  })
  for (const name of CONTAINERS) {
    writeFileSync(fileOf(name), '')
    run('unshare', `--net=${fileOf(name)}`, 'true')
  }
  const read = async (): Promise<ReadonlyMap<string, NamespaceReading>> =>
    new Map((await dataplane.namespaces()).map((one) => [one.name, one]))
  const linkOf = (found: NamespaceReading | undefined, name: string): LinkReading | undefined =>
    found?.links.find((link) => link.name === name)

  await t.test('the true peer is found where ifindexes are the same in several', async (t) => {
    const [a, b, c, d] = CONTAINERS
    for (const [here, there] of [
      [a, b],
      [c, d],
    ] as const) {
      run('sh', '-c', 'ip link add end1 index 77 type veth peer name end2 index 78')
      run('ip', 'link', 'set', 'end1', 'netns', fileOf(here))
      run('ip', 'link', 'set', 'end2', 'netns', fileOf(there))
    }
    const found = await read()
    const peers = CONTAINERS.map((name) =>
      found.get(name)?.links.flatMap(({ peer }) => (peer === undefined ? [] : [peer])),
    )
    t.strictSame(peers, [
      [{ index: 78, namespace: b, name: 'end2' }],
      [{ index: 77, namespace: a, name: 'end1' }],
      [{ index: 78, namespace: d, name: 'end2' }],
      [{ index: 77, namespace: c, name: 'end1' }],
    ])
  })

  await t.test('both ends in one namespace, and an end that is in none with a file', async (t) => {
    run('sh', '-c', 'ip link add near1 type veth peer name near2')
    run('sh', '-c', 'ip link add far1 type veth peer name far2')
    const elsewhere = spawn('unshare', ['-n', 'sleep', '60'])
    t.teardown(() => elsewhere.kill())
    const netnsOf = (pid: string): string => readlinkSync(`/proc/${pid}/ns/net`)
    await until('it has one of its own', () => netnsOf(`${elsewhere.pid}`) !== netnsOf('self'))
    run('ip', 'link', 'set', 'far2', 'netns', `${elsewhere.pid}`)
    const host = (await read()).get(HOST)
    t.match(linkOf(host, 'near1')?.peer, { namespace: HOST, name: 'near2' })
    const far = linkOf(host, 'far1')?.peer
    t.type(far?.index, 'number')
    t.equal(far?.namespace, undefined)
  })

  await t.test('a sandbox is read as it was made', async (t) => {
    t.strictSame((await dataplane.apply(OVERLAY)).failures, [])
    const sandbox = (await read()).get(SANDBOX)
    t.equal(sandbox?.ours, true)
    t.equal(sandbox?.inode, statSync(fileOf(SANDBOX)).ino)
    t.match(linkOf(sandbox, 'br0'), { kind: 'bridge', mtu: 1450, addresses: ['10.20.0.1/16'] })
    t.match(linkOf(sandbox, 'vxlan0'), {
      kind: 'vxlan',
      up: true,
      carrier: true,
      master: 'br0',
      vxlan: { vni: 4097, port: 4789, local: '192.0.2.1' },
      port: { state: 'forwarding', learns: false, floods: true },
    })
    t.match(linkOf(sandbox, 'veth1'), {
      // the other end is down
      carrier: false,
      peer: { namespace: HOST, name: 'tsoveth1' },
    })
    const { neighbours, fdb, routes } = (await dataplane.read(SANDBOX)) ?? {}
    t.strictSame(
      neighbours?.filter(({ planned }) => planned),
      [
        {
          dev: 'vxlan0',
          ip: '10.20.0.5',
          mac: '02:42:0a:14:00:05',
          state: 'permanent',
          planned: true,
        },
      ],
    )
    t.strictSame(
      fdb?.filter(({ vtep }) => vtep !== undefined),
      [
        {
          dev: 'vxlan0',
          mac: '02:42:0a:14:00:05',
          vtep: '192.0.2.2',
          flags: ['self', 'permanent'],
          planned: true,
        },
      ],
    )
    t.match(routes, [{ to: '10.20.0.0/16', dev: 'br0', type: 'unicast', protocol: 'kernel' }])
  })

  await t.test('what others put beside it is read, and is not taken for ours', async (t) => {
    const at = fileOf(SANDBOX)
    inside(at, 'sh', '-c', 'ip neigh add 10.20.0.9 lladdr 02:00:00:00:00:09 dev br0 nud reachable')
    inside(at, 'sh', '-c', 'ip route add 10.99.0.0/16 dev br0 proto static')
    inside(at, 'sh', '-c', 'ip route add blackhole 10.98.0.0/16 metric 7')
    inside(
      at,
      'sh',
      '-c',
      'bridge fdb append 02:00:00:00:00:09 dev vxlan0 dst 192.0.2.9 vni 9 self permanent',
    )
    const found = await dataplane.read(SANDBOX)
    t.match(
      found?.neighbours.find(({ ip }) => ip === '10.20.0.9'),
      { dev: 'br0', state: 'reachable', planned: false },
    )
    t.match(
      found?.routes.filter(({ protocol }) => protocol !== 'kernel'),
      [
        { to: '10.98.0.0/16', dev: '', type: 'blackhole', metric: 7, planned: false },
        { to: '10.99.0.0/16', dev: 'br0', type: 'unicast', protocol: 'static', planned: false },
      ],
    )
    t.match(
      found?.fdb.find(({ mac }) => mac === '02:00:00:00:00:09'),
      { vtep: '192.0.2.9', planned: false },
    )
  })

  await t.test('rules are read as a plan wants them, in both places', async (t) => {
    t.strictSame((await dataplane.apply(ROUTED)).failures, [])
    for (const plan of [OVERLAY, ROUTED]) {
      const wanted = dataplane.rulesOf(plan)
      const found = (await dataplane.read(plan.place))?.rules
      t.ok(wanted.length > 0)
      t.strictSame(found, wanted)
    }
    const texts = dataplane
      .rulesOf(ROUTED)
      .flatMap(({ sets }) =>
        sets.flatMap(({ name, elements }) => elements.map((e) => `${name} ${e}`)),
      )
    t.ok(texts.includes('vnis 4097'))
    t.ok(texts.includes('vteps6 2001:db8::2'))
    t.ok(texts.includes(`own4 ${BRIDGE} . 10.32.0.0/16`))
    t.ok(texts.includes('ports4 tcp . 8080 : 10.32.1.2 . 80'))
  })

  await t.test('rules that somebody changed are read as they are', async (t) => {
    run(
      'sh',
      '-c',
      'nft delete element inet tsoverlay vnis { 300 }; nft delete table inet tsoverlay_nat',
    )
    const found = (await dataplane.read(HOST))?.rules
    const vnis = found?.flatMap(({ sets }) => sets).find(({ name }) => name === 'vnis')
    t.strictSame(vnis?.elements, ['4097'])
    t.notOk(found?.some(({ table }) => table === 'inet tsoverlay_nat'))
  })

  await t.test('files of the host’s own namespace and of none', async (t) => {
    writeFileSync(fileOf('default'), '')
    run('mount', '--bind', '/proc/self/ns/net', fileOf('default'))
    writeFileSync(fileOf('eeeeeeeeeeee'), '')
    const found = await read()
    t.strictSame(found.get(HOST)?.aliases, ['default'])
    t.notOk(found.has('default'))
    t.match(found.get('eeeeeeeeeeee'), { live: false, links: [] })
    t.equal(await dataplane.read('1-nosuchnets'), undefined)
  })
})
