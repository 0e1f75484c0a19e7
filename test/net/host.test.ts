/** The host's own namespace as a place: made as planned, by several processes, and emptied again. */
import type { Cidr, Ip } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import { HOST, type Plan, type RoutePlan } from '../../src/core/plan.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import {
  BRIDGE,
  EMPTY,
  hostPicture,
  makeUnderlay,
  ownRoutes,
  PLAN,
  PORT,
  TUNNEL,
} from './host-place.js'
import { makeNetnsDir, onThrowAwayHost, run, silent, unmountNetnsDir, until } from './kernel.js'

const CLEAN = { written: 0, drift: 0, failures: [] }
const ROUTE: RoutePlan = { to: '10.40.0.0/24' as Cidr, dev: 'eth0', via: '192.0.2.3' as Ip }
const ROUTE6: RoutePlan = { to: 'fd40::/64' as Cidr, dev: 'eth0', via: '2001:db8::3' as Ip }

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  makeUnderlay()
  run('ip', 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'far1')
  run('ip', 'addr', 'add', '198.51.100.1/24', 'dev', 'eth1')
  run('ip', 'addr', 'add', '2001:db8:1::1/64', 'dev', 'eth1', 'nodad')
  for (const dev of ['eth1', 'far1']) run('ip', 'link', 'set', dev, 'up')
  run('sysctl', '-qw', 'net.ipv6.conf.eth0.accept_ra=1', 'net.ipv6.conf.eth1.accept_ra=0')
  const before = hostPicture()
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  t.teardown(async () => {
    await dataplane.close()
    unmountNetnsDir(netnsDir)
  })
  const withRoutes = (...routes: readonly RoutePlan[]): Plan => ({ ...EMPTY, routes })

  await t.test('the kernel is as planned', async (t) => {
    t.same((await dataplane.apply(PLAN)).failures, [])
    t.same(hostPicture(), [
      `bridge ${BRIDGE} 1450 up -  10.32.1.1/24 fd32:0:0:1::1/64`,
      'veth tsoc1 1450 down -  ',
      `veth ${PORT} 1450 up ${BRIDGE}  `,
      `vxlan ${TUNNEL} 1450 up - 300 192.0.2.1 02:42:00:00:02:01  10.32.1.0/32`,
      'neighbour 10.32.2.0 02:42:00:00:02:02 PERMANENT',
      'fdb 02:42:00:00:02:02 192.0.2.2 permanent self',
      `station 02:42:0a:20:01:02 dev ${PORT} sticky master ${BRIDGE} static`,
      'blackhole 10.32.1.0/24 metric 4278198272',
      `10.32.2.0/24 via 10.32.2.0 dev ${TUNNEL} src 10.32.1.1 onlink`,
      '10.32.3.0/24 via 192.0.2.3 dev eth0',
      '10.32.4.0/24 via inet6 2001:db8::4 dev eth0',
      'blackhole fd32:0:0:1::/64 dev lo metric 4278198272 pref medium',
      'fd32:0:0:3::/64 via 2001:db8::3 dev eth0 metric 1024 pref medium',
      `connected 10.32.1.0/24 dev ${BRIDGE} scope link src 10.32.1.1 linkdown`,
      `10.32.1.77 dev ${BRIDGE} proxy`,
      `fd32:0:0:1::77 dev ${BRIDGE} proxy`,
      'net.ipv4.ip_forward = 1',
      'net.ipv6.conf.all.forwarding = 1',
      'net.ipv6.conf.all.accept_ra = 1',
      `net.ipv4.conf.${BRIDGE}.forwarding = 1`,
      `net.ipv4.conf.${BRIDGE}.send_redirects = 0`,
      `net.ipv6.conf.${BRIDGE}.accept_ra = 0`,
      `net.ipv6.conf.${BRIDGE}.proxy_ndp = 1`,
      `net.ipv4.conf.${TUNNEL}.forwarding = 1`,
      'table inet tsoverlay',
    ])
    const own = ['eth0', 'eth1'].map((dev) => `net.ipv6.conf.${dev}.accept_ra`)
    t.match(
      run('sysctl', ...own),
      /eth0.accept_ra = 2\n.*eth1.accept_ra = 0/,
      'as it behaved before',
    )
    t.same(await dataplane.foreignVxlans(), [])
    t.same(
      (await dataplane.hostRoutes()).filter(({ destination }) => /^(10|fd)/.test(destination)),
      [],
    )
  })

  await t.test('the same plan writes nothing, by this process and by another', async (t) => {
    const made = hostPicture()
    t.same(await dataplane.apply(PLAN), CLEAN)
    dataplane.queueResync(HOST)
    t.same(await dataplane.apply(PLAN), CLEAN)
    const next = await createDataplane({ netnsDir, logger: silent })
    t.same(await next.apply(PLAN), CLEAN)
    t.same(await next.apply({ ...PLAN, neighbours: [], fdb: [], routes: [], partial: true }), CLEAN)
    await next.close()
    t.same(hostPicture(), made, 'also one that does not know all yet')
  })

  await t.test('a change is one write, and a link of another kind is made anew', async (t) => {
    const mac = '02:42:00:00:02:09' as Mac
    const links = PLAN.links.map((link) => (link.kind === 'vxlan' ? { ...link, mac } : link))
    t.match(await dataplane.apply({ ...PLAN, links }), { drift: 0, failures: [] })
    t.match(hostPicture().join('\n'), /vxlan tsv-300 1450 up - 300 192.0.2.1 02:42:00:00:02:09/)
    t.match(await dataplane.apply(PLAN), { drift: 0, failures: [] })
    const other = PLAN.links.map((link) => (link.kind === 'vxlan' ? { ...link, vni: 301 } : link))
    const anew = { ...PLAN, links: other }
    t.match(await dataplane.apply(anew), { drift: 0, failures: [] })
    t.match(hostPicture().join('\n'), /tsv-300 .* 301 /)
    t.match(ownRoutes().join('\n'), /10.32.2.0\/24 via 10.32.2.0 dev tsv-300/)
    t.match(await dataplane.apply(PLAN), { drift: 0, failures: [] })
    dataplane.queueResync(HOST)
    t.same(await dataplane.apply(PLAN), CLEAN)
  })

  await t.test('an empty plan of a new process takes away what is ours', async (t) => {
    const next = await createDataplane({ netnsDir, logger: silent })
    await next.remove(HOST)
    const forwarding = ['net.ipv4.ip_forward = 1', 'net.ipv6.conf.all.forwarding = 1']
    t.same(
      hostPicture().filter((line) => !forwarding.includes(line)),
      before.filter((line) => !/forward/.test(line)),
    )
    t.same(await next.apply(EMPTY), CLEAN)
    await next.close()
    dataplane.queueResync(HOST)
    t.match(await dataplane.apply(EMPTY), { written: 0, failures: [] })
  })

  await t.test('a route changes and moves, and is never away', async (t) => {
    let gaps = 0
    const steps: readonly (readonly [RoutePlan, string])[] = [
      [ROUTE, 'via 192.0.2.3 dev eth0'],
      [{ ...ROUTE, mtu: 1400 }, 'via 192.0.2.3 dev eth0 mtu 1400'],
      [{ ...ROUTE, via: '192.0.2.4' as Ip }, 'via 192.0.2.4 dev eth0'],
      [{ ...ROUTE, dev: 'eth1', via: '198.51.100.2' as Ip }, 'via 198.51.100.2 dev eth1'],
      [{ ...ROUTE, dev: 'eth1', via: '198.51.100.2' as Ip, onlink: true }, 'onlink'],
      [{ ...ROUTE, via: '2001:db8::3' as Ip }, 'via inet6 2001:db8::3 dev eth0'],
      [{ to: ROUTE.to, dev: 'eth0' }, 'dev eth0 scope link'],
      [{ to: ROUTE.to, dev: '' }, 'blackhole'],
      [ROUTE, 'via 192.0.2.3 dev eth0'],
      [ROUTE6, 'via 2001:db8::3 dev eth0'],
      [{ ...ROUTE6, mtu: 1400 }, 'mtu 1400'],
      [{ ...ROUTE6, mtu: 1300 }, 'mtu 1300'],
      [{ ...ROUTE6, via: '2001:db8::4' as Ip }, 'via 2001:db8::4 dev eth0'],
      [{ ...ROUTE6, source: '2001:db8::1' as Ip, via: '2001:db8::4' as Ip }, 'src 2001:db8::1'],
      [{ ...ROUTE6, dev: 'eth1', via: '2001:db8:1::4' as Ip }, 'via 2001:db8:1::4 dev eth1'],
      [{ to: ROUTE6.to, dev: 'eth1' }, 'dev eth1'],
      [{ to: ROUTE6.to, dev: '' }, 'blackhole'],
    ]
    let former: RoutePlan | undefined
    for (const [route, words] of steps) {
      const result = await dataplane.apply(withRoutes(route))
      const isNew = former === undefined || former.to !== route.to
      t.same(result, { written: former !== undefined && isNew ? 2 : 1, drift: 0, failures: [] })
      if (ownRoutes().length !== 1) gaps += 1
      t.match(ownRoutes()[0], words)
      dataplane.queueResync(HOST)
      t.same(await dataplane.apply(withRoutes(route)), CLEAN, 'and is read as it was planned')
      former = route
    }
    t.equal(gaps, 0)
    // a route of the way to a host with less room there is none of these
    await dataplane.setPathMtu('192.0.2.3' as Ip, 1400)
    dataplane.queueResync(HOST)
    t.same((await dataplane.apply(EMPTY)).failures, [])
    t.same([...(await dataplane.pathMtus())], [['192.0.2.3', 1400]])
    await dataplane.setPathMtu('192.0.2.3' as Ip, undefined)
  })

  await t.test('what cannot be made is named, and the rest stands', async (t) => {
    const result = await dataplane.apply(
      withRoutes(
        ROUTE,
        { ...ROUTE, to: '10.41.0.0/24' as Cidr, dev: 'none0' },
        {
          ...ROUTE,
          to: '10.42.0.0/24' as Cidr,
          via: '203.0.113.9' as Ip,
        },
      ),
    )
    t.match(result.failures, [
      { item: { in: 'routes', name: 'none0' }, error: { message: /there is no such device/ } },
      { item: { in: 'routes', name: 'eth0 10.42.0.0/24 0' }, error: { code: 'KERNEL_FAILED' } },
    ])
    t.same(ownRoutes(), ['10.40.0.0/24 via 192.0.2.3 dev eth0'])
    t.same((await dataplane.apply(EMPTY)).failures, [])
  })

  await t.test('many routes', async (t) => {
    const many = Array.from(
      { length: 1000 },
      (_, n): RoutePlan => ({
        to: `10.${100 + (n >> 8)}.${n & 255}.0/24` as Cidr,
        dev: 'eth0',
        via: `192.0.2.${2 + (n % 200)}` as Ip,
      }),
    )
    const start = performance.now()
    t.same(await dataplane.apply(withRoutes(...many)), { written: 1000, drift: 0, failures: [] })
    t.comment(`1000 routes: ${Math.round(performance.now() - start)} ms`)
    t.equal(ownRoutes().length, 1000)
    t.same(await dataplane.apply(withRoutes(...many)), CLEAN)
    await dataplane.apply(EMPTY)
    await until(() => ownRoutes().length === 0)
    t.equal(ownRoutes().length, 0)
  })
})
