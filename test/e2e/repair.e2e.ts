/** What is lost or left behind is put right: on three dockerds. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { expectPing } from '../lab/conncheck.js'
import { addressOf, PLUGIN, runSleeper } from '../lab/tsoverlay.js'
import { createOn } from './clusterwide.js'
import { sharedLab } from './shared-lab.js'
import { storeKeys } from './traces.js'

const BLUE = ['--subnet', '10.20.0.0/16']

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
