/** Every flag of `docker network create` and of the addresses in `docker run`, on real dockerds. */
import t from 'tap'
import { expectNoPing, expectPing, pingAll } from '../lab/conncheck.js'
import { addressOf, createNetwork, DRIVER, runSleeper, sandboxOf } from '../lab/tsoverlay.js'
import { createOn, inContainer, inNetwork, refusedRun, sentBy } from './clusterwide.js'
import { resolvesSoon } from './names.js'
import { sharedLab } from './shared-lab.js'
import { eventually, fdb, neighbours } from './traces.js'

const MTU = 'com.docker.network.driver.mtu'
const VNIS = 'com.docker.network.driver.overlay.vxlanid_list'
const TWO_SUBNETS = ['--subnet', '10.21.0.0/24', '--subnet', '10.20.0.0/24']
const DUAL = ['--ipv6', '--subnet', '10.20.0.0/16', '--subnet', 'fd20::/64']

t.test('several --subnet: a bridge and a vxlan device each, routed between', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createOn([one, two], 'blue', [...TWO_SUBNETS, '-o', `${VNIS}=700,701`])
  await runSleeper(one, 'c20', 'blue', ['--ip', '10.20.0.10'])
  await runSleeper(one, 'c21', 'blue', ['--ip', '10.21.0.10'])
  await runSleeper(two, 'd20', 'blue', ['--ip', '10.20.0.20'])
  await runSleeper(two, 'd21', 'blue', ['--ip', '10.21.0.20'])

  t.test('each subnet has its gateway, its VNI and its bridge', async (t) => {
    for (const host of [one, two]) {
      const show = await inNetwork(host, 'blue', 'ip -o -4 addr; ip -o -d link show type vxlan')
      t.match(show, /br0 +inet 10\.20\.0\.1\/24/)
      t.match(show, /br1 +inet 10\.21\.0\.1\/24/)
      t.match(show, /vxlan0.* master br0 .* vxlan id 700 /)
      t.match(show, /vxlan1.* master br1 .* vxlan id 701 /)
    }
  })

  t.test('a managed plugin has switched forwarding on in the sandbox', async (t) => {
    const names = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding']
    t.equal(await inNetwork(one, 'blue', `sysctl -n ${names.join(' ')}`), '1\n1\n')
    const ipv6 = 'sysctl -n net.ipv6.conf.br0.accept_ra net.ipv6.conf.br0.disable_ipv6'
    t.equal(await inNetwork(one, 'blue', ipv6), '0\n0\n')
  })

  t.test('the container goes to the other subnet by the gateway of its own', async (t) => {
    const routes = await inContainer(one, 'c20', 'ip route')
    t.match(routes, /^10\.21\.0\.0\/24 via 10\.20\.0\.1 dev eth0/m)
    t.match(await inContainer(one, 'c21', 'ip route'), /^10\.20\.0\.0\/24 via 10\.21\.0\.1 /m)
  })

  t.test('all reach each other and both gateways', async () => {
    const targets = ['10.20.0.10', '10.21.0.10', '10.20.0.20', '10.21.0.20']
    const all = [...targets, '10.20.0.1', '10.21.0.1']
    const from = [
      { from: one, container: 'c20' },
      { from: one, container: 'c21' },
      { from: two, container: 'd20' },
      { from: two, container: 'd21' },
    ]
    await pingAll(from.flatMap((source) => all.map((to) => ({ ...source, to }))))
  })

  t.test('the host of the sender routes: out on the vxlan device of the destination', async (t) => {
    const before = [await sentBy(one, 'blue', 'vxlan0'), await sentBy(one, 'blue', 'vxlan1')]
    await inContainer(one, 'c20', 'ping -c 5 -i 0.2 10.21.0.20')
    const after = [await sentBy(one, 'blue', 'vxlan0'), await sentBy(one, 'blue', 'vxlan1')]
    t.equal(after[0], before[0])
    t.ok((after[1] ?? 0) - (before[1] ?? 0) >= 5)
  })
})

