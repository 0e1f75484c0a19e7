/** What every measurement of `make bench` has in common. */
import type { Lab } from '../lab/lab.js'

/** `<=` and `>=` speak of the ratio when there is a reference, else of our figure itself. */
export interface Goal {
  readonly is: '<=' | '>='
  readonly value: number
}

/** One line of the table. */
export interface Row {
  readonly what: string
  readonly unit: 'ms' | 's' | 'MB' | 'Mbit/s' | 'B/s' | '/s' | '%' | ''
  readonly ours: number
  readonly reference?: { readonly name: string; readonly value: number }
  /** absent: a figure to know, that nothing was promised of */
  readonly goal?: Goal
}

export interface Bench {
  /** three hosts with the plugin and an etcd */
  readonly lab: Lab
  /** progress, a line at a time */
  readonly log: (line: string) => void
  /**
   * The hosts as one swarm with an attachable overlay of Docker's own, made at the first call.
   * @returns the network's name
   */
  readonly native: () => Promise<string>
}

/** One file of test/bench; it leaves the lab as it found it. */
export interface Measurement {
  /** for ONLY= */
  readonly name: string
  readonly title: string
  run(bench: Bench): Promise<readonly Row[]>
}

export function ratioOf({ ours, reference }: Row): number | undefined {
  return reference === undefined ? undefined : ours / reference.value
}

/** undefined when the row has no goal. */
export function isMet(row: Row): boolean | undefined {
  if (row.goal === undefined) return undefined
  const value = ratioOf(row) ?? row.ours
  return row.goal.is === '<=' ? value <= row.goal.value : value >= row.goal.value
}
