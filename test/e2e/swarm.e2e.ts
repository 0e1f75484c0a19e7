/** SCOPE=global: the driver's life in a swarm of three managers. */
import root, { type Test } from 'tap'
import { expectPing, type Pair, pingAll } from '../lab/conncheck.js'
import { dumpOnFailure } from '../lab/diagnostics.js'
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { awaitTasks, leaderOf, SWARM_DRIVER, type Task, tasksOf, upSwarm } from '../lab/swarm.js'
import { addressOf, runSleeper } from '../lab/tsoverlay.js'
import { resolvesSoon } from './names.js'
import { kernelTraces, storeKeys } from './traces.js'

const GATEWAY = '10.20.0.1'
let up: Promise<Lab> | undefined
let current: Lab | undefined

dumpOnFailure(root, () => current)

/** The swarm of this file, with the attachable network `blue` for one test. */
async function swarm(t: Test): Promise<Lab> {
  if (up === undefined) {
    up = upSwarm((line) => t.comment(line))
    const lab = await up
    root.teardown(() => lab.down())
  }
  current = await up
  await createBlue(current.host(1))
  t.teardown(() => clear(current))
  return current
}

async function createBlue(host: Host): Promise<void> {
  const drivers = ['-d', SWARM_DRIVER, '--ipam-driver', SWARM_DRIVER]
  const flags = ['--attachable', '--subnet', '10.20.0.0/24']
  await host.docker(['network', 'create', ...drivers, ...flags, 'blue'])
}

/** dnsrr: swarm makes no virtual address for a driver that is not its own (docs/swarm.md). */
async function createService(host: Host, replicas: number): Promise<void> {
  await host.docker([
    ...['service', 'create', '-d', '--no-resolve-image', '--name', 'web', '--network', 'blue'],
    ...['--endpoint-mode', 'dnsrr', '--replicas', `${replicas}`, '--restart-delay', '1s'],
    ...['--stop-grace-period', '0s', 'lab', 'sleep', '3600'],
  ])
}

/** Removes service, containers and network; the network as soon as swarm lets it. */
async function clear(lab: Lab | undefined): Promise<void> {
  if (lab === undefined) return
  const host = lab.host(1)
  await host.docker(['service', 'rm', 'web'], { check: false })
  for (const one of lab.hosts) {
    const ids = (await one.docker(['ps', '-aq', '--filter', 'network=blue'])).stdout.split('\n')
    const found = ids.filter((id) => id !== '')
    if (found.length > 0) await one.docker(['rm', '-f', ...found], { check: false })
  }
  await within(60_000, async () => {
    await host.docker(['network', 'rm', 'blue'], { check: false })
    const names = (await host.docker(['network', 'ls', '--format', '{{.Name}}'])).stdout
    return !names.split('\n').includes('blue')
  })
}

/** Looks every half second; @returns whether it came true in time */
async function within(ms: number, check: () => Promise<boolean>): Promise<boolean> {
  for (const end = Date.now() + ms; ; await sleep(500)) {
    if (await check().catch(() => false)) return true
    if (Date.now() > end) return false
  }
}

/** Addresses of the endpoints in the store, each with the name of its host. */
async function endpoints(lab: Lab): Promise<string[]> {
  const read = async <T>(prefix: string): Promise<T[]> => {
    const key = `/tsoverlay/${prefix}/`
    const { stdout } = await lab.etcd.ctl(['get', '--prefix', '--print-value-only', key])
    return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as T]))
  }
  const hosts = await read<{ id: string; name: string }>('hosts')
  const found = await read<{ host: string; addresses: string[] }>('endpoints')
  return found
    .map(({ host, addresses }) => {
      const name = hosts.find(({ id }) => id === host)?.name
      return `${addresses[0]?.split('/')[0]} on ${name}`
    })
    .sort()
}

/** Addresses that swarm holds, without the gateway. */
async function held(lab: Lab): Promise<string[]> {
  const found = await storeKeys(lab, 'addresses/')
  return found.map((key) => key.slice(key.lastIndexOf('/') + 1)).filter((ip) => ip !== GATEWAY)
}

const places = (tasks: readonly Task[]): string[] =>
  tasks.map(({ host, address }) => `${address} on ${host.name}`).sort()

