/** What somebody changes of ours in the host's own namespace is put right; what is not ours makes no pass. */
import { familyOf } from '../../src/core/ip.js'
import { HOST, type Plan } from '../../src/core/plan.js'
import type { ApplyResult } from '../../src/core/ports.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import { BRIDGE, EMPTY, hostPicture, makeUnderlay, PLAN, PORT, TUNNEL } from './host-place.js'
import { makeNetnsDir, onThrowAwayHost, run, silent, unmountNetnsDir, until } from './kernel.js'

const OTHER_MAC = '02:42:00:00:02:77'
/** Each is a command. */
const CHANGES = [
  `ip link del ${BRIDGE}`,
  `ip link del ${TUNNEL}`,
  `ip link del ${PORT}`,
  `ip link set ${BRIDGE} down`,
  `ip link set ${TUNNEL} down`,
  `ip link set ${TUNNEL} address ${OTHER_MAC}`,
  `ip link set ${TUNNEL} mtu 1400`,
  `ip link set ${TUNNEL} master ${BRIDGE}`,
  `ip link set ${PORT} nomaster`,
  `ip link add tsb-leftover type bridge`,
  `ip addr del 10.32.1.1/24 dev ${BRIDGE}`,
  `ip addr add 10.99.0.1/24 dev ${BRIDGE}`,
  `ip addr del 10.32.1.0/32 dev ${TUNNEL}`,
  `ip route del 10.32.1.0/24 dev ${BRIDGE}`,
  'ip route del 10.32.2.0/24',
  'ip route del 10.32.3.0/24 via 192.0.2.3',
  'ip -6 route del fd32:0:0:3::/64 via 2001:db8::3 dev eth0',
  'ip route del blackhole 10.32.1.0/24',
  'ip route add 10.88.0.0/24 via 192.0.2.3 proto 116',
  `ip neigh del 10.32.2.0 dev ${TUNNEL}`,
  `bridge fdb del 02:42:00:00:02:02 dev ${TUNNEL} self`,
  `bridge fdb del 02:42:0a:20:01:02 dev ${PORT} master`,
  'nft flush ruleset',
  'sysctl -qw net.ipv4.ip_forward=0',
  'sysctl -qw net.ipv6.conf.all.forwarding=0',
  `sysctl -qw net.ipv4.conf.${BRIDGE}.forwarding=0`,
  // the kernel tells nothing of the routes that go
  'ip link set eth0 down; ip link set eth0 up; ip addr add 2001:db8::1/64 dev eth0 nodad',
  `ip link set ${TUNNEL} down; ip link set ${TUNNEL} up`,
  'ip addr del 192.0.2.1/24 dev eth0; ip addr add 192.0.2.1/24 dev eth0',
  'ip addr del 192.0.2.1/24 dev eth0; sleep 0.3; ip addr add 192.0.2.1/24 dev eth0',
  'ip link set eth0 down; ip addr del 192.0.2.1/24 dev eth0; ip link set eth0 up; ip addr add 2001:db8::1/64 dev eth0 nodad; sleep 0.3; ip addr add 192.0.2.1/24 dev eth0',
] as const
/** As a container of another network comes and goes, a neighbour moves, and Docker makes a network. */
const NOISE = [
  'ip link add vetha type veth peer name vethb',
  'ip link set vetha master docker0 up',
  'ip link set vethb up',
  'ip addr add 172.17.0.2/16 dev vethb',
  'ip neigh replace 192.0.2.50 lladdr 02:aa:00:00:00:50 dev eth0 nud reachable',
  'ip link del vetha',
  'ip link add br-new type bridge',
  'ip addr add 172.18.0.1/16 dev br-new',
  'ip link set br-new up',
  'ip route add 10.70.0.0/16 via 192.0.2.8',
  'ip route del 10.70.0.0/16',
  'ip link del br-new',
] as const

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  makeUnderlay()
  run('ip', 'link', 'add', 'docker0', 'type', 'bridge')
  run('ip', 'link', 'set', 'docker0', 'up')
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  let plan: Plan = PLAN
  const results: Promise<ApplyResult>[] = []
  // as the reconciler does
  dataplane.onDrift((place) => {
    if (place === HOST) results.push(dataplane.apply(plan))
  })
  t.teardown(async () => {
    await dataplane.close()
    unmountNetnsDir(netnsDir)
  })
  const idle = () => new Promise((resolve) => setTimeout(resolve, 400))
  const seen = (): string => hostPicture().join('\n')

  t.same((await dataplane.apply(PLAN)).failures, [])
  const before = seen()

  for (const change of CHANGES) {
    await t.test(change, async (t) => {
      await idle()
      await Promise.all(results)
      results.length = 0
      run('sh', '-c', change)
      const start = Date.now()
      await until(() => results.length > 0 && seen() === before)
      t.equal(seen(), before)
      const drifts = (await Promise.all(results)).map(({ drift, written }) => drift + written)
      t.ok(drifts.some((changed) => changed > 0))
      t.comment(`repaired within ${Date.now() - start} ms`)
    })
  }

  await t.test('a device that is down for a moment, with routes of IPv4 alone', async (t) => {
    plan = { ...PLAN, routes: [...(PLAN.routes ?? [])].filter(({ to }) => familyOf(to) === 4) }
    t.same((await dataplane.apply(plan)).failures, [])
    const four = seen()
    for (const dev of ['eth0', TUNNEL]) {
      await idle()
      // one process for both: the notices come together
      run('sh', '-c', `printf 'link set ${dev} down\nlink set ${dev} up\n' | ip -batch -`)
      if (dev === 'eth0') run('ip', 'addr', 'add', '2001:db8::1/64', 'dev', dev, 'nodad')
      t.not(seen(), four, 'its routes went')
      await until(() => seen() === four)
      t.equal(seen(), four, dev)
    }
    plan = PLAN
    t.same((await dataplane.apply(plan)).failures, [])
  })

  await t.test('noise of others makes no pass', async (t) => {
    await idle()
    await Promise.all(results)
    results.length = 0
    for (let turn = 0; turn < 3; turn += 1) for (const command of NOISE) run('sh', '-c', command)
    await idle()
    t.equal(results.length, 0)
    t.equal(seen(), before)
    // rules of others are looked at, once
    run('nft', 'add', 'table', 'inet', 'other')
    await until(() => results.length > 0)
    await idle()
    t.same(await Promise.all(results), [{ written: 0, drift: 0, failures: [] }])
    run('nft', 'delete', 'table', 'inet', 'other')
  })

  await t.test('our own writes are no drift', async (t) => {
    await idle()
    await Promise.all(results)
    results.length = 0
    plan = EMPTY
    t.same((await dataplane.apply(plan)).failures, [])
    await idle()
    plan = PLAN
    t.same((await dataplane.apply(plan)).failures, [])
    await idle()
    t.same(await Promise.all(results), [])
    t.equal(seen(), before)
  })

  await t.test('without links of ours nothing is heard but rules', async (t) => {
    plan = { ...EMPTY, ...(PLAN.strangers && { strangers: PLAN.strangers }) }
    t.same((await dataplane.apply(plan)).failures, [])
    await idle()
    await Promise.all(results)
    results.length = 0
    run('ip', 'link', 'add', 'tsb-late', 'type', 'bridge')
    await idle()
    t.equal(results.length, 0)
    run('nft', 'flush', 'ruleset')
    await until(() => results.length > 0)
    t.same((await Promise.all(results)).at(-1)?.failures, [])
    t.match(run('nft', 'list', 'ruleset'), /inet tsoverlay/)
    dataplane.queueResync(HOST)
    t.match(await dataplane.apply(plan), { failures: [] })
    t.notMatch(run('ip', 'link'), /tsb-late/)
  })
})
