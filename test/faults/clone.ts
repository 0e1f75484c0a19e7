/** A disk with /var/lib/docker in two machines, both on. */
import { readFile } from 'node:fs/promises'
import { eventually } from '../e2e/traces.js'
import { copyDisk, takeCopyOut } from '../lab/clone.js'
import type { Host } from '../lab/host.js'
import { missingOf } from './dockerd.js'
import type { Scenario } from './scenario.js'
import { containerOf, type Stage, witness } from './stage.js'

const idOf = async (host: Host): Promise<string> =>
  (await readFile(host.path('/run/tsoverlay/host-id'), 'utf8')).trim()

async function remove(stage: Stage, id: string): Promise<void> {
  await stage.host(2).sh(['/run/tsoverlay/cli', 'host', 'rm', '--force', id], { timeoutMs: 60_000 })
}

/** The copied witness runs on the third host, with an address of its own, reached. */
async function missingOnCopy(stage: Stage): Promise<readonly string[]> {
  const [first, other, copy] = [stage.host(1), stage.host(2), stage.host(3)]
  const name = witness(first)
  const found = await stage.each(async (network) => {
    const container = containerOf(name, network)
    const running = ['inspect', '-f', '{{.State.Running}}', container]
    const { stdout } = await copy.docker(running, { check: false })
    if (stdout.trim() !== 'true') return [`h3 does not run ${container}`]
    const addresses = [first, copy].map((host) => stage.addressOf(host, name, network))
    const [one, two] = await Promise.all(addresses)
    return one === two ? [`h1 and h3 have ${one}`] : []
  })
  if (found.flat().length > 0) return found.flat()
  if ((await idOf(copy)) === (await idOf(first))) return ['h3 has the id of h1']
  return stage.unreached(other, witness(other), copy, name)
}

const cloned: Scenario = {
  name: 'disk-cloned',
  fault: 'a machine is switched on with a copy of the disk of one that runs',
  steady: [
    [1, 2],
    [2, 1],
  ],
  until: 'the copy has an id and addresses of its own, is reached',
  async prepare(stage) {
    const [first, copy] = [stage.host(1), stage.host(3)]
    const former = await idOf(copy)
    await copyDisk(first, copy)
    await remove(stage, former)
    await first.boot()
    await eventually(
      () => missingOf(stage, []),
      (found) => found.length === 0,
      60_000,
    )
  },
  async play(stage) {
    await stage.host(3).boot()
    stage.mark()
  },
  missing: missingOnCopy,
  async restore(stage) {
    const copy = stage.host(3)
    const own = await idOf(copy)
    await takeCopyOut(copy)
    if (own !== (await idOf(stage.host(1)))) await remove(stage, own)
    await copy.boot()
  },
}

export const CLONE_FAULTS: readonly Scenario[] = [cloned]
