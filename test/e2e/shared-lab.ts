/**
 * The lab of an e2e file: three hosts, or four on two segments, an etcd, the plugin installed everywhere. A file brings it up
 * with its first test and takes it down with its last; a lab that is up already (`make lab-up`) is
 * used and stays.
 */
import root, { type Test } from 'tap'
import { clear } from '../lab/clear.js'
import { dumpOnFailure } from '../lab/diagnostics.js'
import type { Host } from '../lab/host.js'
import { Lab } from '../lab/lab.js'
import { evenly } from '../lab/machines.js'
import { LabError } from '../lab/names.js'
import type { LabOptions } from '../lab/options.js'
import { installEverywhere, PLUGIN } from '../lab/tsoverlay.js'

let current: Promise<Lab> | undefined
let up: Lab | undefined

dumpOnFailure(root, () => up)

/**
 * The lab, with the plugin enabled and no container, no network and no key of ours left.
 * @param sync NETWORK_SYNC on all hosts
 */
export function sharedLab(t: Test, sync: 'on' | 'off' = 'off'): Promise<Lab> {
  return cleared(t, sync, { hosts: 3 })
}

/**
 * The same with h1 and h2 on one layer 2, h3 and h4 on another, and a router between.
 * @throws LabError if the lab that is up has one segment
 */
export async function segmentedLab(t: Test, sync: 'on' | 'off' = 'off'): Promise<Lab> {
  const lab = await cleared(t, sync, { hosts: 4, segments: evenly(4, 2) })
  if (lab.segments === 2 && lab.hosts.length === 4) return lab
  throw new LabError('the lab that is up has not four hosts on two segments; take it down first')
}

async function cleared(t: Test, sync: string, shape: Shape): Promise<Lab> {
  current ??= attached(sync) ?? ownLab(sync, shape)
  const lab = await current
  up = lab
  await clear(lab)
  t.teardown(() => clear(lab))
  return lab
}

function attached(sync: string): Promise<Lab> | undefined {
  try {
    return Promise.resolve(Lab.attach()).then((lab) => ready(lab, sync))
  } catch {
    return undefined
  }
}

type Shape = Pick<LabOptions, 'hosts' | 'segments'>

async function ownLab(sync: string, shape: Shape): Promise<Lab> {
  const lab = await Lab.up({ ...shape, etcd: true, log: (line) => root.comment(line) })
  root.teardown(() => lab.down())
  return ready(lab, sync)
}

async function ready(lab: Lab, sync: string): Promise<Lab> {
  if (!(await hasPlugin(lab.host(1)))) await installEverywhere(lab, { NETWORK_SYNC: sync })
  await clear(lab)
  await Promise.all(lab.hosts.map((host) => setSync(host, sync)))
  return lab
}

async function hasPlugin(host: Host): Promise<boolean> {
  return (await host.docker(['plugin', 'inspect', PLUGIN], { check: false })).code === 0
}

/** Sets NETWORK_SYNC on a host, if it is not so already; the plugin restarts for it. */
export async function setSync(host: Host, sync: string): Promise<void> {
  const setting = `NETWORK_SYNC=${sync}`
  const { stdout } = await host.docker(['plugin', 'inspect', '-f', '{{.Settings.Env}}', PLUGIN])
  if (stdout.includes(setting)) return
  await host.docker(['plugin', 'disable', '-f', PLUGIN], { timeoutMs: 60_000 })
  await host.docker(['plugin', 'set', PLUGIN, setting])
  await host.docker(['plugin', 'enable', PLUGIN], { timeoutMs: 60_000 })
}