/** Store and tasks say the same: nobody is missing, nothing is left of those who were there. */
async function agree(t: Test, lab: Lab, withinMs = 30_000): Promise<void> {
  const state = async () => ({
    tasks: places(await tasksOf(lab, 'web', 'blue')),
    endpoints: await endpoints(lab),
    held: (await held(lab)).length,
  })
  await within(withinMs, async () => {
    const { tasks, endpoints, held } = await state()
    return tasks.join() === endpoints.join() && held === tasks.length
  })
  const { tasks, endpoints: published, held: addresses } = await state()
  t.same(published, tasks)
  t.equal(addresses, tasks.length)
}

async function reachEachOther(tasks: readonly Task[]): Promise<void> {
  const pairs = tasks.flatMap((from) =>
    tasks
      .filter((to) => to !== from)
      .map((to) => ({ from: from.host, container: from.container, to: to.address })),
  )
  await pingAll(pairs)
}

root.test('containers of three nodes reach each other on an attachable network', async (t) => {
  const lab = await swarm(t)
  const tasks: Task[] = []
  for (const host of lab.hosts) {
    const container = `c-${host.name}`
    await runSleeper(host, container, 'blue')
    tasks.push({ host, container, address: await addressOf(host, container, 'blue') })
  }
  t.equal(new Set(tasks.map(({ address }) => address)).size, 3)
  await reachEachOther(tasks)
  await expectPing(lab.host(1), 'c-h1', 'c-h3')
  t.same(await endpoints(lab), places(tasks))
})

root.test("swarm's own overlay goes on beside ours, with only our packets looked at", async (t) => {
  const lab = await swarm(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await one.docker(['network', 'create', '-d', 'overlay', '--attachable', 'native'])
  t.teardown(async () => {
    for (const host of lab.hosts) await host.docker(['rm', '-f', 'native'], { check: false })
    await one.docker(['network', 'rm', 'native'], { check: false })
  })
  const pairs: Pair[] = []
  for (const network of ['blue', 'native']) {
    const names = network === 'native' ? ['native', 'native'] : ['ca', 'cb']
    await runSleeper(one, names[0] ?? '', network)
    await runSleeper(two, names[1] ?? '', network)
    const there = await addressOf(two, names[1] ?? '', network)
    const here = await addressOf(one, names[0] ?? '', network)
    pairs.push({ from: one, container: names[0] ?? '', to: there })
    pairs.push({ from: two, container: names[1] ?? '', to: here })
  }
  await pingAll(pairs)
  const table = ['nft', 'list', 'table', 'inet', 'tsoverlay']
  for (const host of [one, two]) {
    const { stdout } = await host.sh(table)
    t.match(stdout, /chain input/, `${host.name}: admission is in force`)
    for (const { address } of lab.hosts) t.match(stdout, address)
    t.notMatch(stdout, /counter packets [1-9]/, 'nothing of swarm, and nothing of ours, is dropped')
  }
  await pingAll(pairs)
})

root.test('a service is found by its name, and scales up and down', async (t) => {
  const lab = await swarm(t)
  await createService(lab.host(1), 3)
  const three = await awaitTasks(lab, 'web', 'blue', 3)
  await reachEachOther(three)
  await runSleeper(lab.host(2), 'client', 'blue')
  for (const name of ['web', 'tasks.web']) await expectPing(lab.host(2), 'client', name)
  await lab.host(2).docker(['rm', '-f', 'client'])
  await lab.host(1).docker(['service', 'scale', '-d', 'web=8'])
  const eight = await awaitTasks(lab, 'web', 'blue', 8)
  t.equal(new Set(eight.map(({ address }) => address)).size, 8)
  await reachEachOther(eight)
  await agree(t, lab)
  await lab.host(1).docker(['service', 'scale', '-d', 'web=2'])
  await awaitTasks(lab, 'web', 'blue', 2)
  await agree(t, lab)
})

root.test(
  "names: swarm's of its services, ours of containers and tasks, on all nodes",
  async (t) => {
    const lab = await swarm(t)
    const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]
    await createService(one, 3)
    const tasks = await awaitTasks(lab, 'web', 'blue', 3)
    await runSleeper(two, 'client', 'blue')
    await runSleeper(three, 'db', 'blue', ['--network-alias', 'store'])
    const db = await addressOf(three, 'db', 'blue')
    for (const name of ['db', 'store', 'db.blue'])
      t.same(await resolvesSoon(two, 'client', name, [db]), [db], name)
    const all = tasks.map(({ address }) => address)
    for (const name of ['web', 'tasks.web'])
      t.same(await resolvesSoon(two, 'client', name, all), [...all].sort(), name)
    for (const { host, container, address } of tasks) {
      t.same(await resolvesSoon(host, container, 'store', [db]), [db], `from ${host.name}`)
      const name = (await host.docker(['inspect', '-f', '{{.Name}}', container])).stdout.trim()
      t.same(await resolvesSoon(two, 'client', name.slice(1), [address]), [address], name)
    }
  },
)