t.test('--gateway, --ip-range and --aux-address', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  const flags = ['--subnet', '10.20.0.0/16', '--gateway', '10.20.255.254']
  flags.push('--ip-range', '10.20.7.0/28', '--aux-address', 'router=10.20.7.3')
  await createOn([one, two], 'blue', flags)
  const names = Array.from({ length: 6 }, (_, at) => `c${at}`)
  for (const name of names) await runSleeper(one, name, 'blue')
  await runSleeper(two, 'other', 'blue')
  const addresses = await Promise.all(names.map((name) => addressOf(one, name, 'blue')))
  for (const address of addresses) t.match(address, /^10\.20\.7\.(\d|1[0-5])$/)
  t.notOk(addresses.includes('10.20.7.3'), 'the auxiliary address is given to nobody')
  t.match(await refusedRun(two, 'blue', ['--ip', '10.20.7.3']), /10\.20\.7\.3 .*reserved/)
  t.match(await refusedRun(two, 'blue', ['--ip', '10.20.255.254']), /reserved/)
  for (const host of [one, two]) {
    t.match(await inNetwork(host, 'blue', 'ip -o addr show br0'), /10\.20\.255\.254\/16/)
  }
  await expectPing(one, 'c0', '10.20.255.254')
  await expectPing(one, 'c0', await addressOf(two, 'other', 'blue'))
})

t.test('--ipv6 beside IPv4, across hosts', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createOn([one, two], 'dual', [...DUAL, '--gateway', 'fd20::fe'])
  await runSleeper(one, 'ca', 'dual', ['--ip6', 'fd20::a'])
  await runSleeper(two, 'cb', 'dual', ['--ip6', 'fd20::b'])
  const mac = (await inContainer(two, 'cb', 'cat /sys/class/net/eth0/address')).trim()

  t.test('both families are reached, the gateway, too', async () => {
    await expectPing(one, 'ca', await addressOf(two, 'cb', 'dual'))
    for (const to of ['fd20::b', 'fd20::fe']) await expectPing(one, 'ca', to)
    await expectPing(two, 'cb', 'fd20::a')
  })

  t.test('the peer’s IPv6 address is a permanent neighbour with its MAC', async (t) => {
    const known = await neighbours(one, await sandboxOf(one, 'dual'))
    t.equal(known.get('fd20::b'), mac)
    t.equal(known.size, 2)
  })

  t.test('neighbour discovery is answered here: nothing is flooded', async (t) => {
    const before = await sentBy(one, 'dual', 'vxlan0')
    await inContainer(one, 'ca', 'ip -6 neigh flush dev eth0; ping -c 3 -i 0.2 fd20::b')
    const sent = (await sentBy(one, 'dual', 'vxlan0')) - before
    t.ok(sent >= 3 && sent <= 4, `three echo requests, at most a unicast answer: ${sent}`)
  })

  t.test('addresses are not tentative, gateways are without duplicate detection', async (t) => {
    const show = await inContainer(one, 'ca', 'ip -6 addr show eth0 scope global')
    t.match(show, /fd20::a\/64/)
    t.notMatch(show, /tentative|dadfailed/)
    const gateway = await inNetwork(one, 'dual', 'ip -6 addr show br0 scope global')
    t.match(gateway, /fd20::fe\/64 .*nodad/)
  })

  t.test('--ip6 that another host’s container holds is refused', async (t) => {
    t.match(await refusedRun(one, 'dual', ['--ip6', 'fd20::b']), /fd20::b .*held by .* host h2/)
    t.match(await refusedRun(one, 'dual', ['--ip6', 'fd20::fe']), /fd20::fe .*reserved/)
    t.match(await refusedRun(one, 'dual', ['--ip6', 'fd21::1']), /fd21::1|no configured subnet/)
  })

  t.test('large packets pass over IPv6', async () => {
    await inContainer(one, 'ca', 'ping -c 2 -s 6000 fd20::b')
  })
})

