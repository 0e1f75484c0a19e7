/** The results as a table for people. */
import { BACKENDS } from './networks.js'
import { isGood, type Result } from './scenario.js'

const HEAD = ['', 'fault', 'backends', 'lost', 'sent', 'repair', 'left', 'name']

export function tableOf(results: readonly Result[]): string {
  const rows = [HEAD, ...results.map(rowOf)]
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0, column))
      .join('  ')
      .trimEnd(),
  )
  return [...lines, ...results.flatMap(troubles)].join('\n')
}

/** Figures stand to the right. */
function pad(cell: string, width: number, column: number): string {
  return column >= 3 && column <= 6 ? cell.padStart(width) : cell.padEnd(width)
}

function rowOf(result: Result): string[] {
  const { name, fault, backends, sent, lost, repairMs, leftovers } = result
  const repair = repairMs === undefined ? 'never' : `${(repairMs / 1_000).toFixed(1)} s`
  const verdict = isGood(result) ? 'ok' : 'BAD'
  const packets = sent === 0 ? '-' : `${lost}`
  return [
    verdict,
    fault,
    backends.length === BACKENDS.length ? 'all' : backends.join(', '),
    packets,
    sent === 0 ? '-' : `${sent}`,
    repair,
    `${leftovers.length}`,
    name,
  ]
}

function troubles({ name, losses, leftovers, problems }: Result): string[] {
  return [
    ...losses.map((one) => `${name}: ${one}`),
    ...leftovers.map((one) => `${name}: left: ${one}`),
    ...problems.map((one) => `${name}: ${one}`),
  ]
}
