/** The machine that a figure comes from, and how busy it was. */
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

/** Share of the CPU time, taken by others, from which figures cannot be trusted. */
const BUSY = 0.2
/** So long it is looked at; a load average would still count what has ended. */
const LOOK_MS = 2_000

export interface Surroundings {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  /** share of all cores' time that was in use just before the first measurement, 0 to 1 */
  readonly busy: number
  readonly noisy: boolean
}

/** To be called before the bench makes load of its own; it looks for two seconds. */
export async function surroundings(): Promise<Surroundings> {
  const before = readFileSync('/proc/stat', 'utf8')
  await sleep(LOOK_MS)
  const busy = busyShare(before, readFileSync('/proc/stat', 'utf8'))
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    busy,
    noisy: busy > BUSY,
  }
}

/**
 * @param before and after: /proc/stat at two times. Its first line has the time of all cores: user,
 *   nice, system, idle, iowait, irq, softirq, steal, and guests', which user has already (proc_stat(5))
 * @returns the share of the time between in which a core worked, or another machine had it; 0 to 1
 */
export function busyShare(before: string, after: string): number {
  const [former, latter] = [timesOf(before), timesOf(after)]
  const spent = latter.map((time, at) => time - (former[at] ?? 0))
  const all = spent.reduce((sum, time) => sum + time, 0)
  const idle = (spent[3] ?? 0) + (spent[4] ?? 0)
  return all === 0 ? 0 : (all - idle) / all
}

function timesOf(stat: string): readonly number[] {
  const line = /^cpu +(.*)$/m.exec(stat)?.[1] ?? ''
  return line.split(' ').slice(0, 8).map(Number)
}

export function describe(on: Surroundings): string {
  const busy = `${Math.round(on.busy * 100)} %`
  const text = `${on.cores} × ${on.cpu}, ${on.memoryGiB} GiB, Linux ${on.kernel}, Node ${on.node}, ${busy} busy before`
  const most = `${BUSY * 100} %`
  return on.noisy
    ? `${text}\nNOISY: other things had ${busy} of the CPU time just before the start, more than ${most}: repeat it when they have ended`
    : text
}
