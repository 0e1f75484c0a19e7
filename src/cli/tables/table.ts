/** Rows of text under each other, which may have colour: pure. */
import { withoutColour } from '../colour.js'

const GAP = '  '
/** Enough of an id to tell it from others; --json has all of it. */
export const SHORT = 12

/** @param rows the first one is the head */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => length(row[at]))))
  const lines = rows.map((row) =>
    row
      .map((cell, at) => padded(cell, widths[at] ?? 0))
      .join(GAP)
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

function length(cell: string | undefined): number {
  return withoutColour(cell ?? '').length
}

function padded(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - length(cell)))
}
