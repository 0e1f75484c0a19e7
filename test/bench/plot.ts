/** Two plain SVG charts, written by hand: bars of ratios, and lines over a logarithmic axis. */
import { isMet, type Row, ratioOf } from './measurement.js'
import { goalText } from './table.js'

const ROW = 26
const LEFT = 530
const LONGEST = 400
const WIDTH = LEFT + LONGEST + 150
const HEAD = 40
/** Bars end here: a ratio that is worse is cut and its number tells. */
const MOST = 3

const escaped = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')

function text(x: number, y: number, content: string, more = ''): string {
  return `<text x="${x}" y="${y}" ${more}>${escaped(content)}</text>`
}

function page(width: number, height: number, body: readonly string[]): string {
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`
  const open = `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12">`
  return `${[open, '<rect width="100%" height="100%" fill="white"/>', ...body, '</svg>'].join('\n')}\n`
}

/** A bar for each row with a reference: ours as a multiple of it, a tick at the goal. */
export function barChart(rows: readonly Row[], title: string): string {
  const bars = rows.filter((row) => row.reference !== undefined)
  const scale = (ratio: number): number => LEFT + (Math.min(ratio, MOST) / MOST) * LONGEST
  const height = HEAD + bars.length * ROW + 30
  const one = `<line x1="${scale(1)}" y1="${HEAD - 8}" x2="${scale(1)}" y2="${height - 24}" stroke="#888"/>`
  const body = bars.flatMap((row, at) => {
    const y = HEAD + at * ROW
    const ratio = ratioOf(row) ?? 0
    const colour = isMet(row) === false ? '#c0504d' : '#4f81bd'
    const goal = scale(row.goal?.value ?? 0)
    const aim = row.goal === undefined ? '' : ` (goal ${goalText(row)})`
    return [
      text(LEFT - 8, y + 14, `${row.what} : ${row.reference?.name}`, 'text-anchor="end"'),
      `<rect x="${LEFT}" y="${y + 3}" width="${scale(ratio) - LEFT}" height="14" fill="${colour}"/>`,
      ...(row.goal === undefined
        ? []
        : [
            `<line x1="${goal}" y1="${y}" x2="${goal}" y2="${y + 20}" stroke="black" stroke-width="2"/>`,
          ]),
      text(scale(ratio) + 6, y + 14, `${ratio.toFixed(2)} ×${aim}`),
    ]
  })
  const foot = text(scale(1), height - 8, '1 × the reference', 'text-anchor="middle"')
  return page(WIDTH, height, [text(10, 20, title, 'font-size="14"'), ...body, one, foot])
}

export interface Line {
  readonly name: string
  /** x and y, both above 0 */
  readonly points: readonly (readonly [number, number])[]
}

const COLOURS = ['#4f81bd', '#c0504d', '#9bbb59', '#8064a2', '#f79646']

/** Lines on two logarithmic axes, each point with its value. */
export function lineChart(lines: readonly Line[], title: string, x: string): string {
  const [width, height, margin] = [820, 420, 60]
  const points = lines.flatMap((line) => line.points)
  const place = (values: readonly number[], from: number, to: number) => {
    const [low, high] = [Math.log10(Math.min(...values)), Math.log10(Math.max(...values))]
    return (value: number): number =>
      from + ((Math.log10(value) - low) / (high - low || 1)) * (to - from)
  }
  const across = place(
    points.map(([at]) => at),
    margin,
    width - 260,
  )
  const up = place(
    points.map(([, value]) => value),
    height - margin,
    margin,
  )
  const body = lines.flatMap(({ name, points: own }, at) => {
    const colour = COLOURS[at % COLOURS.length] ?? 'black'
    const path = own.map(([a, b]) => `${across(a).toFixed(1)},${up(b).toFixed(1)}`).join(' ')
    return [
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...own.map(([a, b]) =>
        text(across(a) + 4, up(b) - 5, b.toPrecision(3), `fill="${colour}" font-size="10"`),
      ),
      text(width - 190, margin + at * 18, name, `fill="${colour}"`),
    ]
  })
  const ticks = [...new Set(points.map(([a]) => a))].map((value) =>
    text(across(value), height - margin + 20, value.toLocaleString('en'), 'text-anchor="middle"'),
  )
  const note = `${x}; both axes are logarithmic`
  const foot = text(width / 2 - 100, height - 12, note, 'text-anchor="middle"')
  return page(width, height, [text(10, 20, title, 'font-size="14"'), ...body, ...ticks, foot])
}
