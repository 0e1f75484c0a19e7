/** VTEPs over IPv6, and a cluster that mixes both families. */
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { expectNoPing, expectPing, pingAll } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { askAdmin } from '../lab/plugin-call.js'
import { addressOf, DRIVER, PLUGIN, runSleeper, sandboxOf } from '../lab/tsoverlay.js'
import { createOn, inContainer, inNetwork } from './clusterwide.js'
import { sharedLab } from './shared-lab.js'
import { eventually, fdb, neighbours } from './traces.js'

/** Every host of the lab has one address in it. */
const IPV6 = 'fd10::/16'
const DUAL = ['--ipv6', '--subnet', '10.20.0.0/16', '--subnet', 'fd20::/64']

interface Status {
  readonly host: { readonly vtep: string }
  readonly kernel: { readonly failures: number; readonly drift: number }
  readonly networks: readonly { readonly peers: number; readonly parted: readonly string[] }[]
}

async function statusOf(host: Host): Promise<Status> {
  const answer = await askAdmin(host, '/status')
  return answer.body as unknown as Status
}

/** How often the host's log says that h3 is not reached. */
async function timesTold(host: Host): Promise<number> {
  const lines = (await host.dockerd.log(5_000)).split('\n')
  return lines.filter((line) => line.includes('host not reached') && /\bh3\b/.test(line)).length
}

async function setAdvertise(host: Host, value: string): Promise<void> {
  await host.docker(['plugin', 'disable', '-f', PLUGIN])
  await host.docker(['plugin', 'set', PLUGIN, `ADVERTISE=${value}`])
  await host.docker(['plugin', 'enable', PLUGIN])
}

/** The hosts have IPv6 VTEPs until the test ends. */
async function advertiseIpv6(t: Test, hosts: readonly Host[]): Promise<void> {
  await Promise.all(hosts.map((host) => setAdvertise(host, IPV6)))
  t.teardown(() => Promise.all(hosts.map((host) => setAdvertise(host, ''))))
}

t.test('VTEPs over IPv6', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await advertiseIpv6(t, lab.hosts)
  await createOn(lab.hosts, 'blue', DUAL)
  for (const host of lab.hosts) await runSleeper(host, host.name, 'blue')
  const placed = await Promise.all(
    lab.hosts.map(async (host) => ({ host, ip: await addressOf(host, host.name, 'blue') })),
  )

  t.test('containers of all hosts reach each other', async () => {
    await pingAll(
      placed.flatMap(({ host }) =>
        placed.map(({ ip }) => ({ from: host, container: host.name, to: ip })),
      ),
    )
    const ip6 = /fd20::\S+(?=\/)/.exec(await inContainer(two, 'h2', 'ip -6 addr show eth0'))
    await expectPing(one, 'h1', ip6?.[0] ?? 'fd20::2')
  })

  const { stdout: help } = await one.docker(['network', 'create', '--help'])
  const skip = help.includes('--ipv4') ? false : 'IPv6 alone needs Docker 28'
  t.test('two routed subnets without any IPv4, inside and outside', { skip }, async (t) => {
    const flags = ['--ipv4=false', '--ipv6', '--subnet', 'fd30::/64', '--subnet', 'fd31::/64']
    await createOn([one, two], 'six', flags)
    await runSleeper(one, 'ca', 'six', ['--ip6', 'fd30::10'])
    await runSleeper(two, 'cb', 'six', ['--ip6', 'fd31::10'])
    t.match(await inNetwork(one, 'six', 'ip -o link'), /vxlan1/, 'a segment per subnet')
    for (const to of ['fd31::10', 'fd31::1']) await expectPing(one, 'ca', to)
    for (const to of ['fd30::10', 'fd30::1']) await expectPing(two, 'cb', to)
    await inContainer(one, 'ca', 'ping -c 2 -s 6000 fd31::10')
    t.notMatch(await inContainer(one, 'ca', 'ip addr show eth0'), /inet /)
  })

  t.test('packets go from IPv6 to IPv6', async (t) => {
    const { vtep } = (await statusOf(one)).host
    t.match(vtep, /^fd10:/)
    const vxlan = await inNetwork(one, 'blue', 'ip -o -d link show vxlan0')
    t.ok(vxlan.includes(`local ${vtep} `))
    const vteps = [...(await fdb(one, await sandboxOf(one, 'blue'))).values()]
    t.equal(vteps.length, 2)
    for (const dst of vteps) t.match(dst, /^fd10:/)
  })

  t.test('the MTU is 70 less than the underlay’s, and full packets pass', async (t) => {
    t.equal(await inContainer(one, 'h1', 'cat /sys/class/net/eth0/mtu'), '1430\n')
    await inContainer(one, 'h1', `ping -c 2 -s 8000 ${placed[1]?.ip}`)
    const flags = ['--subnet', '10.30.0.0/16', '-o', 'com.docker.network.driver.mtu=1431']
    const argv = ['network', 'create', '-d', DRIVER, '--ipam-driver', DRIVER, ...flags, 'large']
    const { stderr } = await one.docker(argv, { check: false })
    t.match(stderr, /mtu=1431 is not valid: allowed is 576 to 1430/)
  })
})

t.test('a host whose VTEP is of the other family is named, not fought with', async (t) => {
  const lab = await sharedLab(t)
  const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]
  await advertiseIpv6(t, [one, two])
  // While the VTEPs of a test before changed one by one, hosts were parted for a moment.
  const toldBefore = await timesTold(one)
  await createOn(lab.hosts, 'blue', DUAL)
  for (const host of lab.hosts) await runSleeper(host, host.name, 'blue')
  const onTwo = await addressOf(two, 'h2', 'blue')
  const onThree = await addressOf(three, 'h3', 'blue')
  await expectPing(one, 'h1', onTwo)
  const parted = await eventually(
    () => statusOf(one),
    (status) => status.networks[0]?.parted.length === 1,
  )
  t.match(parted.networks, [{ peers: 1, parted: ['h3'] }])
  t.same((await statusOf(three)).networks[0]?.parted, ['h1', 'h2'])
  await expectNoPing(one, 'h1', onThree)
  t.notOk((await neighbours(one, await sandboxOf(one, 'blue'))).has(onThree))

  t.test('no write is refused and repeated, and the log says it once', async (t) => {
    const before = (await statusOf(one)).kernel
    await sleep(2_500)
    t.same((await statusOf(one)).kernel, before)
    t.equal((await timesTold(one)) - toldBefore, 1)
  })

  t.test('it is reached as soon as its VTEP is of the same family', async () => {
    await setAdvertise(three, IPV6)
    t.teardown(() => setAdvertise(three, ''))
    await expectPing(one, 'h1', onThree)
  })
})
