/** The lab's hosts as one swarm, all of them managers, with the plugin in scope global. */
import { sleep } from './exec.js'
import type { Host } from './host.js'
import { Lab } from './lab.js'
import { addressOf, installEverywhere, PLUGIN } from './tsoverlay.js'

/** In a swarm only the managed plugin's name will do. */
export const SWARM_DRIVER = `${PLUGIN}:latest`

export async function upSwarm(log: (line: string) => void): Promise<Lab> {
  const lab = await Lab.up({ hosts: 3, etcd: true, log })
  try {
    await installEverywhere(lab, { SCOPE: 'global' })
    await formSwarm(lab)
    return lab
  } catch (error) {
    await lab.down()
    throw error
  }
}

/** Short heartbeats, so that a dead node is known as one sooner. */
export async function formSwarm(lab: Lab): Promise<void> {
  const [first, ...others] = lab.hosts
  if (first === undefined) return
  const own = (host: Host) => ['--advertise-addr', host.address]
  await first.docker(['swarm', 'init', ...own(first), '--dispatcher-heartbeat', '2s'])
  const token = (await first.docker(['swarm', 'join-token', '-q', 'manager'])).stdout.trim()
  for (const host of others) {
    await host.docker(['swarm', 'join', '--token', token, ...own(host), `${first.address}:2377`])
  }
}

/** Host that leads the swarm, as another sees it. */
export async function leaderOf(lab: Lab, asked: Host): Promise<Host> {
  const format = '{{.Hostname}} {{.ManagerStatus}}'
  const { stdout } = await asked.docker(['node', 'ls', '--format', format])
  const name = /^(\S+) Leader$/m.exec(stdout)?.[1]
  const leader = lab.hosts.find((host) => host.name === name)
  if (leader === undefined) throw new Error(`no leader in:\n${stdout}`)
  return leader
}

export interface Task {
  readonly host: Host
  readonly container: string
  readonly address: string
}

/** Running containers of a service, on the hosts that are on. */
export async function tasksOf(lab: Lab, service: string, network: string): Promise<Task[]> {
  const tasks: Task[] = []
  const filter = ['--filter', `label=com.docker.swarm.service.name=${service}`]
  for (const host of lab.hosts.filter((one) => one.isOn())) {
    const { stdout } = await host.docker(['ps', '-q', ...filter], { check: false })
    for (const container of stdout.split('\n').filter((id) => id !== '')) {
      tasks.push({ host, container, address: await addressOf(host, container, network) })
    }
  }
  return tasks
}

/**
 * Reads until there are as many tasks as wanted.
 * @throws Error with the swarm's own words when they do not come in time
 */
export async function awaitTasks(
  lab: Lab,
  service: string,
  network: string,
  count: number,
  withinMs = 90_000,
): Promise<Task[]> {
  for (const end = Date.now() + withinMs; ; await sleep(500)) {
    const tasks = await tasksOf(lab, service, network).catch(() => [])
    if (tasks.length === count && tasks.every(({ address }) => address !== '')) return tasks
    if (Date.now() < end) continue
    const asked = lab.hosts.find((host) => host.isOn()) ?? lab.host(1)
    const { stdout } = await asked.docker(['service', 'ps', '--no-trunc', service])
    throw new Error(`${tasks.length} of ${count} tasks run:\n${stdout}`)
  }
}
