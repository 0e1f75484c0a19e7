/** What dockerd has and has not, whatever the plugin was told of it. */
import t from 'tap'
import { expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { addressOf, createNetwork, PLUGIN, runSleeper, sandboxOf } from '../lab/tsoverlay.js'
import { sharedLab } from './shared-lab.js'
import { appearsOn, countOf, idOf } from './synced.js'
import { eventually, heldAddresses, ports, storeKeys } from './traces.js'

const BLUE = ['--subnet', '10.20.0.0/16']
const PATIENT = { timeoutMs: 90_000 }

async function disable(host: Host): Promise<void> {
  await host.docker(['plugin', 'disable', '-f', PLUGIN], PATIENT)
}

async function enable(host: Host): Promise<void> {
  await host.docker(['plugin', 'enable', PLUGIN], PATIENT)
}

t.test('what went while the plugin was off is gone seconds after it is back', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  await createNetwork(one, 'blue', BLUE)
  t.equal(await appearsOn(lab.hosts, 'blue'), 3)
  const names = ['ca', 'cb', 'cc', 'cd', 'ce', 'cf']
  await Promise.all(names.map((name) => runSleeper(one, name, 'blue')))
  await runSleeper(two, 'peer', 'blue')
  const last = await addressOf(one, 'cf', 'blue')
  await expectPing(two, 'peer', last)
  await disable(one)
  await one.docker(['rm', '-f', ...names.slice(0, -1)], PATIENT)
  await enable(one)
  const since = Date.now()
  const endpoints = await eventually(
    () => storeKeys(lab, 'endpoints/'),
    (keys) => keys.length === 2,
    30_000,
  )
  const held = await eventually(
    () => heldAddresses(one),
    (addresses) => addresses.length === 1,
    30_000,
  )
  // The veths are deleted after the answer to dockerd.
  const sandbox = await sandboxOf(one, 'blue')
  const left = await eventually(
    () => ports(one, sandbox),
    (found) => found.length === 1,
    30_000,
  )
  // 5 s are promised, on a machine that has nothing else to do.
  const took = Date.now() - since
  t.ok(took < 15_000, `${took} ms`)
  t.equal(endpoints.length, 2, endpoints.join(' '))
  t.same(held, [last])
  t.equal(left.length, 1, left.join(' '))
  await expectPing(two, 'peer', last)
})

/** A container in each state in which it has no endpoint, and one that is paused. */
async function inAllStates(host: Host): Promise<readonly string[]> {
  await host.docker(['create', '--name', 'created', '--net', 'blue', 'lab', 'sleep', '3600'])
  await host.docker(['run', '--name', 'exited', '--net', 'blue', 'lab', 'true'])
  await runSleeper(host, 'paused', 'blue')
  await host.docker(['pause', 'paused'])
  const loop = ['run', '-d', '--name', 'looping', '--restart', 'always', '--net', 'blue']
  await host.docker([...loop, 'lab', 'sleep', '1'])
  await host.docker(['create', '--name', 'connected', '--net', 'none', 'lab', 'true'])
  await host.docker(['network', 'disconnect', 'none', 'connected'])
  await host.docker(['network', 'connect', 'blue', 'connected'])
  return ['created', 'exited', 'paused', 'looping', 'connected']
}

t.test('what a host has containers for stays there, in whatever state they are', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  await createNetwork(one, 'blue', BLUE)
  t.equal(await appearsOn(lab.hosts, 'blue'), 3)
  const names = await inAllStates(two)
  const there = await idOf(two, 'blue')
  for (const name of names) {
    const before = await idOf(one, 'blue')
    await one.docker(['network', 'prune', '-f'])
    const back = await eventually(
      () => idOf(one, 'blue'),
      (id) => id !== undefined && id !== before,
      30_000,
    )
    t.ok(back !== undefined && back !== before, `${name}: it is back where it was removed`)
    t.equal(await idOf(two, 'blue'), there, `${name}: it was kept where it is used`)
    if (name === 'created' || name === 'exited') await two.docker(['start', name])
    await two.docker(['rm', '-f', name], PATIENT)
  }
  const count = (): Promise<number> => countOf(lab.hosts, 'blue')
  t.equal(await eventually(count, (hosts) => hosts === 0, 60_000), 0, 'it goes with the last')
  const left = await eventually(
    () => storeKeys(lab),
    (keys) => keys.length === 0,
  )
  t.same(left, [])
})

t.test('a restart loop outlives the removal of its network elsewhere', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  await createNetwork(one, 'blue', BLUE)
  t.equal(await appearsOn(lab.hosts, 'blue'), 3)
  // Most of the time it waits for its next turn, without an endpoint.
  const loop = ['run', '-d', '--name', 'looping', '--restart', 'always', '--net', 'blue']
  await two.docker([...loop, 'lab', 'false'])
  const state = async (field: string): Promise<string> =>
    (await two.docker(['inspect', '-f', `{{.${field}}}`, 'looping'])).stdout.trim()
  const count = async (): Promise<number> => Number(await state('RestartCount'))
  await eventually(count, (times) => times >= 4, 30_000)
  await one.docker(['network', 'rm', 'blue'])
  t.equal(await appearsOn(lab.hosts, 'blue', 30_000), 3)
  const times = await count()
  const later = await eventually(count, (now) => now > times, 60_000)
  t.ok(later > times, 'it goes on')
  t.equal(await state('State.Error'), '')
})

t.test('what dockerd gave up while the plugin was off is started again', async (t) => {
  const lab = await sharedLab(t, 'on')
  const one = lab.host(1)
  await createNetwork(one, 'blue', BLUE)
  const always = ['--restart', 'always']
  await runSleeper(one, 'kept', 'blue', [...always, '--ip', '10.20.0.77'])
  await runSleeper(one, 'stopped', 'blue', always)
  await runSleeper(one, 'single', 'blue')
  await disable(one)
  // dockerd has its own patience with each call: all of it at the same time.
  const run = (...argv: string[]) => one.docker(argv, { check: false, ...PATIENT })
  const refused = await Promise.all([
    run('restart', '-t', '0', 'kept'),
    run('stop', '-t', '0', 'stopped'),
    run('restart', '-t', '0', 'single'),
  ])
  t.match(refused[0].stderr, /Cannot restart container kept/)
  await enable(one)
  const state = async (name: string): Promise<string> =>
    (await one.docker(['inspect', '-f', '{{.State.Status}}', name])).stdout.trim()
  t.equal(
    await eventually(
      () => state('kept'),
      (status) => status === 'running',
      60_000,
    ),
    'running',
  )
  t.equal(await addressOf(one, 'kept', 'blue'), '10.20.0.77')
  t.match(await one.dockerd.log(300), /"container\W+kept.*container started again/)
  t.equal(await state('stopped'), 'exited', 'a user stopped it')
  t.equal(await state('single'), 'exited', 'dockerd was not to keep it running')
})