t.test('several subnets of both families: any combination reaches any', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  const flags = ['--ipv6', ...TWO_SUBNETS, '--subnet', 'fd21::/64', '--subnet', 'fd20::/64']
  await createOn([one, two], 'mixed', [...flags, '-o', `${VNIS}=800`])
  await runSleeper(one, 'ca', 'mixed', ['--ip', '10.20.0.10', '--ip6', 'fd20::10'])
  await runSleeper(one, 'cb', 'mixed', ['--ip', '10.20.0.11', '--ip6', 'fd21::11'])
  await runSleeper(two, 'cc', 'mixed', ['--ip', '10.21.0.12', '--ip6', 'fd20::12'])
  await runSleeper(two, 'cd', 'mixed', ['--ip', '10.21.0.13', '--ip6', 'fd21::13'])
  const links = await inNetwork(one, 'mixed', 'ip -o link')
  t.match(links, /vxlan0/)
  t.notMatch(links, /vxlan1|br1/, 'a container has one interface, so there is one segment')
  const targets = ['10.20.0.10', '10.20.0.11', '10.21.0.12', '10.21.0.13']
  targets.push('fd20::10', 'fd21::11', 'fd20::12', 'fd21::13')
  const gateways = ['10.20.0.1', '10.21.0.1', 'fd20::1', 'fd21::1']
  const from = [
    { from: one, container: 'ca' },
    { from: one, container: 'cb' },
    { from: two, container: 'cc' },
    { from: two, container: 'cd' },
  ]
  await pingAll(
    from.flatMap((source) => [...targets, ...gateways].map((to) => ({ ...source, to }))),
  )
})

t.test('--internal with several subnets of both families', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  const flags = ['--internal', '--ipv6', ...TWO_SUBNETS, '--subnet', 'fd20::/64']
  await createOn([one, two], 'inner', flags)
  await runSleeper(one, 'ca', 'inner', ['--ip', '10.20.0.10', '--ip6', 'fd20::10', '-p', '8080:80'])
  await runSleeper(two, 'cb', 'inner', ['--ip', '10.21.0.11', '--ip6', 'fd20::11'])
  const state = await inContainer(one, 'ca', 'ip -o link; ip route; ip -6 route')
  t.notMatch(state, /default|eth1/)
  for (const to of ['10.21.0.11', 'fd20::11']) await expectPing(one, 'ca', to)
  const published = await two.sh(
    ['busybox', 'wget', '-q', '-T', '2', '-O', '-', `http://${one.address}:8080/`],
    { check: false },
  )
  t.not(published.code, 0, '-p has no effect')
})

t.test('--ipv6 without an IPv4 subnet', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  const help = (await one.docker(['network', 'create', '--help'])).stdout
  if (!help.includes('--ipv4')) {
    await createNetwork(one, 'six', ['--ipv6', '--subnet', 'fd20::/64'])
    await runSleeper(one, 'ca', 'six')
    t.match(await addressOf(one, 'ca', 'six'), /^10\./, 'this dockerd demands IPv4, IPAM chooses')
    t.match(await inContainer(one, 'ca', 'ip -6 addr show eth0'), /fd20::2\/64/)
    return
  }
  const flags = ['--ipv4=false', '--ipv6', '--subnet', 'fd20::/64', '--subnet', 'fd21::/64']
  await createOn([one, two], 'six', flags)
  await runSleeper(one, 'ca', 'six', ['--ip6', 'fd20::10'])
  await runSleeper(one, 'cb', 'six', ['--ip6', 'fd21::10'])
  await runSleeper(two, 'cc', 'six', ['--ip6', 'fd20:0:0:0:7::10'])
  await runSleeper(two, 'cd', 'six', ['--ip6', 'fd21::20'])
  t.notMatch(await inContainer(one, 'ca', 'ip addr show eth0'), /inet /)
  t.match(await inNetwork(one, 'six', 'ip -o link'), /vxlan1/, 'a segment per subnet')
  const targets = ['fd20::1', 'fd21::1', 'fd20::10', 'fd21::10', 'fd20::7:0:0:10', 'fd21::20']
  const from = [
    { from: one, container: 'ca' },
    { from: one, container: 'cb' },
    { from: two, container: 'cc' },
    { from: two, container: 'cd' },
  ]
  await pingAll(from.flatMap((source) => targets.map((to) => ({ ...source, to }))))
})

