/** The figures of a fuzz run, and whether memory is flat. */
import type { Gauges } from '../soak/gauges.js'
import type { FuzzResult } from './run.js'

/**
 * Bounds from the first third of the phases to the last, by their medians. A leak of 100 bytes a
 * request would be 7 MB of heap in 100,000. What is resident depends on the allocator, too, which
 * gives little of what it once had back.
 */
const HEAP_KB = 2_048
const RSS_KB = 24_576

/** Whether memory grew; empty when not. */
export function growth({ gauges, ledger }: FuzzResult): string[] {
  const third = Math.floor(gauges.length / 3)
  const found: string[] = []
  const check = (what: string, of: (gauges: Gauges) => number, bound: number): void => {
    const first = median(gauges.slice(0, third).map(of))
    const last = median(gauges.slice(-third).map(of))
    if (last - first <= bound) return
    found.push(
      `seed ${ledger.seed}: ${what} grew from ${first} KB to ${last} KB, more than ${bound} KB`,
    )
  }
  check('the heap', ({ heapKb }) => heapKb, HEAP_KB)
  check('resident memory', ({ rssKb }) => rssKb, RSS_KB)
  return found
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Answers by kind of request, and the slowest answer to the call that was asked all the time. */
export function tableOf({ ledger, slowestMs }: FuzzResult): string[] {
  const statuses = [
    ...new Set([...ledger.counts.values()].flatMap((row) => [...row.keys()])),
  ].sort()
  const row = (name: string, cells: readonly (string | number)[]): string =>
    name.padEnd(12) + cells.map((cell) => String(cell).padStart(9)).join('')
  const rows = [...ledger.counts].map(([kind, outcomes]) =>
    row(
      kind,
      statuses.map((status) => outcomes.get(status) ?? 0),
    ),
  )
  return [row('', statuses), ...rows.sort(), `slowest liveness answer: ${slowestMs} ms`]
}
