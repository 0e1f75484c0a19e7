/** A plugin that is killed in the middle of what it does, or while others rely on it. */
import t from 'tap'
import { disablePlugin, enablePlugin, killPlugin } from '../faults/stage.js'
import { expectPing } from '../lab/conncheck.js'
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { addressOf, createNetwork, DRIVER, PLUGIN, runSleeper } from '../lab/tsoverlay.js'
import { setSync, sharedLab } from './shared-lab.js'
import { appearsOn, problems } from './synced.js'
import { eventually, storeKeys } from './traces.js'

const WITHIN_MS = 60_000
const NO_PROBLEM = '{"docker":true,"problems":[]}'
const MOVED = Array.from({ length: 6 }, (_, at) => `c${at}`)
/** dockerd gives up a plugin that ends so soon after its start. */
const FRESH_MS = 4_000

/** The containers' addresses on the network; empty for one that is off. */
async function addresses(host: Host): Promise<readonly string[]> {
  const format = '{{with index .NetworkSettings.Networks "blue"}}{{.IPAddress}}{{end}}'
  return (await host.docker(['inspect', '-f', format, ...MOVED])).stdout.trimEnd().split('\n')
}

t.test('killed while it moves containers: it puts them back once it runs again', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  t.teardown(() => setSync(two, 'on'))
  await setSync(two, 'off')
  await createNetwork(one, 'blue', ['--subnet', '10.20.0.0/16'])
  await createNetwork(two, 'blue', ['--subnet', '10.21.0.0/16'])
  for (const name of MOVED) await runSleeper(two, name, 'blue')
  // Network sync waits for it.
  await two.docker(['create', '--name', 'late', '--net', 'blue', 'lab'])
  await setSync(two, 'on')
  await sleep(FRESH_MS)
  await two.docker(['rm', 'late'])
  const isOff = (all: readonly string[]): boolean => all.includes('')
  const off = await eventually(() => addresses(two), isOff, WITHIN_MS)
  await killPlugin(two)
  t.comment(`when it was killed: ${off.join(' ')}; then: ${(await addresses(two)).join(' ')}`)
  t.ok(isOff(off), 'one was off when it was killed')
  const isMoved = (all: readonly string[]): boolean => all.every((one) => one.startsWith('10.20.'))
  const after = await eventually(() => addresses(two), isMoved, WITHIN_MS)
  t.ok(isMoved(after), `${after}`)
  await runSleeper(one, 'app', 'blue')
  for (const address of after) await expectPing(one, 'app', address)
  const said = await eventually(
    () => problems(two),
    (text) => text === NO_PROBLEM,
    WITHIN_MS,
  )
  t.equal(said, NO_PROBLEM)
  t.equal(await appearsOn(lab.hosts, 'blue'), 3)
})

t.test('killed while a bridge network has its addresses from it', async (t) => {
  const lab = await sharedLab(t, 'on')
  const one = lab.host(1)
  t.teardown(async () => {
    await one.docker(['rm', '-f', 'b1', 'b2'], { check: false })
    await one.docker(['network', 'rm', 'local'], { check: false })
  })
  const ours = ['--ipam-driver', DRIVER, '--subnet', '10.77.0.0/24']
  await one.docker(['network', 'create', '-d', 'bridge', ...ours, 'local'])
  await runSleeper(one, 'b1', 'local')
  const keys = async (): Promise<string[]> =>
    (await storeKeys(lab)).filter((key) => /\/(pools|holders|blocks)\/.*10\.77\./.test(key)).sort()
  const before = await keys()
  await killPlugin(one)
  await sleep(FRESH_MS)
  await runSleeper(one, 'b2', 'local')
  t.not(await addressOf(one, 'b2', 'local'), await addressOf(one, 'b1', 'local'))
  await expectPing(one, 'b1', await addressOf(one, 'b2', 'local'))
  t.same(await keys(), before, 'the cluster knows who has the subnet')
})

t.test('RESTART_CONTAINERS=off: what dockerd gave up stays down, until it is on', async (t) => {
  const lab = await sharedLab(t, 'on')
  const one = lab.host(1)
  const set = async (value: string): Promise<void> => {
    await disablePlugin(one)
    await one.docker(['plugin', 'set', PLUGIN, `RESTART_CONTAINERS=${value}`])
    await enablePlugin(one)
  }
  t.teardown(() => set('on'))
  await createNetwork(one, 'blue', ['--subnet', '10.20.0.0/16'])
  await set('off')
  await runSleeper(one, 'kept', 'blue', ['--restart', 'always'])
  await disablePlugin(one)
  const patient = { check: false, timeoutMs: 120_000 }
  const { stderr } = await one.docker(['restart', '-t', '0', 'kept'], patient)
  t.match(stderr, /Cannot restart container kept/)
  await enablePlugin(one)
  const state = async (): Promise<string> =>
    (await one.docker(['inspect', '-f', '{{.State.Status}}', 'kept'])).stdout.trim()
  // With `on` it runs within a second or two.
  await sleep(10_000)
  t.equal(await state(), 'exited')
  await set('on')
  t.equal(await eventually(state, (status) => status === 'running', WITHIN_MS), 'running')
})
