/** What is lost or left behind is put right: on three dockerds, by the CLI and by the plugin itself. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { expectPing } from '../lab/conncheck.js'
import type { RunResult } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { askAdmin } from '../lab/plugin-call.js'
import { addressOf, DRIVER, inSandbox, PLUGIN, runSleeper, sandboxOf } from '../lab/tsoverlay.js'
import { ip, moveTo, otherAddress } from '../lab/underlay.js'
import { createOn } from './clusterwide.js'
import { sharedLab } from './shared-lab.js'
import { fdb, neighbours, storeKeys } from './traces.js'

const BLUE = ['--subnet', '10.20.0.0/16']

/** What is to be so in a sandbox, without the MACs and numbers of devices that may come anew. */
async function picture(host: Host, sandbox: string): Promise<string> {
  const list = async <T>(...argv: string[]): Promise<readonly T[]> =>
    JSON.parse(await inSandbox(host, sandbox, argv))
  type Link = { ifname: string; mtu: number; master?: string; flags: string[] }
  const links = (await list<Link>('ip', '-j', 'link')).map(({ ifname, mtu, master, flags }) =>
    [ifname, mtu, master, flags.includes('UP') ? 'up' : 'down'].join(' '),
  )
  type Route = { dst: string; dev: string; prefsrc: string }
  const routes = await list<Route>('ip', '-j', 'route')
  const forward = await inSandbox(host, sandbox, ['cat', '/proc/sys/net/ipv4/ip_forward'])
  return [
    ...links.sort(),
    ...routes.map(({ dst, dev, prefsrc }) => `${dst} ${dev} ${prefsrc}`),
    ...(await neighbours(host, sandbox)),
    ...(await fdb(host, sandbox)),
    `forward ${forward.trim()}`,
  ].join('\n')
}

interface Status {
  readonly host: { readonly vtep: string; readonly problem?: string }
  readonly networks: readonly { readonly vnis: readonly number[] }[]
  readonly kernel: { readonly drift: number }
}

async function statusOf(host: Host): Promise<Status> {
  const answer = await askAdmin(host, '/status')
  return answer.body as unknown as Status
}

/** The CLI as README tells a user to run it. */
function cli(host: Host, ...argv: string[]): Promise<RunResult> {
  return host.sh(['sh', '/run/tsoverlay/cli', ...argv], { check: false, timeoutMs: 60_000 })
}

/** Reads until the reading is as wanted, 90 s at most: some of it waits for a slow pass. */
async function slowly<T>(read: () => Promise<T>, wanted: (value: T) => boolean): Promise<T> {
  const end = Date.now() + 90_000
  for (;;) {
    const value = await read()
    if (wanted(value) || Date.now() > end) return value
    await sleep(500)
  }
}

t.test('etcd loses all data: containers go on talking, and new ones start', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createOn([one, two], 'blue', BLUE)
  await runSleeper(one, 'ca', 'blue')
  await runSleeper(two, 'cb', 'blue')
  const [a, b] = [await addressOf(one, 'ca', 'blue'), await addressOf(two, 'cb', 'blue')]
  await expectPing(one, 'ca', b)
  const before = await storeKeys(lab)
  await lab.etcd.wipe()
  await expectPing(one, 'ca', b)
  t.same(
    await slowly(
      () => storeKeys(lab),
      (keys) => keys.length >= before.length,
    ),
    before,
  )
  await expectPing(two, 'cb', a)
  await runSleeper(two, 'cc', 'blue')
  const c = await addressOf(two, 'cc', 'blue')
  t.notOk([a, b].includes(c))
  await expectPing(one, 'ca', c)
})

