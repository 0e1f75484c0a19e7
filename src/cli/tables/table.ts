/** Rows of text under each other: pure. */
const GAP = '  '
/** Enough of an id to tell it from others; --json has all of it. */
export const SHORT = 12

/** @param rows the first one is the head */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => length(row[at]))))
  const lines = rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join(GAP)
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

function length(cell: string | undefined): number {
  return cell?.length ?? 0
}
