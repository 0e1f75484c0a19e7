/** Tables, which say all that the map does. */
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { grouped } from '../model/words.js'
import { scrolls } from './scroll.js'
import { Note } from './section.js'

export interface Column<T> {
  readonly head: string
  readonly number?: true
  readonly cell: (row: T) => ComponentChildren
}

interface TableProps<T> {
  /** for who hears it */
  readonly caption: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly id: (row: T) => string
  readonly none: string
}

const PAGE = 50

/** The first column names the row. More rows than fit come when they are asked for. */
export function Table<T>({ caption, columns, rows, id, none }: TableProps<T>) {
  const [most, setMost] = useState(PAGE)
  if (rows.length === 0) return <Note>{none}</Note>
  return (
    <>
      <div class="scroll" {...scrolls(caption)}>
        <table>
          <caption class="unseen">{caption}</caption>
          <thead>
            <tr>
              {columns.map(({ head, number }) => (
                <th key={head} scope="col" class={number ? 'number' : ''}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, most).map((row) => (
              <Row key={id(row)} row={row} columns={columns} />
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > most ? (
        <button type="button" class="quiet" onClick={() => setMost(most + 4 * PAGE)}>
          {grouped(rows.length - most)} more
        </button>
      ) : null}
    </>
  )
}

function Row<T>({ row, columns }: { readonly row: T; readonly columns: readonly Column<T>[] }) {
  return (
    <tr>
      {columns.map(({ head, number, cell }, at) =>
        at === 0 ? (
          <th key={head} scope="row">
            {cell(row)}
          </th>
        ) : (
          <td key={head} class={number ? 'number' : ''}>
            {cell(row)}
          </td>
        ),
      )}
    </tr>
  )
}
