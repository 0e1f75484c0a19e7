/** The labs that faults are played on. */
import type { Host } from '../lab/host.js'
import { Lab } from '../lab/lab.js'
import { SWARM_DRIVER, upSwarm } from '../lab/swarm.js'
import { installEverywhere } from '../lab/tsoverlay.js'
import { startMembers } from './etcd-members.js'
import { type Backend, createOf, subnetOf } from './networks.js'
import type { Setting } from './scenario.js'
import { Stage } from './stage.js'

const SYNC = { NETWORK_SYNC: 'on' }

/** Brings the lab up; `stage.lab.down()` removes it. */
export async function openStage(setting: Setting, say: (line: string) => void): Promise<Stage> {
  if (setting === 'swarm') return new Stage(await upSwarm(say), say, createInSwarm)
  const lab = await Lab.up({ hosts: 3, etcd: true, log: say })
  try {
    const store = setting === 'members' ? { STORE: (await startMembers(lab)).join(',') } : {}
    await installEverywhere(lab, { ...SYNC, ...store })
  } catch (error) {
    await lab.down()
    throw error
  }
  return new Stage(lab, say, (host, backend) => createOf(backend, host, backend, subnetOf(backend)))
}

async function createInSwarm(host: Host, backend: Backend): Promise<void> {
  const drivers = ['-d', SWARM_DRIVER, '--ipam-driver', SWARM_DRIVER]
  const flags = [...drivers, '--attachable', ...subnetOf(backend)]
  await host.docker(['network', 'create', ...flags, backend])
}
