/** A copy of a machine's disk in another machine: what a VM template does. */
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './exec.js'
import type { Host } from './host.js'
import { machineDir } from './names.js'

const diskOf = (host: Host): string => join(machineDir(host.name), 'disk')
const keptOf = (host: Host): string => `${diskOf(host)}.kept`

/** The id that the plugin has in the cluster. */
export async function idOf(host: Host): Promise<string> {
  return (await host.sh(['cat', '/run/tsoverlay/host-id'])).stdout.trim()
}

/** Both are off afterwards. */
export async function copyDisk(from: Host, to: Host): Promise<void> {
  await Promise.all([from.powerOff(), to.powerOff()])
  await rename(diskOf(to), keptOf(to))
  await run(['cp', '-a', diskOf(from), diskOf(to)], { timeoutMs: 300_000 })
}

/** Its former disk is in it again; it is off afterwards. */
export async function takeCopyOut(host: Host): Promise<void> {
  await host.powerOff()
  if (!existsSync(keptOf(host))) return
  await rm(diskOf(host), { recursive: true, force: true })
  await rename(keptOf(host), diskOf(host))
}
