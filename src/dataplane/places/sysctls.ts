/** Settings of the calling thread's network namespace, as files under /proc/sys. */
import { readFileSync, writeFileSync } from 'node:fs'
import { kernelFailed } from '../failure.js'

/** Undefined when there is none of the name. */
export function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim()
  } catch {
    return undefined
  }
}

/**
 * None of the name is success.
 * @throws TsoverlayError KERNEL_FAILED, as a gateway that does not forward would part subnets
 */
export function writeSysctl(name: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/${name}`, value)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
    throw kernelFailed(`sysctl ${name.replaceAll('/', '.')}`, 'it cannot be set', error)
  }
}