root.test('an address that a task has is refused to others', async (t) => {
  const lab = await swarm(t)
  await runSleeper(lab.host(1), 'first', 'blue', ['--ip', '10.20.0.77'])
  const second = ['run', '--rm', '--net', 'blue', '--ip', '10.20.0.77', 'lab', 'true']
  t.not((await lab.host(2).docker(second, { check: false, timeoutMs: 60_000 })).code, 0)
  t.same(await endpoints(lab), ['10.20.0.77 on h1'])
  await lab.host(1).docker(['rm', '-f', 'first'])
  t.ok(await within(20_000, async () => (await held(lab)).length === 0))
  await lab.host(2).docker(second)
})

root.test('another leader takes over what swarm holds, and goes on from there', async (t) => {
  const lab = await swarm(t)
  await createService(lab.host(1), 3)
  const before = await awaitTasks(lab, 'web', 'blue', 3)
  const old = await leaderOf(lab, lab.host(1))
  await old.dockerd.stop()
  const other = lab.hosts.find((host) => host !== old) ?? lab.host(1)
  const isElected = async () => (await leaderOf(lab, other)) !== old
  t.ok(await within(60_000, isElected), 'another leads')
  await old.dockerd.start()
  await awaitTasks(lab, 'web', 'blue', 3)
  await other.docker(['service', 'scale', '-d', 'web=6'])
  const six = await awaitTasks(lab, 'web', 'blue', 6)
  t.equal(new Set(six.map(({ address }) => address)).size, 6)
  const kept = before.filter(({ host }) => host !== old)
  for (const { address } of kept) t.ok(six.some((task) => task.address === address))
  await reachEachOther(six)
  await agree(t, lab)
})

root.test('tasks of a node that lost power move, and it comes back clean', async (t) => {
  const lab = await swarm(t)
  await createService(lab.host(1), 6)
  await awaitTasks(lab, 'web', 'blue', 6)
  const lost = await leaderOf(lab, lab.host(1))
  await lost.powerOff()
  const moved = await awaitTasks(lab, 'web', 'blue', 6)
  t.ok(moved.every(({ host }) => host !== lost))
  t.equal(new Set(moved.map(({ address }) => address)).size, 6)
  await reachEachOther(moved)
  await lost.boot()
  await agree(t, lab, 90_000)
  await reachEachOther(await awaitTasks(lab, 'web', 'blue', 6))
})

root.test(
  'containers that a killed dockerd forgot are found, though none comes back',
  async (t) => {
    const lab = await swarm(t)
    await createService(lab.host(1), 3)
    await awaitTasks(lab, 'web', 'blue', 3)
    const node = lab.host(3)
    await node.dockerd.kill()
    await within(60_000, async () => (await leaderOf(lab, lab.host(1))) !== node)
    const availability = (value: string) =>
      lab.host(1).docker(['node', 'update', '--availability', value, 'h3'])
    await availability('drain')
    await awaitTasks(lab, 'web', 'blue', 3)
    await node.dockerd.start()
    await agree(t, lab, 180_000)
    await availability('active')
  },
)

root.test('removing the network leaves nothing in the store and in the kernels', async (t) => {
  const lab = await swarm(t)
  await createService(lab.host(1), 6)
  await awaitTasks(lab, 'web', 'blue', 6)
  const id = await lab.host(1).docker(['network', 'inspect', '-f', '{{.Id}}', 'blue'])
  const sandbox = `1-${id.stdout.slice(0, 10)}`
  await clear(lab)
  t.ok(await within(90_000, async () => (await storeKeys(lab)).length === 0))
  t.same(await storeKeys(lab), [])
  for (const host of lab.hosts) {
    const traces = await kernelTraces(host)
    t.notOk(traces.includes(sandbox))
    t.same(
      traces.filter((line) => line.includes(': tso')),
      [],
    )
  }
})
