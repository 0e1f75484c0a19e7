import { readFileSync } from 'node:fs'
import { waitFor } from './exec.js'

/**
 * A process that cannot be mistaken for another: a pid alone is given out again. The start time is
 * field 22 of /proc/PID/stat, in clock ticks since boot (proc_pid_stat(5)), hence the boot id.
 */
export interface ProcessId {
  readonly pid: number
  readonly startTime: string
  readonly bootId: string
}

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

/** Fields from the third on, as the second holds the command in brackets and may contain spaces. */
function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** The process that has this pid now; undefined if none has, or only a zombie. */
export function identify(pid: number): ProcessId | undefined {
  const fields = statFields(pid)
  if (fields === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined
  return { pid, startTime: fields[19] ?? '', bootId: bootId() }
}

/** Whether it runs still; a zombie does not. */
export function isAlive(id: ProcessId): boolean {
  const now = identify(id.pid)
  return now !== undefined && now.startTime === id.startTime && now.bootId === id.bootId
}

/** Sends the signal if this very process is alive still. @returns whether it was sent. */
export function signal(id: ProcessId, name: NodeJS.Signals): boolean {
  if (!isAlive(id)) return false
  try {
    process.kill(id.pid, name)
    return true
  } catch {
    return false
  }
}

/** @throws LabError if it is alive after `timeoutMs`. */
export async function waitGone(id: ProcessId, timeoutMs: number): Promise<void> {
  await waitFor(`end of process ${id.pid}`, timeoutMs, () => (isAlive(id) ? undefined : true))
}
