/** Entries beside what they should be, as people read them: pure. */
import type { EntriesReport, EntryRow } from '../../core/admin/entries.js'
import { table } from './table.js'

const HEADS: Readonly<Record<EntriesReport['table'], readonly [string, string]>> = {
  neighbours: ['ADDRESS', 'NEIGHBOUR'],
  fdb: ['MAC', 'LEADS'],
  routes: ['DESTINATION', 'WAY'],
  rules: ['SET', 'ELEMENT'],
}

/** @param all also what the kernel has made itself */
export function entriesText(report: EntriesReport, all: boolean): string {
  const { table: of } = report
  const rows = report.rows.filter(({ mark }) => all || mark !== 'kernel')
  const head = ['PLACE', of === 'rules' ? 'TABLE' : 'DEVICE', ...HEADS[of], 'NOTE']
  const lines = rows.map((row) => [
    row.place,
    row.where || '-',
    row.key,
    row.value || '-',
    noteOf(row),
  ])
  return `${headLine(report)}\n${rows.length === 0 ? '' : table([head, ...lines])}${sum(report, rows)}\n`
}

function headLine({ network, table: of, revision, wanted, partial }: EntriesReport): string {
  const since =
    revision === 0 ? 'before the store was read' : `as of revision ${revision} of the store`
  const what = wanted
    ? `beside what should be there ${since}`
    : 'where nothing is wanted: no container of this host is on it'
  return `${of} of network ${network}, ${what}${partial ? '; not all hosts or peers are known yet' : ''}`
}

function noteOf({ mark, should }: EntryRow): string {
  switch (mark) {
    case 'ok':
      return ''
    case 'missing':
    case 'wrong':
      return `${mark}: should be ${should}`
    case 'foreign':
      return 'not ours'
    case 'kernel':
      return "the kernel's own"
    case 'unknown':
      return 'not known yet'
  }
}

function sum({ differences, rows: all }: EntriesReport, rows: readonly EntryRow[]): string {
  const left = all.length - rows.length
  const hidden = left === 0 ? '' : `; ${left} of the kernel's own are left out (--all)`
  if (differences === 0) return `all as it should be${hidden}`
  const be = differences === 1 ? 'is' : 'are'
  return `${differences} of ${rows.length} ${be} not as they should be${hidden}`
}
