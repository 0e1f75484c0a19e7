/**
 * Each way of routed networks from host to host: how large a packet may be, what is said where there is
 * no way, and both families in the kernel's tables.
 */
import t, { type Test } from 'tap'
import { pingAll } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { askAdmin } from '../lab/plugin-call.js'
import { addressOf, PLUGIN, runSleeper } from '../lab/tsoverlay.js'
import { createOn, inContainer, refusedRun } from './clusterwide.js'
import {
  address6Of,
  blockOf,
  linesWith,
  pings,
  routed,
  routesOf,
  tunnelOf,
} from './routed-tables.js'
import { segmentedLab } from './shared-lab.js'
import { eventually } from './traces.js'
import { namespaceOf } from './wire.js'

/** Of an IPv4 header and one of ICMP. */
const HEADERS = 28
const PAGE_MIB = 5

/** A packet of so many bytes that no host may cut in pieces. @returns what ping says */
async function whole(host: Host, container: string, to: string, bytes: number): Promise<string> {
  const size = `${bytes - HEADERS}`
  const ping = ['ping', '-c', '2', '-i', '0.2', '-W', '2', '-M', 'do', '-s', size, to]
  const namespace = await namespaceOf(host, container)
  const { stdout, stderr } = await host.sh(['nsenter', `--net=${namespace}`, ...ping], {
    check: false,
  })
  return `${stdout}${stderr}`
}

/** The MTU of a container is what it says: full packets pass as they are, and larger ones do not leave. */
async function checkSize(t: Test, host: Host, container: string, to: string, mtu: number) {
  t.equal(await inContainer(host, container, 'cat /sys/class/net/eth0/mtu'), `${mtu}\n`)
  t.match(await whole(host, container, to, mtu), /2 received/, `${mtu} bytes to ${to}`)
  t.match(await whole(host, container, to, mtu + 1), /message too long/i)
}

t.test('the MTU of each way, and what is said where a network has none', async (t) => {
  const lab = await segmentedLab(t)
  const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]
  for (const [name, flags, hosts, mtu] of [
    ['always', routed('vxlan', '10.71.0.0/16'), [one, two, three], 1450],
    ['cross', routed('vxlan', '10.72.0.0/16', '-o', 'encap=cross-subnet'), [one, two, three], 1450],
    ['never', routed('vxlan', '10.73.0.0/16', '-o', 'encap=never'), [one, two], 1500],
    ['gw', routed('host-gw', '10.74.0.0/16'), [one, two], 1500],
  ] as const) {
    await t.test(name, async (t) => {
      await createOn(lab.hosts, name, flags)
      for (const host of hosts) await runSleeper(host, `${name}-${host.name}`, name)
      for (const other of hosts.slice(1)) {
        const to = await addressOf(other, `${name}-${other.name}`, name)
        t.ok(await eventually(() => pings(one, `${name}-h1`, to), Boolean))
        await checkSize(t, one, `${name}-h1`, to, mtu)
        const make = `mkdir -p /www && dd if=/dev/zero of=/www/big bs=1M count=${PAGE_MIB} 2>/dev/null && httpd -h /www`
        await inContainer(other, `${name}-${other.name}`, make)
        const get = `timeout 60 wget -q -O - http://${to}/big | wc -c`
        const got = (await inContainer(one, `${name}-h1`, get)).trim()
        t.equal(got, `${PAGE_MIB * 1024 * 1024}`, 'by TCP')
      }
    })
  }

  t.test('encap=never goes by routes alone', async (t) => {
    const block = blockOf(await addressOf(two, 'never-h2', 'never'))
    t.same(await routesOf(one, `${block} via`), [`${block} via ${two.address} dev eth0 proto 116`])
    t.same(await linesWith(one, ['ip', '-o', 'link'], await tunnelOf(one, 'never')), [])
    const said = await refusedRun(three, 'never', [])
    t.match(said, /has no direct way to h1 \(\S+\), h2 \(\S+\), .* encap=never goes by routes only/)
    t.match(said, /encap=cross-subnet/, 'says what helps')
    const { networks } = (await askAdmin(three, '/status')).body as unknown as Status
    const parted = networks.find(({ subnets }) => subnets.includes('10.73.0.0/16'))?.parted ?? []
    t.same([...parted].sort(), ['h1', 'h2'], 'status of a host across the router')
  })
})

interface Status {
  readonly networks: readonly {
    readonly subnets: readonly string[]
    readonly parted: readonly string[]
  }[]
}