t.test('a container that is removed while the plugin is off is cleaned up after', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createOn([one, two], 'blue', BLUE)
  await runSleeper(one, 'ca', 'blue')
  await runSleeper(two, 'cb', 'blue')
  await one.docker(['plugin', 'disable', '-f', PLUGIN], { timeoutMs: 60_000 })
  await one.docker(['rm', '-f', 'ca'], { timeoutMs: 60_000 })
  await one.docker(['plugin', 'enable', PLUGIN], { timeoutMs: 60_000 })
  const left = await slowly(
    () => storeKeys(lab, 'endpoints/'),
    (keys) => keys.length === 1,
  )
  t.equal(left.length, 1, 'cb alone is left')
})

t.test('what somebody takes away or changes in a network is put right', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createOn([one, two], 'blue', BLUE)
  await runSleeper(one, 'ca', 'blue')
  await runSleeper(two, 'cb', 'blue')
  const b = await addressOf(two, 'cb', 'blue')
  await expectPing(one, 'ca', b)
  const sandbox = await sandboxOf(one, 'blue')
  const file = `/run/docker/netns/${sandbox}`
  const look = (): Promise<string> => picture(one, sandbox).catch(String)
  const before = await look()
  t.match(
    before,
    `
${b},`,
  )
  const mac = [...(await fdb(one, sandbox)).keys()][0]
  const damages: readonly (readonly [string, string])[] = [
    ['a neighbour', `ip neigh del ${b} dev vxlan0`],
    ['an FDB entry', `bridge fdb del ${mac} dev vxlan0 self`],
    ['the MTU', 'ip link set vxlan0 mtu 1200; ip link set br0 mtu 1300'],
    ['the bridge, down', 'ip link set br0 down'],
    ['the vxlan device', 'ip link del vxlan0'],
    ['the bridge', 'ip link del br0'],
    ['a route', 'ip route del 10.20.0.0/16 dev br0'],
    ['a setting', 'echo 0 > /proc/sys/net/ipv4/ip_forward'],
  ]
  for (const [what, command] of damages) {
    const { drift } = (await statusOf(one)).kernel
    await inSandbox(one, sandbox, ['sh', '-c', command])
    const counted = await slowly(
      () => statusOf(one),
      ({ kernel }) => kernel.drift > drift,
    )
    t.ok(counted.kernel.drift > drift, `${what}: seen`)
    t.equal(await slowly(look, (text) => text === before), before, `${what}: put right`)
    await expectPing(one, 'ca', b)
  }
  await one.sh(['sh', '-c', `umount ${file} && rm ${file}`])
  await expectPing(one, 'ca', b)
  t.equal(await slowly(look, (text) => text === before), before, 'the namespace is back')
  await one.sh(['ip', 'route', 'del', 'default'])
  try {
    const { host } = await slowly(
      () => statusOf(one),
      (status) => status.host.problem !== undefined,
    )
    t.match(host, { vtep: one.address, problem: String }, 'no default route: the VTEP is kept')
    await expectPing(one, 'ca', b)
  } finally {
    await ip(one, `route replace default via ${one.gateway}`)
  }
})

t.test('a host gets another underlay address, and is reached there', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createOn([one, two], 'blue', BLUE)
  await runSleeper(one, 'ca', 'blue')
  await runSleeper(two, 'cb', 'blue')
  const [a, b] = [await addressOf(one, 'ca', 'blue'), await addressOf(two, 'cb', 'blue')]
  await expectPing(one, 'ca', b)
  const sandbox = await sandboxOf(one, 'blue')
  const vteps = async (): Promise<string> => [...(await fdb(one, sandbox)).values()].join()
  const moves = [
    [two.address, otherAddress(two)],
    [otherAddress(two), two.address],
  ] as const
  for (const [from, to] of moves) {
    await moveTo(two, from, to)
    t.equal(await slowly(vteps, (text) => text === to), to)
    t.equal((await statusOf(two)).host.vtep, to)
    await expectPing(one, 'ca', b)
    await expectPing(two, 'cb', a)
  }
})

