/** Rows of text under each other, which may have colour: pure. */
import { withoutColour } from '../colour.js'

const GAP = '  '
/** Enough of an id to tell it from others; --json has all of it. */
export const SHORT = 12

/** @param rows the first one is the head */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map(() => 0)
  for (const row of rows) {
    for (let at = 0; at < widths.length; at += 1)
      widths[at] = Math.max(widths[at] ?? 0, length(row[at] ?? ''))
  }
  const lines = rows.map((row) => {
    const last = row.length - 1
    // No list of cells for each row: tables have ten thousands of them.
    let line = ''
    for (let at = 0; at < last; at += 1) {
      const cell = row[at] ?? ''
      line += cell.padEnd((widths[at] ?? 0) + cell.length - length(cell)) + GAP
    }
    return (line + (row[last] ?? '')).trimEnd()
  })
  return `${lines.join('\n')}\n`
}

/** As it is seen: what colour takes is not. Next to no cell has colour. */
function length(cell: string): number {
  return cell.includes('\u001b') ? withoutColour(cell).length : cell.length
}
