/** What a fault is to the harness; the groups beside this file hold the faults. */
import type { Backend } from './networks.js'
import type { Way } from './pings.js'
import type { Stage } from './stage.js'

/** What it is played on: one etcd; a cluster of three; one etcd and a swarm of three managers. */
export type Setting = 'plain' | 'members' | 'swarm'

export interface Scenario {
  /** for `ONLY=` */
  readonly name: string
  /** what happens, for people */
  readonly fault: string
  /** `plain` unless told */
  readonly setting?: Setting
  /** that it can be played on; all unless told, and it says why */
  readonly backends?: readonly Backend[]
  /** no packet may get lost between these witnesses, from before the fault until all is repaired */
  readonly steady: readonly Way[]
  /** what must hold besides the agreement of dockerds, kernels and store; for people */
  readonly until: string
  /** milliseconds in which all must be repaired; 60,000 unless told */
  readonly limitMs?: number
  /** Brings about what the fault needs, before the pings start. */
  prepare?(stage: Stage): Promise<void>
  /** Does the fault and heals it; `stage.mark()` says from when on the repair is timed. */
  play(stage: Stage): Promise<void>
  /** What `until` says, looked at again and again. @returns what is not so yet */
  missing?(stage: Stage): Promise<readonly string[]>
  /** Makes the lab as it was, whatever came of it. */
  restore?(stage: Stage): Promise<void>
}

export interface Result {
  readonly name: string
  readonly fault: string
  /** that it was played on */
  readonly backends: readonly Backend[]
  readonly sent: number
  readonly lost: number
  /** which pings lost what */
  readonly losses: readonly string[]
  /** milliseconds until the first look at which all was well, so an upper bound */
  readonly repairMs: number | undefined
  readonly until: string
  /** what was there and should not, or the other way round, when the time was over */
  readonly leftovers: readonly string[]
  /** what went wrong on the way: a command that failed or hung, a wrong answer */
  readonly problems: readonly string[]
}

/** Nothing lost, all repaired, nothing left, nothing strange. */
export function isGood(result: Result): boolean {
  const { lost, repairMs, leftovers, problems } = result
  return lost === 0 && repairMs !== undefined && leftovers.length + problems.length === 0
}
