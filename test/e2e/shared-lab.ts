/**
 * The lab of an e2e file: three hosts, an etcd, the plugin installed everywhere. A file brings it up
 * with its first test and takes it down with its last; a lab that is up already (`make lab-up`) is
 * used and stays.
 */
import root, { type Test } from 'tap'
import { clear } from '../lab/clear.js'
import { dumpOnFailure } from '../lab/diagnostics.js'
import type { Host } from '../lab/host.js'
import { Lab } from '../lab/lab.js'
import { installEverywhere, PLUGIN } from '../lab/tsoverlay.js'

let current: Promise<Lab> | undefined
let up: Lab | undefined

dumpOnFailure(root, () => up)

/** The lab, with the plugin enabled and no container, no network and no key of ours left. */
export async function sharedLab(t: Test): Promise<Lab> {
  current ??= attached() ?? ownLab()
  const lab = await current
  up = lab
  await clear(lab)
  t.teardown(() => clear(lab))
  return lab
}

function attached(): Promise<Lab> | undefined {
  try {
    return Promise.resolve(Lab.attach()).then(ready)
  } catch {
    return undefined
  }
}

async function ownLab(): Promise<Lab> {
  const lab = await Lab.up({ hosts: 3, etcd: true, log: (line) => root.comment(line) })
  root.teardown(() => lab.down())
  return ready(lab)
}

async function ready(lab: Lab): Promise<Lab> {
  if (!(await hasPlugin(lab.host(1)))) await installEverywhere(lab)
  return lab
}

async function hasPlugin(host: Host): Promise<boolean> {
  return (await host.docker(['plugin', 'inspect', PLUGIN], { check: false })).code === 0
}
