/** A plan becomes the kernel, exactly and only once. */
import { join } from 'node:path'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import {
  inside,
  ipLinks,
  makeContainer,
  makeNetnsDir,
  onThrowAwayHost,
  picture,
  planOf,
  removeContainer,
  run,
  SANDBOX,
  silent,
  unmountNetnsDir,
} from './kernel.js'

const A = '02:42:0a:14:00:05'
const B = '02:42:0a:14:00:06'
const PEERS = [
  ['10.20.0.5', A, '192.0.2.7'],
  ['fd00:20::5', A, '192.0.2.7'],
  ['10.20.0.6', B, '192.0.2.8'],
] as const
const FULL = planOf({
  addresses: ['10.20.0.1/16', 'fd00:20::1/64'],
  ports: ['c1', 'c2'],
  peers: PEERS,
})
const FULL_PICTURE = [
  'bridge br0 mtu 1450 up',
  '  address 10.20.0.1/16',
  '  address fd00:20::1/64',
  'veth vethc1 mtu 1450 up master br0',
  '  station 02:42:0a:14:01:01',
  'veth vethc2 mtu 1450 up master br0',
  '  station 02:42:0a:14:01:02',
  'vxlan vxlan0 mtu 1450 up master br0 id 4096 port 4789 local 192.0.2.1 proxy l3miss',
  `  neighbour 10.20.0.5 ${A} PERMANENT`,
  `  neighbour 10.20.0.6 ${B} PERMANENT`,
  `  neighbour fd00:20::5 ${A} PERMANENT`,
  `  fdb ${A} 192.0.2.7 permanent self`,
  `  fdb ${B} 192.0.2.8 permanent self`,
]

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const netns = join(netnsDir, SANDBOX)
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  t.teardown(async () => {
    await dataplane.close()
    unmountNetnsDir(netnsDir)
  })
  t.afterEach(() => dataplane.remove(SANDBOX))

  t.test('a whole plan appears in the kernel exactly', async (t) => {
    const result = await dataplane.apply(FULL)
    t.same(result.failures, [])
    t.equal(result.drift, 0)
    t.ok(result.written >= 11)
    t.same(picture(netns), FULL_PICTURE)
    const lo = ipLinks(netns).find((link) => link.ifname === 'lo')
    t.ok(lo?.flags.includes('UP'), 'loopback is up')
    const ports = ipLinks().filter((link) => link.ifname.startsWith('tso'))
    t.same(
      ports.map((link) => [link.ifname, link.mtu, link.address]),
      [
        ['tsoc1', 1450, '02:42:0a:14:01:01'],
        ['tsoc2', 1450, '02:42:0a:14:01:02'],
      ],
      'the containers ends wait in the namespace of the host',
    )
  })

  t.test('the bridge keeps no solicitation from the vxlan device', async (t) => {
    await dataplane.apply(FULL)
    const show = JSON.parse(inside(netns, 'ip', '-j', '-d', 'link', 'show', 'br0'))
    t.equal(show[0].linkinfo.info_data.mcast_snooping, 0)
  })

  t.test('the same plan again writes nothing, and neither does it after a resync', async (t) => {
    await dataplane.apply(FULL)
    t.same(await dataplane.apply(FULL), { written: 0, drift: 0, failures: [] })
    dataplane.queueResync(SANDBOX)
    t.same(await dataplane.apply(FULL), { written: 0, drift: 0, failures: [] })
  })

  t.test('an unchanged plan costs no netlink call', async (t) => {
    await dataplane.apply(FULL)
    inside(netns, 'ip', 'link', 'del', 'vxlan0')
    t.same(await dataplane.apply(FULL), { written: 0, drift: 0, failures: [] })
    t.notOk(
      ipLinks(netns).some((link) => link.ifname === 'vxlan0'),
      'it did not even look',
    )
  })

  t.test('a changed plan adds, replaces and deletes exactly what changed', async (t) => {
    await dataplane.apply(FULL)
    const before = ipLinks(netns).find((link) => link.ifname === 'vxlan0')?.address
    const next = planOf({
      addresses: ['10.20.0.2/16', 'fd00:20::2/64'],
      ports: ['c2', 'c3'],
      peers: [
        ['10.20.0.5', B, '192.0.2.8'],
        ['10.20.0.9', B, '192.0.2.8'],
      ],
    })
    const { failures } = await dataplane.apply(next)
    t.same(failures, [])
    t.same(picture(netns), [
      'bridge br0 mtu 1450 up',
      '  address 10.20.0.2/16',
      '  address fd00:20::2/64',
      'veth vethc2 mtu 1450 up master br0',
      '  station 02:42:0a:14:01:01',
      'veth vethc3 mtu 1450 up master br0',
      '  station 02:42:0a:14:01:02',
      'vxlan vxlan0 mtu 1450 up master br0 id 4096 port 4789 local 192.0.2.1 proxy l3miss',
      `  neighbour 10.20.0.5 ${B} PERMANENT`,
      `  neighbour 10.20.0.9 ${B} PERMANENT`,
      `  fdb ${B} 192.0.2.8 permanent self`,
    ])
    const after = ipLinks(netns).find((link) => link.ifname === 'vxlan0')?.address
    t.equal(after, before, 'the vxlan device is still the same one')
  })

  t.test('one neighbour more is one write', async (t) => {
    await dataplane.apply(planOf({ peers: PEERS.slice(0, 2) }))
    const more = planOf({ peers: [...PEERS.slice(0, 2), ['10.20.0.7', A, '192.0.2.7']] })
    t.same(await dataplane.apply(more), { written: 1, drift: 0, failures: [] })
  })

  t.test('another VNI makes a new device that keeps all its peers', async (t) => {
    await dataplane.apply(FULL)
    const moved = planOf({
      vni: 4097,
      addresses: ['10.20.0.1/16', 'fd00:20::1/64'],
      ports: ['c1', 'c2'],
      peers: PEERS,
    })
    const result = await dataplane.apply(moved)
    t.same([result.drift, result.failures], [0, []])
    t.same(
      picture(netns),
      FULL_PICTURE.map((line) => line.replace('id 4096', 'id 4097')),
    )
  })

  t.test('another VTEP and another MTU change the device in place', async (t) => {
    await dataplane.apply(planOf({ peers: PEERS }))
    const before = ipLinks(netns).find((link) => link.ifname === 'vxlan0')?.address
    const result = await dataplane.apply(planOf({ local: '192.0.2.99', mtu: 1400, peers: PEERS }))
    t.same([result.drift, result.failures], [0, []])
    const vxlan = ipLinks(netns).find((link) => link.ifname === 'vxlan0')
    t.equal(vxlan?.address, before)
    t.equal(vxlan?.mtu, 1400)
    t.equal(vxlan?.linkinfo?.info_data?.['local'], '192.0.2.99')
    t.equal(ipLinks(netns).find((link) => link.ifname === 'br0')?.mtu, 1400)
    t.equal(picture(netns).filter((line) => line.includes('neighbour')).length, 3)
  })

  t.test('an IPv6 underlay carries the same plan', async (t) => {
    run('ip', 'addr', 'add', '2001:db8::1/64', 'dev', 'lo', 'nodad')
    const plan = planOf({ local: '2001:db8::1', peers: [['10.20.0.5', A, '2001:db8::7']] })
    const { failures } = await dataplane.apply(plan)
    t.same(failures, [])
    t.match(picture(netns), [
      'bridge br0 mtu 1450 up',
      '  address 10.20.0.1/16',
      /vxlan0 .* id 4096 port 4789 local 2001:db8::1 proxy l3miss/,
      `  neighbour 10.20.0.5 ${A} PERMANENT`,
      `  fdb ${A} 2001:db8::7 permanent self`,
    ])
    const other = await dataplane.apply(planOf({ peers: PEERS }))
    t.same(other.failures, [], 'and back to IPv4, which takes a new device')
    t.equal(picture(netns).filter((line) => line.includes(' fdb ')).length, 2)
  })

  t.test('a port whose other end dockerd moved into a container stays as it is', async (t) => {
    const container = makeContainer(netnsDir, 'container')
    await dataplane.apply(FULL)
    const before = ipLinks(netns).find((link) => link.ifname === 'vethc1')?.address
    run('ip', 'link', 'set', 'tsoc1', 'netns', container)
    dataplane.queueResync(SANDBOX)
    t.same(await dataplane.apply(FULL), { written: 0, drift: 0, failures: [] })
    t.equal(ipLinks(netns).find((link) => link.ifname === 'vethc1')?.address, before)
    removeContainer(container)
  })

  t.test('links that no plan names are deleted, but only of the kinds we make', async (t) => {
    await dataplane.apply(FULL)
    inside(netns, 'ip', 'link', 'add', 'br7', 'type', 'bridge')
    inside(netns, 'ip', 'link', 'add', 'va', 'type', 'veth', 'peer', 'name', 'vb')
    inside(netns, 'ip', 'link', 'add', 'mv0', 'link', 'br0', 'type', 'macvlan')
    dataplane.queueResync(SANDBOX)
    t.same((await dataplane.apply(FULL)).failures, [])
    t.same(
      picture(netns).filter((line) => !line.startsWith('macvlan mv0')),
      FULL_PICTURE,
    )
    t.ok(ipLinks(netns).some((link) => link.ifname === 'mv0'))
  })

  t.test('a stale link of the same name in the host is replaced', async (t) => {
    run('ip', 'link', 'add', 'tsoc1', 'type', 'veth', 'peer', 'name', 'stale0')
    const { failures } = await dataplane.apply(FULL)
    t.same(failures, [])
    t.same(picture(netns), FULL_PICTURE)
    t.notOk(ipLinks().some((link) => link.ifname === 'stale0'))
    t.equal(ipLinks().find((link) => link.ifname === 'tsoc1')?.address, '02:42:0a:14:01:01')
  })

  t.test('a link of another kind in the way is left alone and named', async (t) => {
    run('ip', 'link', 'add', 'tsoc1', 'type', 'bridge')
    const { failures } = await dataplane.apply(FULL)
    t.match(failures, [
      { item: { in: 'links', name: 'vethc1' }, error: { code: 'KERNEL_FAILED', message: /tsoc1/ } },
    ])
    t.same(
      picture(netns),
      FULL_PICTURE.filter((line) => !/vethc1|station 02:42:0a:14:01:01/.test(line)),
      'everything else stands',
    )
    await t.rejects(dataplane.deleteHostLink('tsoc1'), { code: 'KERNEL_FAILED' })
    run('ip', 'link', 'del', 'tsoc1')
    const again = await dataplane.apply(FULL)
    t.same(again.failures, [], 'the failed item was retried by itself')
    t.same(picture(netns), FULL_PICTURE)
  })

  t.test('deleting a host link takes its port too, and deleting none is success', async (t) => {
    await dataplane.apply(FULL)
    await dataplane.deleteHostLink('tsoc1')
    await dataplane.deleteHostLink('tsoc1')
    t.notOk(ipLinks().some((link) => link.ifname === 'tsoc1'))
    t.notOk(ipLinks(netns).some((link) => link.ifname === 'vethc1'))
  })

  t.test('two applies at once end as the later plan says', async (t) => {
    const results = await Promise.all([dataplane.apply(FULL), dataplane.apply(planOf())])
    t.same(
      results.map((result) => result.failures),
      [[], []],
    )
    t.same(picture(netns), [
      'bridge br0 mtu 1450 up',
      '  address 10.20.0.1/16',
      'vxlan vxlan0 mtu 1450 up master br0 id 4096 port 4789 local 192.0.2.1 proxy l3miss',
    ])
  })
})
