/** A disk with /var/lib/docker copied to another machine, both on. */
import root from 'tap'
import { copyDisk, idOf, takeCopyOut } from '../lab/clone.js'
import { expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { addressOf, createNetwork, runSleeper } from '../lab/tsoverlay.js'
import { sharedLab } from './shared-lab.js'
import { appearsOn } from './synced.js'
import { eventually } from './traces.js'

async function hosts(host: Host): Promise<string> {
  return (await host.sh(['/run/tsoverlay/cli', 'hosts'])).stdout
}

root.test('a copied disk is a host of its own', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [first, watcher, copy] = [lab.host(1), lab.host(2), lab.host(3)]
  await createNetwork(first, 'blue', ['--subnet', '10.20.0.0/16'])
  await appearsOn(lab.hosts, 'blue')
  await runSleeper(watcher, 'watcher', 'blue')
  await runSleeper(first, 'app', 'blue', ['--restart', 'always'])
  const former = await idOf(copy)
  let own: string | undefined
  t.teardown(async () => {
    await takeCopyOut(copy)
    await copy.boot()
    if (own !== undefined)
      await first.sh(['/run/tsoverlay/cli', 'host', 'rm', '--force', own], { check: false })
  })
  await copyDisk(first, copy)
  await first.boot()
  const runs = async (host: Host): Promise<boolean> => {
    const state = ['inspect', '-f', '{{.State.Running}}', 'app']
    return (await host.docker(state, { check: false })).stdout.trim() === 'true'
  }
  t.ok(await eventually(() => runs(first), Boolean, 60_000))
  const id = await idOf(first)
  const address = await addressOf(first, 'app', 'blue')
  await expectPing(watcher, 'watcher', address)
  await copy.boot()
  t.ok(await eventually(() => runs(copy), Boolean, 60_000))
  own = await idOf(copy)
  t.not(own, id)
  t.not(own, former)
  t.equal(await idOf(first), id)
  const other = await addressOf(copy, 'app', 'blue')
  t.not(other, address)
  await expectPing(watcher, 'watcher', address)
  await expectPing(watcher, 'watcher', other)
  await expectPing(first, 'app', other)
  await expectPing(copy, 'app', address)
  const list = await hosts(watcher)
  for (const each of [id, own]) t.match(list, each)
  await copy.docker(['rm', '-f', 'app'])
  await copy.powerOff()
  await expectPing(watcher, 'watcher', address)
  await copy.boot()
})
