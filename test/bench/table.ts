import { isMet, type Row, ratioOf } from './measurement.js'

/** A number as people read it: three figures that count. */
export function figure(value: number, unit: string): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3
  const text = Number.isFinite(value) ? value.toFixed(digits) : '-'
  return unit === '' ? text : `${text} ${unit}`
}

const VERDICTS = new Map<boolean | undefined, string>([
  [true, 'met'],
  [false, 'NOT MET'],
  [undefined, ''],
])

export function goalText({ goal, reference, unit }: Row): string {
  if (goal === undefined) return '-'
  const sign = goal.is === '<=' ? '≤' : '≥'
  return `${sign} ${goal.value} ${reference === undefined ? unit : '×'}`.trim()
}

/** Markdown, so that it can be put in docs/performance.md as it is. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map((row) => {
    const { what, unit, ours, reference } = row
    const ratio = ratioOf(row)
    return [
      what,
      figure(ours, unit),
      reference === undefined ? '-' : `${figure(reference.value, unit)} (${reference.name})`,
      ratio === undefined ? '-' : `${ratio.toFixed(2)} ×`,
      goalText(row),
      VERDICTS.get(isMet(row)) ?? '',
    ]
  })
  const head = ['what', 'ours', 'reference', 'ratio', 'goal', '']
  const widths = head.map((_, at) =>
    Math.max(...[head, ...cells].map((line) => line[at]?.length ?? 0)),
  )
  const line = (parts: readonly string[]): string =>
    `| ${parts.map((part, at) => part.padEnd(widths[at] ?? 0)).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [line(head), rule, ...cells.map(line)].join('\n')
}
