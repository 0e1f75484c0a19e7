import { Type } from 'typebox'
import { count, oneOf, type Report, text, yesNo } from './schema.js'

export const ENTRY_TABLES = ['neighbours', 'fdb', 'routes', 'rules'] as const
export type EntryTable = (typeof ENTRY_TABLES)[number]

/** `kernel` and `unknown` are no differences. */
export const MARKS = ['ok', 'missing', 'wrong', 'foreign', 'kernel', 'unknown'] as const
export type Mark = (typeof MARKS)[number]

export const EntryRow = Type.Object({
  place: text('`host`, or the name of the sandbox'),
  where: text('the device, or the table of rules'),
  key: text('address, MAC, destination, or name of a set'),
  value: text('what the kernel has there; empty: nothing'),
  mark: oneOf(
    MARKS,
    '`foreign`: nobody of ours wants it; `kernel`: made by the kernel itself; `unknown`: the store was not read yet',
  ),
  should: Type.Optional(text('what it is to be, where it is not so')),
})
export type EntryRow = Report<typeof EntryRow>

/** Entries of one network beside what they should be, in GET /entries/<table>. */
export const EntriesReport = Type.Object({
  network: text('as this host calls it'),
  table: oneOf(ENTRY_TABLES, 'what is compared'),
  revision: count(
    "the store's, at the last change of what is wanted that this host has heard; 0: it was not read yet",
  ),
  wanted: yesNo('false: nothing is wanted, as no container of this host is on the network'),
  partial: yesNo('not all hosts or peers are known yet'),
  differences: count('rows that are not as they should be'),
  rows: Type.Array(EntryRow),
})
export type EntriesReport = Report<typeof EntriesReport>
