/**
 * The lab that all e2e files use one after the other: three hosts, an etcd, the plugin installed
 * everywhere. `make e2e` brings it up and takes it down; a file that is run alone does both itself.
 */
import type { Test } from 'tap'
import type { Host } from '../lab/host.js'
import { Lab } from '../lab/lab.js'
import { installEverywhere, PLUGIN } from '../lab/tsoverlay.js'

/** The lab, with the plugin enabled and no container, no network and no key of ours left. */
export async function sharedLab(t: Test): Promise<Lab> {
  const lab = attached() ?? (await ownLab(t))
  if (!(await hasPlugin(lab.host(1)))) await installEverywhere(lab)
  await clear(lab)
  t.teardown(() => clear(lab))
  return lab
}

function attached(): Lab | undefined {
  try {
    return Lab.attach()
  } catch {
    return undefined
  }
}

async function ownLab(t: Test): Promise<Lab> {
  const lab = await Lab.up({ hosts: 3, etcd: true, log: (line) => t.comment(line) })
  t.teardown(() => lab.down())
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
