/** Paths between two hosts on the real kernel: what passes, and routes of our own that say so. */
import type { Cidr, Ip } from '../../src/core/ip.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import { inside, makeNetnsDir, onThrowAwayHost, run, silent, unmountNetnsDir } from './kernel.js'

const ip = (...args: string[]) => run('ip', ...args)
const ours = (family: '-4' | '-6'): string => ip(family, 'route', 'show', 'proto', '158').trim()
const address = (text: string): Ip => text as Ip

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  const other = `${netnsDir}/other`
  t.teardown(async () => {
    await dataplane.close()
    run('umount', other)
    unmountNetnsDir(netnsDir)
  })
  run('mkdir', '-p', netnsDir)
  run('touch', other)
  run('unshare', `--net=${other}`, 'true')

  // A link whose far end takes less than the near end says.
  ip('link', 'add', 'eth0', 'mtu', '9000', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', other)
  ip('addr', 'add', '192.0.2.1/24', 'dev', 'eth0')
  ip('addr', 'add', '2001:db8::1/64', 'dev', 'eth0', 'nodad')
  ip('link', 'set', 'eth0', 'up')
  for (const command of [
    'addr add 192.0.2.2/24 dev eth0',
    'addr add 192.0.2.3/24 dev eth0',
    'addr add 203.0.113.7/32 dev eth0',
    'addr add 2001:db8::2/64 dev eth0 nodad',
    'link set eth0 mtu 9000',
    'link set eth0 up',
  ])
    inside(other, 'ip', ...command.split(' '))
  const ends = [
    [address('192.0.2.1'), address('192.0.2.2')],
    [address('2001:db8::1'), address('2001:db8::2')],
  ] as const

  t.test('a packet of a size passes or does not, in both families', async (t) => {
    for (const [from, to] of ends) {
      // until the link and the neighbours are there
      for (let turn = 0; turn < 20 && !(await dataplane.echo(from, to, 1_300, 1)); turn += 1) {}
      t.equal(await dataplane.echo(from, to, 9_000, 3), 3, `${to}: a full one`)
      t.equal(await dataplane.echo(from, to, 9_001, 1), undefined, `${to}: more than the link`)
    }
    inside(other, 'nft', 'add', 'table', 'inet', 'lost')
    const hook = '{ type filter hook prerouting priority -450; }'
    inside(other, 'nft', 'add', 'chain', 'inet', 'lost', 'large', hook)
    inside(
      other,
      'nft',
      'add',
      'rule',
      'inet',
      'lost',
      'large',
      'meta',
      'length',
      '>',
      '1400',
      'drop',
    )
    for (const [from, to] of ends) {
      t.equal(await dataplane.echo(from, to, 1_401, 2), 0, `${to}: more than passes`)
      t.equal(await dataplane.echo(from, to, 1_400, 2), 2, `${to}: what passes`)
    }
    t.equal(await dataplane.echo(ends[0][0], address('192.0.2.99'), 600, 1), 0, 'nobody there')
    const elsewhere = address('198.51.100.1')
    t.equal(await dataplane.echo(ends[0][0], elsewhere, 600, 1), undefined, 'no route')
    t.equal(await dataplane.echo(address('192.0.2.77'), ends[0][1], 600, 1), undefined, 'not ours')
  })

  t.test('a route of our own has the MTU, goes the way of the others, and goes', async (t) => {
    const [v4, v6] = [address('192.0.2.2'), address('2001:db8::2')]
    const before = ip('route', 'show', 'table', 'all')
    await dataplane.setPathMtu(v4, 1_400)
    await dataplane.setPathMtu(v6, 1_300)
    await dataplane.setPathMtu(v4, 1_400)
    t.match(ours('-4'), /^192\.0\.2\.2 dev eth0 scope link src 192\.0\.2\.1 metric \d+ mtu 1400$/)
    t.match(ours('-6'), /^2001:db8::2 dev eth0 metric \d+ mtu 1300/)
    t.match(ip('route', 'get', '192.0.2.2'), /mtu 1400/)
    t.same(
      new Map(await dataplane.pathMtus()),
      new Map([
        [v4, 1_400],
        [v6, 1_300],
      ]),
    )
    t.notOk(
      (await dataplane.routes()).includes('192.0.2.2/32' as Cidr),
      'it is no range of the host’s',
    )
    await dataplane.setPathMtu(v4, 1_350)
    t.match(ours('-4'), / mtu 1350$/)
    await dataplane.setPathMtu(v4, undefined)
    await dataplane.setPathMtu(v4, undefined)
    await dataplane.setPathMtu(v6, undefined)
    t.equal(ip('route', 'show', 'table', 'all'), before)
  })

  t.test('it follows another gateway, and goes with the way there', async (t) => {
    const far = address('203.0.113.7')
    ip('route', 'add', '203.0.113.0/24', 'via', '192.0.2.2')
    await dataplane.setPathMtu(far, 1_400)
    t.match(ours('-4'), /^203\.0\.113\.7 via 192\.0\.2\.2 dev eth0 /)
    ip('route', 'replace', '203.0.113.0/24', 'via', '192.0.2.3')
    await dataplane.setPathMtu(far, 1_400)
    t.match(ours('-4'), /^203\.0\.113\.7 via 192\.0\.2\.3 dev eth0 .* mtu 1400$/)
    ip('route', 'del', '203.0.113.0/24')
    await dataplane.setPathMtu(far, 1_400)
    t.equal(ours('-4'), '')
  })

  t.test('routes of others are neither hidden nor replaced', async (t) => {
    const far = address('203.0.113.7')
    ip('route', 'add', '203.0.113.7/32', 'via', '192.0.2.2', 'metric', '20')
    await t.rejects(dataplane.setPathMtu(far, 1_400), {
      code: 'KERNEL_FAILED',
      message: /MTU of the path to 203\.0\.113\.7: somebody else’s route .* "mtu 1400"/,
    })
    t.match(
      ip('route', 'show', '203.0.113.7'),
      /^203\.0\.113\.7 via 192\.0\.2\.2 dev eth0 metric 20 *\n$/,
    )
    ip('route', 'del', '203.0.113.7/32')
    ip('route', 'add', '203.0.113.0/24', 'via', '192.0.2.2')
    await dataplane.setPathMtu(far, 1_400)
    ip('route', 'add', '203.0.113.7/32', 'via', '192.0.2.3')
    t.match(ip('route', 'get', '203.0.113.7'), /via 192\.0\.2\.3/, 'a later one goes first')
    await t.rejects(dataplane.setPathMtu(far, 1_400), { code: 'KERNEL_FAILED' })
    t.equal(ours('-4'), '')
    ip('route', 'del', '203.0.113.7/32')
    const hops = ['nexthop', 'via', '192.0.2.2', 'nexthop', 'via', '192.0.2.3']
    ip('route', 'replace', '203.0.113.0/24', ...hops)
    await t.rejects(dataplane.setPathMtu(far, 1_400), { message: /more than one next hop/ })
    t.equal(ours('-4'), '')
  })

  t.test('a rule that leads past the main table is noticed', async (t) => {
    const far = address('198.51.100.9')
    ip('route', 'add', '198.51.100.0/24', 'via', '192.0.2.2')
    ip('route', 'add', '198.51.100.0/24', 'via', '192.0.2.3', 'table', '77')
    ip('rule', 'add', 'to', '198.51.100.0/24', 'lookup', '77')
    await t.rejects(dataplane.setPathMtu(far, 1_400), { message: /do not go by the main table/ })
    t.equal(ours('-4'), '')
  })
})
