/** The last lines of a text that is written bit by bit. */
export class RecentLines {
  readonly #most: number
  #lines: string[] = []

  /** @param most so many lines are kept at least, and twice as many at most */
  constructor(most: number) {
    this.#most = most
  }

  add(line: string): void {
    this.#lines.push(line)
    if (this.#lines.length >= 2 * this.#most) this.#lines = this.#lines.slice(-this.#most)
  }

  /** The oldest first, without line ends. */
  list(): readonly string[] {
    return this.#lines.slice(-this.#most).map((line) => line.trimEnd())
  }
}
