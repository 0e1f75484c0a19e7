/** Rows of what is wanted and what was found, each wanted one beside its own: pure. */
import type { EntryRow, Mark } from '../../core/admin/entries.js'

type Cell = Pick<EntryRow, 'where' | 'key' | 'value'>

const DIFFERENCES: readonly string[] = ['missing', 'wrong', 'foreign']

export function isDifference({ mark }: Pick<EntryRow, 'mark'>): boolean {
  return DIFFERENCES.includes(mark)
}

export class Comparison {
  readonly #place: string
  readonly #partial: boolean
  readonly #wanted = new Map<string, Cell>()
  readonly #found: { readonly cell: Cell; readonly unwanted: Mark; readonly kind: string }[] = []

  /** @param partial not all that is wanted is known: what nobody wants may be right */
  constructor(place: string, partial: boolean) {
    this.#place = place
    this.#partial = partial
  }

  want(cell: Cell): void {
    this.#wanted.set(idOf(cell), cell)
  }

  /**
   * @param unwanted how it is marked where nothing is wanted at this key
   * @param kind entries of another kind than that of wanted ones are beside these, not in their place
   */
  find(cell: Cell, unwanted: Mark, kind = ''): void {
    this.#found.push({ cell, unwanted, kind })
  }

  rows(): readonly EntryRow[] {
    const place = this.#place
    const right = new Set<string>()
    const seen = new Set<string>()
    for (const { cell, kind } of this.#found) {
      const want = kind === '' ? this.#wanted.get(idOf(cell)) : undefined
      if (want === undefined) continue
      seen.add(idOf(cell))
      if (want.value === cell.value) right.add(idOf(cell))
    }
    const missing = [...this.#wanted]
      .filter(([id]) => !seen.has(id))
      .map(([, { where, key, value }]): EntryRow => {
        return { place, where, key, value: '', mark: 'missing', should: value }
      })
    const found = this.#found.map(({ cell, unwanted, kind }): EntryRow => {
      const want = kind === '' ? this.#wanted.get(idOf(cell)) : undefined
      if (want === undefined) return { place, ...cell, mark: this.#unwanted(unwanted) }
      if (want.value === cell.value) return { place, ...cell, mark: 'ok' }
      // beside the right one it is one too many
      if (right.has(idOf(cell))) return { place, ...cell, mark: 'foreign' }
      return { place, ...cell, mark: 'wrong', should: want.value }
    })
    return [...missing, ...found]
  }

  #unwanted(mark: Mark): Mark {
    return this.#partial && mark === 'foreign' ? 'unknown' : mark
  }
}

/** A route is found by its destination, whatever its device. */
function idOf({ where, key }: Cell): string {
  return key.includes('/') ? key : `${where} ${key}`
}
