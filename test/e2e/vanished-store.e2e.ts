/** A store that vanishes without a word, and is found again within seconds of its return. */
import root from 'tap'
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { isStoreThere, useLabStore, useStoreOn } from '../lab/store-container.js'
import { addressOf, createNetwork, runSleeper } from '../lab/tsoverlay.js'
import { sharedLab } from './shared-lab.js'
import { appearsOn } from './synced.js'
import { eventually } from './traces.js'

/** The goal is 10 s, on a machine that has nothing else to do. */
const GOAL_MS = 20_000
const WATCHERS = [2, 3]

/** Milliseconds until h2 and h3 reach a container of h1. */
async function reachedAfter(lab: Lab, name: string): Promise<number> {
  const since = Date.now()
  const to = await addressOf(lab.host(1), name, 'blue')
  const ping = ['exec', 'watcher', 'ping', '-c', '1', '-W', '1', to]
  const answers = async (host: Host): Promise<boolean> =>
    (await host.docker(ping, { check: false, timeoutMs: 10_000 })).code === 0
  await Promise.all(
    WATCHERS.map((at) => eventually(() => answers(lab.host(at)), Boolean, 3 * GOAL_MS)),
  )
  return Date.now() - since
}

/** `blue` everywhere with a container on h2 and h3 each. */
async function prepare(lab: Lab): Promise<void> {
  await createNetwork(lab.host(1), 'blue', ['--subnet', '10.20.0.0/16'])
  await appearsOn(lab.hosts, 'blue')
  for (const at of WATCHERS) await runSleeper(lab.host(at), 'watcher', 'blue')
}

root.test('packets to the store dropped, connections never closed', async (t) => {
  const lab = await sharedLab(t, 'on')
  await prepare(lab)
  await runSleeper(lab.host(1), 'before', 'blue')
  const { machine } = lab.etcd
  const rule = ['INPUT', '-p', 'tcp', '--dport', '2379', '-j', 'DROP']
  await machine.sh(['iptables', '-w', '-A', ...rule])
  try {
    await lab.host(1).docker(['rm', '-f', 'before'])
    await runSleeper(lab.host(1), 'during', 'blue')
    // by then the kernel waits 16 s between two tries to connect
    await sleep(45_000)
  } finally {
    await machine.sh(['iptables', '-w', '-D', ...rule])
  }
  const ms = await reachedAfter(lab, 'during')
  t.ok(ms < GOAL_MS, `reached ${ms} ms after the store`)
})

root.test('the host on which the store runs reboots', async (t) => {
  const lab = await sharedLab(t, 'on')
  const host = lab.host(1)
  t.teardown(() => useLabStore(host, lab))
  await useStoreOn(host, lab)
  await prepare(lab)
  await runSleeper(host, 'again', 'blue', ['--restart', 'always'])
  t.ok((await reachedAfter(lab, 'again')) < GOAL_MS)
  await host.powerOff()
  await host.boot()
  t.ok(await eventually(() => isStoreThere(host), Boolean, 60_000), 'the store is there again')
  const state = ['inspect', '-f', '{{.State.Running}}', 'again']
  const runs = async (): Promise<boolean> => (await host.docker(state)).stdout.trim() === 'true'
  t.ok(await eventually(runs, Boolean, 60_000), 'and so is the container')
  const ms = await reachedAfter(lab, 'again')
  t.ok(ms < GOAL_MS, `reached ${ms} ms after the store`)
})
