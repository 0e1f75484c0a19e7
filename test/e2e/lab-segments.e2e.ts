/** A lab of two layer 2 segments with a router between, before anything of the plugin. */
import t from 'tap'
import { capture } from '../lab/capture.js'
import { dumpOnFailure } from '../lab/diagnostics.js'
import { Lab } from '../lab/lab.js'
import { leftovers } from '../lab/leftovers.js'
import type { Machine } from '../lab/machine.js'
import { ip } from '../lab/underlay.js'

if (process.geteuid?.() !== 0) {
  t.plan(0, 'needs root')
  process.exit()
}
t.setTimeout(300_000)

await Lab.down()
const lab = await Lab.up({
  hosts: 3,
  segments: [[1, 2], [3]],
  etcd: true,
  log: (line) => t.comment(line),
})
t.teardown(() => lab.down())
dumpOnFailure(t, () => lab)
const [h1, h2, h3] = [lab.host(1), lab.host(2), lab.host(3)]

const ping = (from: Machine, to: string) => from.sh(['ping', '-c', '1', '-W', '2', to])
/** IPv4, IPv6 */
async function addressesOf(machine: Machine): Promise<string[]> {
  const { stdout } = await machine.sh([
    'ip',
    '-br',
    'addr',
    'show',
    'dev',
    'eth0',
    'scope',
    'global',
  ])
  return stdout
    .split(/\s+/)
    .filter((word) => word.includes('/'))
    .map((word) => word.replace(/\/.*/, ''))
}

t.test('hosts of a segment have a subnet of their own', async (t) => {
  const nets = [h1, h2, h3].map(({ address }) => address.replace(/\.\d+$/, ''))
  t.equal(nets[0], nets[1])
  t.not(nets[0], nets[2])
  t.equal(lab.segments, 2)
  t.same(
    [h1, h2, h3].map(({ segment }) => segment),
    [1, 1, 2],
  )
  t.same(lab.router.gateways, [h1.gateway, h3.gateway])
})

t.test('all machines reach each other, the store and are reached from outside', async (t) => {
  for (const from of lab.hosts)
    for (const to of lab.hosts)
      for (const address of await addressesOf(to)) await ping(from, address)
  for (const host of lab.hosts) {
    await host.sh(['etcdctl', '--endpoints', lab.etcd.endpoint, 'put', 'seen', host.name])
    t.ok((await fetch(`${host.dockerUrl}/_ping`)).ok)
  }
})

t.test('the router tells what it forwards: what stays on a segment is not of it', async (t) => {
  const [, onThree = ''] = await addressesOf(h3)
  const flows = await lab.router.forwarded(async () => {
    await ping(h1, h2.address)
    await h1.sh(['ping', '-c', '3', '-i', '0.1', h3.address])
    await ping(h2, onThree)
    await h3.sh(['bash', '-c', `echo x >/dev/udp/${h1.address}/4789`])
  })
  const own = flows.filter(({ protocol }) => protocol !== 'tcp')
  const [one, three] = [h1.address, h3.address]
  t.match(
    own.find(({ from, to }) => from === one && to === three),
    { protocol: 'icmp', packets: 4 }, // one is h1's refusal of what nobody there takes
  )
  t.match(
    own.find(({ port }) => port === 4789),
    { from: three, to: one, packets: 1 },
  )
  t.match(
    own.find(({ to }) => to === onThree),
    { protocol: 'ipv6-icmp', packets: 1 },
  )
  t.notOk(flows.some(({ from, to }) => from === one && to === h2.address))
  t.same(
    (await lab.router.forwarded(() => ping(h1, h2.address))).filter(
      ({ protocol }) => protocol !== 'tcp',
    ),
    [],
    'it counts anew each time',
  )
})

t.test('a capture has what went over a host’s cable, and nothing else', async (t) => {
  const packets = await capture(h1, 'icmp', async () => {
    await ping(h1, h2.address)
    await ping(h2, h3.address)
    await h3.sh(['ping', '-c', '2', '-i', '0.1', h1.address])
  })
  t.equal(packets.length, 6)
  t.match(packets[0], `IP ${h1.address} > ${h2.address}: ICMP echo request`)
  t.match(packets.at(-1), `IP ${h1.address} > ${h3.address}: ICMP echo reply`)
  await t.rejects(
    capture(h1, 'icmp', () => Promise.reject(new Error('the work fails'))),
    { message: 'the work fails' },
  )
  const { stdout } = await h1.sh(['sh', '-c', 'cat /proc/[0-9]*/comm'], { check: false })
  t.notMatch(stdout, 'tcpdump')
})

t.test('a machine without Docker reaches by a route what is on a host', async (t) => {
  const [near, far] = [await lab.client(1), await lab.client(2)]
  await ip(h1, 'link add lab0 type bridge', 'addr add 10.200.0.1/24 dev lab0', 'link set lab0 up')
  t.teardown(() => ip(h1, 'link del lab0'))
  await t.rejects(ping(near, '10.200.0.1'))
  await ip(near, `route add 10.200.0.0/24 via ${h1.address}`)
  await ping(near, '10.200.0.1')
  await ip(lab.router, `route add 10.200.0.0/24 via ${h1.address}`)
  await ping(far, '10.200.0.1')
  t.equal((await lab.client(1)).initPid, near.initPid, 'there is one on each segment')
  await t.rejects(near.sh(['pgrep', 'dockerd']))
  await t.rejects(lab.client(3), { message: 'segment is 3; this lab has 1 to 2' })
})

t.test('without the router the segments are apart, until it is there again', async (t) => {
  await lab.router.cut()
  t.notOk(await lab.router.isPlugged())
  await t.rejects(ping(h1, h3.address))
  await ping(h1, h2.address)
  await lab.router.heal()
  await ping(h1, h3.address)
  await lab.router.powerOff()
  await t.rejects(ping(h1, h3.address))
  await lab.router.boot()
  await ping(h3, h1.address)
})

t.test('a host boots again on its segment, also for another process', async () => {
  const again = Lab.attach()
  await again.host(3).powerOff()
  await again.host(3).boot()
  await ping(again.host(3), h1.address)
  await ping(again.router, h3.address)
})

t.test('nothing is left of it', async (t) => {
  t.match((await leftovers()).join('\n'), /-router$/m)
  await lab.down()
  t.same(await leftovers(), [])
})
