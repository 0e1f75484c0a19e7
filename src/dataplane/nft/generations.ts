/**
 * Which generation the rules of a namespace had when each of our tables in it was as planned. A
 * change of any rule there makes another; a batch of ours makes exactly one (nf_tables_api.c
 * nf_tables_commit), so it is no news for the other tables of ours.
 */
export class Generations {
  readonly #of = new Map<object, number>()

  /** undefined: the table has to be read */
  at(table: object): number | undefined {
    return this.#of.get(table)
  }

  set(table: object, generation: number | undefined): void {
    if (generation === undefined) this.#of.delete(table)
    else this.#of.set(table, generation)
  }

  /** A batch for one of them was done. */
  advance(table: object): void {
    const before = this.#of.get(table)
    for (const [each, generation] of this.#of) {
      if (generation === before) this.#of.set(each, generation + 1)
    }
  }
}
