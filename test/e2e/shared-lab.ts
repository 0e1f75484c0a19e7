/**
 * The lab of an e2e file: three hosts, an etcd, the plugin installed everywhere. A file brings it up
 * with its first test and takes it down with its last; a lab that is up already (`make lab-up`) is
 * used and stays.
 */
import root, { type Test } from 'tap'
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

/** Removes all containers and all networks of ours from every host. */
export async function clear(lab: Lab): Promise<void> {
  await Promise.all(lab.hosts.map(clearHost))
}

async function clearHost(host: Host): Promise<void> {
  const containers = await lines(host, ['ps', '-aq'])
  if (containers.length > 0) await host.docker(['rm', '-f', ...containers], { check: false })
  const networks = await lines(host, ['network', 'ls', '-q', '--filter', 'type=custom'])
  const own = []
  for (const id of networks) {
    const driver = await host.docker(['network', 'inspect', '-f', '{{.Driver}}', id])
    if (driver.stdout.includes('tsoverlay')) own.push(id)
  }
  if (own.length > 0) await host.docker(['network', 'rm', ...own])
}

async function lines(host: Host, argv: readonly string[]): Promise<string[]> {
  return (await host.docker(argv)).stdout.split('\n').filter((line) => line !== '')
}
