/** The underlay as ADVERTISE selects it, and the host's routes. */
import { createDataplane } from '../../src/dataplane/dataplane.js'
import { makeNetnsDir, onThrowAwayHost, run, silent, unmountNetnsDir } from './kernel.js'

const ip = (...args: string[]) => run('ip', ...args)

const E0 = { dev: 'eth0', subnet: '192.0.2.0/25' }
const E1 = { dev: 'eth1', subnet: '198.51.100.0/24' }
const E1_6 = { dev: 'eth1', subnet: '2001:db8:1::/64' }
const E0P = { dev: 'eth0p', subnet: '2001:db8:2::/64' }

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  t.teardown(async () => {
    await dataplane.close()
    unmountNetnsDir(netnsDir)
  })

  await t.test('a host without addresses has no underlay, and the error says so', async (t) => {
    await t.rejects(dataplane.underlay(''), {
      code: 'UNDERLAY_UNKNOWN',
      message: /ADVERTISE="".*default route.*addresses are: none/,
    })
    t.same(
      (await dataplane.routes()).filter((route) => route !== '::1/128'),
      [],
    )
  })

  ip('link', 'add', 'eth0', 'mtu', '1500', 'type', 'veth', 'peer', 'name', 'eth0p')
  ip('link', 'add', 'eth1', 'mtu', '9000', 'type', 'veth', 'peer', 'name', 'eth1p')
  for (const link of ['eth0', 'eth0p', 'eth1', 'eth1p']) ip('link', 'set', link, 'up')
  ip('addr', 'add', '192.0.2.10/25', 'dev', 'eth0')
  ip('addr', 'add', '192.0.2.11/25', 'dev', 'eth0')
  ip('addr', 'add', '198.51.100.7/24', 'dev', 'eth1')
  ip('addr', 'add', '2001:db8:1::7/64', 'dev', 'eth1', 'nodad')
  ip('addr', 'add', '203.0.113.5/32', 'dev', 'lo')
  ip('addr', 'add', '169.254.9.9/16', 'dev', 'eth1', 'scope', 'link')

  t.test('an interface, an address and a CIDR select an address of this host', async (t) => {
    t.same(await dataplane.underlay('eth0'), { vtep: '192.0.2.10', mtu: 1500, link: E0 })
    t.same(await dataplane.underlay('eth1'), { vtep: '198.51.100.7', mtu: 9000, link: E1 })
    t.same(await dataplane.underlay('192.0.2.11'), { vtep: '192.0.2.11', mtu: 1500, link: E0 })
    t.same(await dataplane.underlay('198.51.100.0/24'), {
      vtep: '198.51.100.7',
      mtu: 9000,
      link: E1,
    })
    t.same(await dataplane.underlay('2001:db8:1::9/48'), {
      vtep: '2001:db8:1::7',
      mtu: 9000,
      link: E1_6,
    })
    t.same(await dataplane.underlay('2001:db8:1::7'), {
      vtep: '2001:db8:1::7',
      mtu: 9000,
      link: E1_6,
    })
  })

  t.test('an interface without IPv4 gives its IPv6 address', async (t) => {
    ip('addr', 'add', '2001:db8:2::1/64', 'dev', 'eth0p', 'nodad')
    t.same(await dataplane.underlay('eth0p'), { vtep: '2001:db8:2::1', mtu: 1500, link: E0P })
  })

  t.test('what fits no address is refused with the addresses that there are', async (t) => {
    for (const value of ['eth9', '192.0.2.12', '10.9.0.0/16', '127.0.0.1', '169.254.0.0/16']) {
      await t.rejects(dataplane.underlay(value), {
        code: 'UNDERLAY_UNKNOWN',
        message: new RegExp(`ADVERTISE="${value}" .*192\\.0\\.2\\.10 \\(eth0\\), .*\\(eth1\\)`),
      })
    }
  })

  t.test('nothing selects the source of the default route, with its MTU', async (t) => {
    await t.rejects(dataplane.underlay(''), { code: 'UNDERLAY_UNKNOWN' })
    ip('route', 'add', 'default', 'via', '198.51.100.1')
    t.same(await dataplane.underlay(''), { vtep: '198.51.100.7', mtu: 9000, link: E1 })
    t.same(await dataplane.underlay('203.0.113.5'), { vtep: '203.0.113.5', mtu: 9000 })
    ip('route', 'replace', 'default', 'via', '198.51.100.1', 'src', '192.0.2.11', 'mtu', '1400')
    t.same(await dataplane.underlay(''), { vtep: '192.0.2.11', mtu: 1400, link: E0 })
    ip('route', 'del', 'default')
    ip('-6', 'route', 'add', 'default', 'via', '2001:db8:1::1')
    t.same(await dataplane.underlay(''), { vtep: '2001:db8:1::7', mtu: 9000, link: E1_6 })
  })

  t.test('routes are the unicast destinations of the main table', async (t) => {
    ip('route', 'add', '10.50.0.0/16', 'via', '198.51.100.1')
    ip('route', 'add', '10.51.0.0/16', 'via', '198.51.100.1', 'table', '77')
    ip('route', 'add', 'blackhole', '10.52.0.0/16')
    ip('-6', 'route', 'add', 'fd00:50::/32', 'via', '2001:db8:1::1')
    const routes = await dataplane.routes()
    t.same(routes.filter((route) => !route.includes(':')).sort(), [
      '10.50.0.0/16',
      '192.0.2.0/25',
      '198.51.100.0/24',
    ])
    t.ok(routes.includes('fd00:50::/32' as (typeof routes)[number]))
    t.ok(routes.includes('2001:db8:1::/64' as (typeof routes)[number]))
    t.notOk(routes.some((route) => /^(0\.0\.0\.0|::\/0|fe80|ff|169\.254)/.test(route)))
  })
})