t.test('--mac-address: the peers know it for both families', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createOn([one, two], 'dual', DUAL)
  await runSleeper(two, 'watcher', 'dual')
  const mac = '02:42:de:ad:be:ef'
  await runSleeper(one, 'ca', 'dual', ['--mac-address', mac, '--ip6', 'fd20::a'])
  const sandbox = await sandboxOf(two, 'dual')
  const known = await eventually(
    () => neighbours(two, sandbox),
    (map) => map.size === 2,
  )
  t.equal(known.get('fd20::a'), mac)
  t.equal(known.get(await addressOf(one, 'ca', 'dual')), mac)
  t.equal((await fdb(two, sandbox)).get(mac), one.address)
  await expectPing(two, 'watcher', 'fd20::a')
})

t.test('--link-local-ip: on the interface, and reached on the same host only', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createOn([one, two], 'dual', DUAL)
  const flags = (n: number) => [
    '--link-local-ip',
    `169.254.7.${n}`,
    '--link-local-ip',
    `fe80::7:${n}`,
  ]
  await runSleeper(one, 'ca', 'dual', flags(1))
  await runSleeper(one, 'cb', 'dual', flags(2))
  await runSleeper(two, 'cc', 'dual', flags(3))
  const addresses = await inContainer(one, 'ca', 'ip addr show eth0')
  t.match(addresses, /inet 169\.254\.7\.1\//)
  t.match(addresses, /inet6 fe80::7:1\//)
  await expectPing(one, 'ca', '169.254.7.2')
  await expectNoPing(one, 'ca', '169.254.7.3')
})

t.test('--network-alias and container names: known on all hosts, behind --add-host', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createOn([one, two], 'blue', ['--subnet', '10.20.0.0/16'])
  await runSleeper(one, 'web', 'blue', ['--network-alias', 'shop'])
  await runSleeper(one, 'here', 'blue')
  const address = await addressOf(one, 'web', 'blue')
  await runSleeper(two, 'there', 'blue')
  await runSleeper(two, 'set', 'blue', [
    '--add-host',
    'shop:10.20.99.99',
    '--add-host',
    `at:${address}`,
  ])
  for (const name of ['shop', 'web']) {
    await expectPing(one, 'here', name)
    t.same(await resolvesSoon(two, 'there', name, [address]), [address])
    await expectPing(two, 'there', name)
  }
  await expectPing(two, 'set', 'at')
  await expectNoPing(two, 'set', 'shop')
})

t.test('the MTU option is that of every device, and IPv6 needs 1280', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createOn([one, two], 'dual', [...DUAL, '-o', `${MTU}=1300`])
  await runSleeper(one, 'ca', 'dual', ['--ip6', 'fd20::a'])
  await runSleeper(two, 'cb', 'dual', ['--ip6', 'fd20::b'])
  const links = await inNetwork(one, 'dual', 'ip -o link')
  const devices = links.split('\n').filter((line) => /^\d+: (br|vxlan|veth)/.test(line))
  t.equal(devices.length, 3)
  for (const line of devices) t.match(line, / mtu 1300 /)
  t.equal(await inContainer(one, 'ca', 'cat /sys/class/net/eth0/mtu'), '1300\n')
  await inContainer(one, 'ca', 'ping -c 2 -s 4000 fd20::b')
  const argv = ['network', 'create', '-d', DRIVER, '--ipam-driver', DRIVER, '--ipv6']
  const subnets = ['--subnet', '10.30.0.0/16', '--subnet', 'fd30::/64', '-o', `${MTU}=1279`]
  const { stderr } = await one.docker([...argv, ...subnets, 'small'], { check: false })
  t.match(stderr, /mtu=1279 is not valid: allowed is 1280 to 1450/)
})

t.test('--attachable, --label and options of endpoints are Docker’s own', async (t) => {
  const lab = await sharedLab(t)
  const host = lab.host(1)
  await createOn([host], 'blue', ['--subnet', '10.20.0.0/16', '--attachable', '--label', 'a=b'])
  const format = '{{.Attachable}} {{index .Labels "a"}}'
  const { stdout } = await host.docker(['network', 'inspect', '-f', format, 'blue'])
  t.equal(stdout, 'true b\n')
  const network = 'name=blue,alias=shop,driver-opt=colour=blue,ip=10.20.3.4'
  await host.docker(['run', '-d', '--name', 'ca', '--network', network, 'lab', 'sleep', '3600'])
  t.equal(await addressOf(host, 'ca', 'blue'), '10.20.3.4', 'unknown driver options are let pass')
})
