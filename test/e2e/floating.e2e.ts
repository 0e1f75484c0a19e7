/** An address that containers announce moves among them, on one host and between hosts. */
import t, { type Test } from 'tap'
import { expectNoPing, expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { createNetwork, DRIVER, PLUGIN, runSleeper } from '../lab/tsoverlay.js'
import { sharedLab } from './shared-lab.js'
import { eventually } from './traces.js'

const VIP = '10.72.0.100'
const VIP6 = 'fd72::100'
/** The row's bound is 1 s; the rest is for a busy machine and the start of `docker exec`. */
const SOON = { withinMs: 4_000 }

const exec = (host: Host, name: string, command: string) =>
  host.docker(['exec', name, 'sh', '-c', command], { check: false })

/** As keepalived does it: the address, then gratuitous ARP. */
async function take(host: Host, name: string, ip = VIP): Promise<void> {
  await exec(host, name, `ip addr add ${ip}/32 dev eth0; arping -U -c 1 -w 1 -I eth0 ${ip}`)
}

const drop = (host: Host, name: string, ip = VIP) =>
  exec(host, name, `ip addr del ${ip}/32 dev eth0`)

const cli = (host: Host, command: string) =>
  host.sh(['sh', '/run/tsoverlay/cli', command], { check: false, timeoutMs: 60_000 })

/** Lines of `tsoverlay endpoints` with the address. */
async function holders(host: Host, ip = VIP): Promise<string[]> {
  const { stdout } = await cli(host, 'endpoints')
  return stdout.split('\n').filter((line: string) => line.includes(`${ip} (floating)`))
}

async function withNetwork(t: Test, options: readonly string[] = []): Promise<Lab> {
  const lab = await sharedLab(t)
  const flags = ['--subnet', '10.72.0.0/16', '--aux-address', `vip=${VIP}`, '-o', 'floating=on']
  for (const host of lab.hosts) await createNetwork(host, 'vips', [...flags, ...options])
  const [h1, h2, h3] = [lab.host(1), lab.host(2), lab.host(3)]
  const admin = ['--cap-add', 'NET_ADMIN', '--cap-add', 'NET_RAW']
  await runSleeper(h1, 'a1', 'vips', admin)
  await runSleeper(h1, 'a2', 'vips', admin)
  await runSleeper(h2, 'b1', 'vips', admin)
  await runSleeper(h3, 'c1', 'vips', admin)
  return lab
}

/** Which container answers: each has a file of its name served by httpd. */
async function reached(t: Test, lab: Lab, holder: string): Promise<void> {
  const [h1, h2, h3] = [lab.host(1), lab.host(2), lab.host(3)]
  const from: readonly (readonly [Host, string])[] = [
    [h3, 'c1'],
    [h1, 'a1'],
    [h1, 'a2'],
    [h2, 'b1'],
  ]
  for (const [host, name] of from) {
    if (name === holder) continue
    const running = await host.docker(['ps', '-q', '-f', `name=^${name}$`])
    if (running.stdout === '') continue
    const started = Date.now()
    const ask = `wget -T 1 -q -O - http://${VIP}:8080/name`
    const said = await eventually(
      async () => (await exec(host, name, ask)).stdout.trim(),
      (text) => text === holder,
      SOON.withinMs,
    )
    t.equal(said, holder, `${name} reaches ${holder}, ${Date.now() - started} ms`)
  }
}

t.test('an announced address is reached from all hosts and moves', async (t) => {
  const lab = await withNetwork(t)
  const [h1, h2, h3] = [lab.host(1), lab.host(2), lab.host(3)]
  for (const [host, name] of [
    [h1, 'a1'],
    [h1, 'a2'],
    [h2, 'b1'],
    [h3, 'c1'],
  ] as const) {
    await exec(host, name, `mkdir /w; echo ${name} > /w/name; httpd -p 8080 -h /w`)
  }
  await expectNoPing(h3, 'c1', VIP)
  await take(h1, 'a1')
  await reached(t, lab, 'a1')
  t.match(await holders(h3), [/^\S+ +\S+ +h1 /], 'it is listed')
  const { stdout } = await cli(h1, 'status')
  t.match(stdout, /2 \(1 floating\)/)

  t.comment('within the host')
  await drop(h1, 'a1')
  await take(h1, 'a2')
  await reached(t, lab, 'a2')
  t.comment('to another host')
  await drop(h1, 'a2')
  await take(h2, 'b1')
  await reached(t, lab, 'b1')
  t.equal((await holders(h3)).length, 1, 'the one before has it no longer')
  t.comment('the holder is killed')
  await h2.docker(['rm', '-f', 'b1'])
  await eventually(
    () => holders(h3),
    (lines) => lines.length === 0,
    10_000,
  )
  await take(h1, 'a1')
  await reached(t, lab, 'a1')
  t.comment('the plugin of the holder is made anew, the other announces and gives back')
  await drop(h1, 'a1')
  await take(h3, 'c1')
  await reached(t, lab, 'c1')
  await drop(h3, 'c1')
  await take(h1, 'a1')
  await reached(t, lab, 'a1')
  await h1.docker(['plugin', 'disable', '-f', PLUGIN], { timeoutMs: 60_000 })
  await expectPing(h3, 'c1', VIP, SOON)
  await h1.docker(['plugin', 'enable', PLUGIN], { timeoutMs: 60_000 })
  await expectPing(h3, 'c1', VIP, { withinMs: 15_000 })
  t.equal((await holders(h3)).length, 1)
})

t.test('only a floating address can be announced, and only with the own MAC', async (t) => {
  const lab = await withNetwork(t)
  const [h1, h3] = [lab.host(1), lab.host(3)]
  await take(h1, 'a1', '10.72.0.101')
  await expectNoPing(h3, 'c1', '10.72.0.101')
  t.strictSame(await holders(h3, '10.72.0.101'), [])
  const vmac =
    'ip link add v0 link eth0 address 00:00:5e:00:01:33 type macvlan && ip link set v0 up'
  await exec(h1, 'a1', `${vmac}; ip addr add ${VIP}/32 dev v0; arping -U -c 1 -w 1 -I v0 ${VIP}`)
  await eventually(
    async () => (await cli(h1, 'status')).stdout,
    (text) => text.includes('announces 10.72.0.100 with the MAC 00:00:5e:00:01:33'),
    5_000,
  )
  t.strictSame(await holders(h3), [])
})

t.test('an IPv6 address by a neighbour advertisement', async (t) => {
  const six = ['--ipv6', '--subnet', 'fd72::/64', '--aux-address', `vip6=${VIP6}`]
  const lab = await withNetwork(t, six)
  const [h1, h2, h3] = [lab.host(1), lab.host(2), lab.host(3)]
  const take6 = (host: Host, name: string) => exec(host, name, `ip addr add ${VIP6}/64 dev eth0`)
  for (const [host, name] of [
    [h1, 'n1'],
    [h2, 'n2'],
  ] as const) {
    const flags = ['--cap-add', 'NET_ADMIN', '--sysctl', 'net.ipv6.conf.all.ndisc_notify=1']
    await runSleeper(host, name, 'vips', flags)
  }
  await take6(h1, 'n1')
  await expectPing(h3, 'c1', VIP6, { withinMs: 8_000 })
  await exec(h1, 'n1', `ip addr del ${VIP6}/64 dev eth0`)
  await take6(h2, 'n2')
  await eventually(
    () => holders(h3, VIP6),
    (lines) => lines.some((line) => / h2 /.test(line)),
    8_000,
  )
  await expectPing(h3, 'c1', VIP6, { withinMs: 4_000 })
  await expectPing(h1, 'a1', VIP6, { withinMs: 4_000 })
})

t.test('floating=on without an auxiliary address is refused', async (t) => {
  const lab = await sharedLab(t)
  const create = ['network', 'create', '-d', DRIVER, '--subnet', '10.73.0.0/16']
  const { stderr } = await lab
    .host(1)
    .docker([...create, '-o', 'floating=on', 'vips'], { check: false })
  t.match(stderr, /option -o floating=on is not valid: allowed is on with an --aux-address/)
})
