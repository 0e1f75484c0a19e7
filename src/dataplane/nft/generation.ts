/**
 * Each change of any rule in a namespace makes a new generation of all. Tables that are written by
 * one pass share this, so that the batch of one is no change by others for the rest.
 */
export class Generation {
  #batches = 0

  /** A batch of ours was done: it makes exactly one generation (nf_tables_api.c nf_tables_commit). */
  advance(): void {
    this.#batches += 1
  }

  /** What to keep of a generation that was read. */
  markAt(generation: number): number {
    return generation - this.#batches
  }

  /** Whether nobody but us has changed rules since the mark was made. */
  isOurs(mark: number | undefined, generation: number): boolean {
    return mark !== undefined && mark + this.#batches === generation
  }
}