t.test('a second plugin on a host is refused', async (t) => {
  const lab = await sharedLab(t)
  const enter = 'nsenter --target "$(cat /run/tsoverlay/pid)" --mount -- /usr/bin/node /app/main.js'
  const { stderr } = await lab
    .host(1)
    .sh(['timeout', '12', 'env', '-u', 'NODE_OPTIONS', 'sh', '-c', enter], {
      check: false,
      timeoutMs: 60_000,
    })
  t.match(stderr, /tsoverlay: another tsoverlay plugin runs on this host \(process \d+\)/)
  t.match(await cli(lab.host(1), 'status'), { code: 0 }, 'the first one goes on')
})

t.test('a host that is off is removed, and comes back with its networks', async (t) => {
  const lab = await sharedLab(t)
  const [one, three] = [lab.host(1), lab.host(3)]
  await createOn([one, three], 'blue', BLUE)
  await runSleeper(three, 'cz', 'blue')
  const id = (await three.sh(['cat', '/run/tsoverlay/host-id'])).stdout.trim()
  const refused = await cli(one, 'host', 'rm', 'h3')
  t.match(refused, { code: 1, stderr: /host h3 \(.*\) runs: / })
  await three.powerOff()
  try {
    const removed = await slowly(
      () => cli(one, 'host', 'rm', 'h3'),
      ({ code }) => code === 0,
    )
    t.match(removed.stdout, /^h3 \(.*\) removed: 1 network, 1 endpoint, 1 pool, 1 block/)
    const { stdout } = await lab.etcd.ctl(['get', '--prefix', '/tsoverlay/'])
    const its = stdout.split('\n').filter((line) => line.includes(id) && !line.includes('/gates/'))
    t.same(
      its.filter((line) => line !== id),
      [],
      'nothing of it is left',
    )
  } finally {
    await three.boot()
  }
  const networks = await slowly(
    () => cli(one, 'networks'),
    ({ stdout }) => stdout.includes('h1,h3'),
  )
  t.match(networks.stdout, /h1,h3/)
  await three.docker(['start', 'cz'], { timeoutMs: 60_000 })
  await runSleeper(one, 'ca', 'blue')
  await expectPing(one, 'ca', await addressOf(three, 'cz', 'blue'))
})

t.test("a VNI that swarm's own overlay has on a host is left to it", async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  const taken = ['-o', 'com.docker.network.driver.overlay.vxlanid_list=256']
  await one.docker(['swarm', 'init', '--advertise-addr', one.address])
  t.teardown(async () => {
    await one.docker(['rm', '-f', 'native'], { check: false })
    await one.docker(['swarm', 'leave', '--force'], { check: false, timeoutMs: 60_000 })
  })
  await one.docker(['network', 'create', '-d', 'overlay', '--attachable', ...taken, 'native'])
  await runSleeper(one, 'native', 'native')
  const refusal = async (...flags: readonly string[]): Promise<string> => {
    const drivers = ['-d', DRIVER, '--ipam-driver', DRIVER]
    const argv = ['network', 'create', ...drivers, ...flags, 'red']
    return (await one.docker(argv, { check: false })).stderr
  }
  const who =
    'VNI 256 on UDP port 4789 is taken on this host by vxlan device vxlan0 in /run/docker/netns/1-'
  t.match(await refusal('--subnet', '10.30.0.0/16', ...taken), `vxlanid_list=256: ${who}`)
  await createOn([one, two], 'blue', BLUE)
  t.same((await statusOf(one)).networks[0]?.vnis, [257], 'another one is chosen')
  await createOn([two], 'red', ['--subnet', '10.30.0.0/16', ...taken])
  t.match(await refusal('--subnet', '10.30.0.0/16'), `cannot be on this host, ${who}`)
  await runSleeper(one, 'ca', 'blue')
  await runSleeper(two, 'cb', 'blue')
  await expectPing(one, 'ca', await addressOf(two, 'cb', 'blue'))
})