async function setAdvertise(hosts: readonly Host[], value: string): Promise<void> {
  const one = async (host: Host): Promise<void> => {
    await host.docker(['plugin', 'disable', '-f', PLUGIN])
    await host.docker(['plugin', 'set', PLUGIN, `ADVERTISE=${value}`])
    await host.docker(['plugin', 'enable', PLUGIN])
  }
  await Promise.all(hosts.map(one))
}

/** Addresses of both families of a network's containers, which are named as their hosts with `suffix`. */
async function bothOf(hosts: readonly Host[], network: string) {
  return Promise.all(
    hosts.map(async (host) => {
      const container = `${network}-${host.name}`
      const four = await addressOf(host, container, network)
      return { host, container, four, six: await address6Of(host, container, network) }
    }),
  )
}

type Both = Awaited<ReturnType<typeof bothOf>>

async function reachBoth(t: Test, all: Both): Promise<void> {
  await pingAll(
    all.flatMap(({ host, container }) =>
      all.flatMap(({ four, six }) => [four, six].map((to) => ({ from: host, container, to }))),
    ),
  )
  t.ok(all.every(({ six }) => six.includes(':')))
}

t.test('both families', async (t) => {
  const lab = await segmentedLab(t)
  const hosts = [lab.host(1), lab.host(2), lab.host(3)]
  const [one, two, three] = hosts
  if (!one || !two || !three) throw new Error('no hosts')
  const near = [one, two]
  const dual = ['--ipv6', '--subnet']

  await t.test('vxlan has routes, neighbours and an address of both', async (t) => {
    await createOn(hosts, 'red', [...routed('vxlan', '10.75.0.0/16'), ...dual, 'fd75::/64'])
    for (const host of hosts) await runSleeper(host, `red-${host.name}`, 'red')
    const all = await bothOf(hosts, 'red')
    await reachBoth(t, all)
    const tunnel = await tunnelOf(one, 'red')
    const routes = await linesWith(one, ['ip', '-6', 'route'], `dev ${tunnel} proto 116`)
    t.equal(routes.length, 2, `${routes}`)
    for (const route of routes) t.match(route, /^(fd75:\S+)\/\d+ via \1 dev \S+ proto 116 .*onlink/)
    const neighbours = await linesWith(one, ['ip', '-6', 'neigh', 'show', 'dev', tunnel], 'PERM')
    t.same(
      neighbours.map((line) => line.split(' ')[0]),
      routes.map((line) => line.split('/')[0]),
    )
  })

  t.test('host-gw with IPv6 subnets needs IPv6 addresses of hosts', async (t) => {
    const argv = ['-d', 'tsoverlay', '--ipam-driver', 'tsoverlay', ...dual, 'fd76::/64']
    const { code, stderr } = await one.docker(
      ['network', 'create', ...argv, ...routed('host-gw', '10.76.0.0/16'), 'bad'],
      { check: false },
    )
    t.not(code, 0)
    t.match(stderr, /fd76::\/64 where hosts have IPv6 addresses \(ADVERTISE\)/)
  })

  t.test('with IPv6 addresses of hosts', async (t) => {
    await setAdvertise(hosts, 'fd10::/16')
    t.teardown(() => setAdvertise(hosts, ''))
    for (const [name, backend, subnets, on] of [
      ['gw', 'host-gw', ['10.77.0.0/16', 'fd77::/64'], near],
      ['far', 'vxlan', ['10.78.0.0/16', 'fd78::/64', '-o', 'encap=cross-subnet'], hosts],
    ] as const) {
      const [four, six, ...more] = subnets
      await createOn(on, name, [...routed(backend, four), ...dual, six, ...more])
      for (const host of on) await runSleeper(host, `${name}-${host.name}`, name)
      const all = await bothOf(on, name)
      await reachBoth(t, all)
      const routes = await routesOf(one, 'dev eth0 proto 116')
      const to = blockOf(all[1]?.four ?? '')
      const at = routes.filter((line) => line.startsWith(`${to} `))
      t.match(at[0] ?? '', new RegExp(`^${to} via inet6 fd10:\\S+ dev eth0 proto 116$`), name)
      t.ok(
        routes.some((line) => line.startsWith(six.slice(0, 5)) && / via fd10:/.test(line)),
        `${name}: ${routes}`,
      )
    }
    const gw = await addressOf(two, 'gw-h2', 'gw')
    await checkSize(t, one, 'gw-h1', gw, 1500)
    await checkSize(t, one, 'far-h1', await addressOf(three, 'far-h3', 'far'), 1430)
  })
})
