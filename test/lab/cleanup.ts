import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { labProcesses, removeCgroups, thaw } from './cgroup.js'
import { run, waitFor } from './exec.js'
import { STATE_DIR } from './names.js'
import { removeNetwork } from './network.js'
import { identify, signal, waitGone } from './processes.js'
import { machineNames, readInit, readRecord } from './state.js'

/**
 * Leaves nothing of any lab: processes, links, namespaces, rules, mounts, cgroups, disks. It goes
 * by names in the kernel and not by memory, so it also cleans up after a lab that was killed in
 * the middle of anything; a second time it finds nothing to do.
 */
export async function cleanUp(): Promise<void> {
  const record = readRecord()
  await endMachines()
  await endProcesses()
  await removeNetwork(record?.netnsDirectory)
  await removeCgroups()
  await unmountAll()
  await rm(STATE_DIR, { recursive: true, force: true, maxRetries: 3 })
}

/** The init of each machine, and the kernel ends everything in its pid namespace with it. */
async function endMachines(): Promise<void> {
  for (const name of machineNames()) {
    const init = readInit(name)
    if (init === undefined || !signal(init, 'SIGKILL')) continue
    thaw(name)
    await waitGone(init, 10_000)
  }
}

/** What was never recorded: it is in one of the lab's cgroups, and nobody else is. */
async function endProcesses(): Promise<void> {
  await waitFor('end of the processes in lab cgroups', 10_000, () => {
    const left = [...labProcesses()].map(identify).filter((id) => id !== undefined)
    for (const id of left) signal(id, 'SIGKILL')
    thaw()
    return left.length === 0 ? true : undefined
  })
}

/**
 * Mounts of machines live in namespaces that have gone with them. One out here would have been
 * made by hand, and removing the directory would empty what is mounted there.
 */
async function unmountAll(): Promise<void> {
  const mountPoints = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(join(STATE_DIR, '/')))
  for (const path of mountPoints.reverse()) await run(['umount', '-l', path])
}
