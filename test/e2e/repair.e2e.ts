/** What is lost or left behind is put right: on three dockerds, by the CLI and by the plugin itself. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { expectPing } from '../lab/conncheck.js'
import type { RunResult } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { addressOf, PLUGIN, runSleeper } from '../lab/tsoverlay.js'
import { createOn } from './clusterwide.js'
import { sharedLab } from './shared-lab.js'
import { storeKeys } from './traces.js'

const BLUE = ['--subnet', '10.20.0.0/16']

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
