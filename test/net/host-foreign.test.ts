/** What others have in the host's own namespace survives us, also where it is in our way. */
import type { Cidr, Ip } from '../../src/core/ip.js'
import { HOST, type Plan, type RoutePlan } from '../../src/core/plan.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import { BRIDGE, EMPTY, hostPicture, makeUnderlay, ownRoutes, PLAN, TUNNEL } from './host-place.js'
import { makeNetnsDir, onThrowAwayHost, run, silent, unmountNetnsDir } from './kernel.js'

/** As Docker, Flannel, a routing daemon and people leave them. */
const FOREIGN = [
  'ip link add docker0 type bridge',
  'ip addr add 172.17.0.1/16 dev docker0',
  'ip link add vethdocker type veth peer name vethinner',
  'ip link set vethdocker master docker0 up',
  'ip link set docker0 up',
  'ip link add br-foreign type bridge',
  'ip link add flannel.1 type vxlan id 1 dstport 8472 local 192.0.2.1 nolearning',
  'ip addr add 10.244.0.0/32 dev flannel.1',
  'ip link set flannel.1 up',
  'ip route add 10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink',
  'ip neigh add 10.244.1.0 lladdr 02:aa:00:00:00:01 dev flannel.1 nud permanent',
  'bridge fdb append 02:aa:00:00:00:01 dev flannel.1 dst 192.0.2.7 self permanent',
  'ip neigh add proxy 172.17.0.99 dev docker0',
  'ip neigh add 192.0.2.9 lladdr 02:aa:00:00:00:09 dev eth0 nud permanent',
  // names as ours, but other kinds; our kinds, but other names
  'ip link add tsb-dummy type ifb',
  'ip link add tsv-bridge type bridge',
  'ip link add tsb type bridge',
  // destinations of ours with other metrics, and a path of our own
  'ip route add 10.32.3.0/24 via 192.0.2.8 dev eth0 metric 700',
  'ip route add blackhole 10.32.2.0/24 metric 900',
  'ip -6 route add fd32:0:0:3::/64 via 2001:db8::8 dev eth0 metric 700',
  'ip route add 192.0.2.3/32 dev eth0 proto 158 metric 15800 mtu 1400',
  'ip route add 10.50.0.0/16 via 192.0.2.8 proto 186',
  'ip route add 10.32.9.0/24 via 192.0.2.8 table 100 proto 116',
  'nft add table inet filter',
  "nft add chain inet filter forward '{ type filter hook forward priority 0 ; }'",
] as const
const OURS = /tsb-aaaaaaaaaa|tsv-300|tsp-c1|tsoc1|^(?!.* table ).*proto 116|tsoverlay/

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  makeUnderlay()
  for (const command of FOREIGN) run('sh', '-c', command)
  t.teardown(() => unmountNetnsDir(netnsDir))

  /** All of the namespace but what is ours, line by line. */
  const foreign = (): string[] => {
    const all = [
      run('sh', '-c', 'ip -o -d link show type bridge; ip -o link; ip -o addr show scope global'),
      run(
        'sh',
        '-c',
        'ip route show table all type unicast; ip route show table all type blackhole',
      ),
      run('sh', '-c', 'ip -6 route show table all type unicast'),
      run(
        'sh',
        '-c',
        'ip neigh show nud permanent; ip neigh show proxy; bridge fdb show dev flannel.1',
      ),
      run('nft', 'list', 'ruleset'),
    ]
    const lines = all.flatMap((text) => text.split('\n'))
    const rules = lines.indexOf('table inet tsoverlay {')
    const kept = rules < 0 ? lines : lines.slice(0, rules)
    return kept
      .map((line) => line.replaceAll(/_timer +[\d.]+|linkdown|\bforward_delay \d+/g, '').trim())
      .filter((line) => line !== '' && !OURS.test(line))
      .sort()
  }

  await t.test('with a plan and without, with a memory and without', async (t) => {
    const before = foreign()
    const first = await createDataplane({ netnsDir, logger: silent })
    t.same((await first.apply(PLAN)).failures, [])
    t.match(hostPicture().join('\n'), /10.32.3.0\/24 via 192.0.2.3 dev eth0/)
    t.same(foreign(), before)
    first.queueResync(HOST)
    t.same(await first.apply(PLAN), { written: 0, drift: 0, failures: [] })
    await first.close()
    const second = await createDataplane({ netnsDir, logger: silent })
    t.same((await second.apply(EMPTY)).failures, [])
    t.same(foreign(), before)
    t.same(ownRoutes(), [])
    t.same(
      (await second.foreignVxlans()).map(({ name }) => name),
      ['flannel.1'],
    )
    await second.close()
  })

  await t.test('a route in our way is named, and the others are made', async (t) => {
    run('ip', 'route', 'add', '10.32.3.0/24', 'via', '192.0.2.77')
    run('ip', '-6', 'route', 'add', 'fd32:0:0:3::/64', 'via', '2001:db8::77', 'dev', 'eth0')
    run('ip', 'route', 'add', 'blackhole', '10.32.4.0/24')
    const before = foreign()
    const dataplane = await createDataplane({ netnsDir, logger: silent })
    const { failures } = await dataplane.apply(PLAN)
    t.match(failures, [
      {
        item: { in: 'routes', name: 'eth0 10.32.3.0/24 0' },
        error: {
          code: 'KERNEL_FAILED',
          message: /somebody else’s route .* stays: 10.32.3.0\/24 via 192.0.2.77 dev eth0/,
        },
      },
      { item: { in: 'routes', name: 'eth0 fd32:0:0:3::/64 0' }, error: { message: /db8::77/ } },
      { item: { in: 'routes', name: 'eth0 10.32.4.0/24 0' }, error: { message: /type 6/ } },
    ])
    t.equal(failures.length, 3)
    t.same(foreign(), before)
    t.equal(ownRoutes().length, 3)
    run('ip', 'route', 'del', '10.32.3.0/24', 'via', '192.0.2.77')
    run('ip', '-6', 'route', 'del', 'fd32:0:0:3::/64', 'via', '2001:db8::77', 'dev', 'eth0')
    run('ip', 'route', 'del', 'blackhole', '10.32.4.0/24')
    t.same((await dataplane.apply(PLAN)).failures, [])
    t.equal(ownRoutes().length, 6)
    await dataplane.remove(HOST)
    await dataplane.close()
  })

  await t.test(
    'a route that others put before ours, or in its place, is not touched',
    async (t) => {
      const dataplane = await createDataplane({ netnsDir, logger: silent })
      t.same((await dataplane.apply(PLAN)).failures, [])
      run('ip', 'route', 'prepend', '10.32.3.0/24', 'via', '192.0.2.99')
      const routes = (PLAN.routes as readonly RoutePlan[]).map((route) =>
        route.via === '192.0.2.3' ? { ...route, via: '192.0.2.44' as Ip } : route,
      )
      const before = foreign()
      t.match(await dataplane.apply({ ...PLAN, routes }), { written: 1, failures: [] })
      t.same(foreign(), before)
      t.match(ownRoutes().join('\n'), '10.32.3.0/24 via 192.0.2.44 dev eth0')
      t.equal(ownRoutes().length, 6)
      run('ip', 'route', 'del', '10.32.3.0/24', 'via', '192.0.2.99')
      run('ip', 'route', 'replace', '10.32.3.0/24', 'via', '192.0.2.98')
      const taken = foreign()
      dataplane.queueResync(HOST)
      t.match((await dataplane.apply(PLAN)).failures, [{ error: { message: /via 192.0.2.98/ } }])
      t.same(foreign(), taken)
      await dataplane.remove(HOST)
      t.same(foreign(), taken)
      run('ip', 'route', 'del', '10.32.3.0/24', 'via', '192.0.2.98')
      await dataplane.close()
    },
  )

  await t.test('a link of others with a wanted name is left alone and named', async (t) => {
    run('ip', 'link', 'add', BRIDGE, 'type', 'ifb')
    const dataplane = await createDataplane({ netnsDir, logger: silent })
    const { failures } = await dataplane.apply(PLAN)
    t.match(failures[0], {
      item: { in: 'links', name: BRIDGE },
      error: { message: /of kind ifb, that this plugin did not make; it is left alone/ },
    })
    t.match(run('ip', '-d', 'link', 'show', BRIDGE), /ifb/)
    run('ip', 'link', 'del', BRIDGE)
    t.same((await dataplane.apply(PLAN)).failures, [])
    await dataplane.remove(HOST)
    await dataplane.close()
  })

  await t.test('a VNI that others have is refused, with their device', async (t) => {
    run('ip', 'link', 'add', 'swarm', 'type', 'vxlan', 'id', '300', 'dstport', '4789')
    const dataplane = await createDataplane({ netnsDir, logger: silent })
    const { failures } = await dataplane.apply(PLAN)
    t.match(failures[0], {
      item: { in: 'links', name: TUNNEL },
      error: { code: 'VNI_TAKEN', message: /swarm/ },
    })
    t.same(
      (await dataplane.foreignVxlans()).map(({ name }) => name),
      ['flannel.1', 'swarm'],
    )
    await dataplane.remove(HOST)
    await dataplane.close()
    run('ip', 'link', 'del', 'swarm')
  })

  await t.test('an address of a network of ours is none of the host', async (t) => {
    const dataplane = await createDataplane({ netnsDir, logger: silent })
    t.same((await dataplane.apply(PLAN)).failures, [])
    const code = 'UNDERLAY_UNKNOWN'
    await t.rejects(dataplane.underlay('10.32.0.0/16'), { code })
    await t.rejects(dataplane.underlay(BRIDGE), { code })
    const destinations = await dataplane.routes()
    t.notOk(destinations.includes('10.32.1.0/24' as Cidr))
    t.ok(destinations.includes('10.50.0.0/16' as Cidr))
    t.same((await dataplane.underlay('192.0.2.1')).vtep, '192.0.2.1' as Ip)
    await dataplane.remove(HOST)
    await dataplane.close()
  })

  await t.test('a plan of HOST is partial, then whole', async (t) => {
    const former = await createDataplane({ netnsDir, logger: silent })
    t.same((await former.apply(PLAN)).failures, [])
    await former.close()
    const dataplane = await createDataplane({ netnsDir, logger: silent })
    const known: Plan = {
      ...PLAN,
      neighbours: [],
      fdb: [],
      proxies: [],
      routes: [{ to: '10.60.0.0/24' as Cidr, dev: 'eth0', via: '192.0.2.3' as Ip }],
    }
    const result = await dataplane.apply({ ...known, partial: true })
    t.same(result, { written: 1, drift: 0, failures: [] })
    t.equal(ownRoutes().length, 7)
    t.match(hostPicture().join('\n'), /10.32.1.77 dev tsb-aaaaaaaaaa proxy/)
    t.same((await dataplane.apply(known)).failures, [])
    t.same(ownRoutes(), ['10.60.0.0/24 via 192.0.2.3 dev eth0'])
    t.notMatch(hostPicture().join('\n'), /10\.32\..* proxy$|neighbour|^fdb/m)
    await dataplane.remove(HOST)
    await dataplane.close()
  })
})
