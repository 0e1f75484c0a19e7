/** The machine that a figure comes from, and how busy it was. */
import { cpus, loadavg, release, totalmem } from 'node:os'

/** Runnable tasks a core, of others, from which figures cannot be trusted. */
const BUSY = 0.5

export interface Surroundings {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  /** one-minute load average before the first measurement */
  readonly load: number
  readonly noisy: boolean
}

/** To be called before the bench makes load of its own. */
export function surroundings(): Surroundings {
  const cores = cpus().length
  const load = loadavg()[0] ?? 0
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    load,
    noisy: load / cores > BUSY,
  }
}

export function describe(on: Surroundings): string {
  const text = `${on.cores} × ${on.cpu}, ${on.memoryGiB} GiB, Linux ${on.kernel}, Node ${on.node}, load before ${on.load.toFixed(2)}`
  return on.noisy ? `${text}\nNOISY: the machine was busy with other things` : text
}
