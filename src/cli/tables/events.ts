/** What happens, a line for each: pure. */
import type { EventReport } from '../../core/admin/events.js'
import { bad, doubtful, faint, good } from '../colour.js'

const KIND_WIDTH = 'endpoint'.length
const WHAT_WIDTH = 'published'.length

const PAINTED: Readonly<Partial<Record<EventReport['what'], (text: string) => string>>> = {
  lost: bad,
  away: bad,
  appears: bad,
  skipped: doubtful,
  up: good,
  back: good,
  mended: good,
}

/** With the time of day, as the clock of the host shows it. */
export function eventLine(event: EventReport): string {
  const { at, kind, what, name, host, network, addresses = [], note } = event
  const time = new Date(at).toTimeString().slice(0, 'hh:mm:ss'.length)
  const paint = PAINTED[what] ?? ((text: string) => text)
  const where = [
    name,
    ...(host === undefined ? [] : [`on ${host}`]),
    ...(network === undefined || network === name ? [] : [`in ${network}`]),
    ...addresses,
  ].join(' ')
  const line = `${faint(time)}  ${kind.padEnd(KIND_WIDTH)}  ${paint(what.padEnd(WHAT_WIDTH))}  ${where}`
  return `${note === '' ? line : `${line}: ${note}`}\n`
}
