/** What dockerd has and has not, whatever the plugin was told of it. */
import t from 'tap'
import { expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { addressOf, PLUGIN, runSleeper, sandboxOf } from '../lab/tsoverlay.js'
import { createOn } from './clusterwide.js'
import { sharedLab } from './shared-lab.js'
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
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createOn([one, two], 'blue', BLUE)
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
  // 5 s are promised, on a machine that has nothing else to do.
  const took = Date.now() - since
  t.ok(took < 15_000, `${took} ms`)
  t.equal(endpoints.length, 2, endpoints.join(' '))
  t.same(held, [last])
  t.equal((await ports(one, await sandboxOf(one, 'blue'))).length, 1)
  await expectPing(two, 'peer', last)
})
