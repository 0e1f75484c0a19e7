/** A file that grows by whole lines, and is replaced by a shorter one from time to time. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

export class AppendFile {
  readonly #path: string
  readonly #durable: boolean
  #bytes = 0

  /**
   * Makes the folder, if needed; the file is made by `replace`.
   * @param durable an append is on the disk before it returns
   */
  constructor(path: string, durable: boolean) {
    this.#path = path
    this.#durable = durable
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Lines of the file; none when there is no file. One that a crash has torn is cut off then. */
  lines(): readonly string[] {
    if (!existsSync(this.#path)) return []
    const data = readFileSync(this.#path)
    const whole = data.lastIndexOf('\n') + 1
    if (whole < data.length) this.undo(whole)
    return data
      .toString()
      .split('\n')
      .filter((line) => line !== '')
  }

  /** @throws Error of the file system; `undo` then takes back what was written of it */
  append(text: string): void {
    this.#bytes += write(this.#path, 'a', text, this.#durable)
  }

  /** Takes the file back to an earlier length; a full disk may have taken half a line. */
  undo(bytes: number): void {
    truncateSync(this.#path, bytes)
    this.#bytes = bytes
  }

  /** A crash leaves the old file or the new one. */
  replace(text: string): void {
    const bytes = write(`${this.#path}.new`, 'w', text, true)
    renameSync(`${this.#path}.new`, this.#path)
    this.#bytes = bytes
  }
}

/** @returns the number of bytes written */
function write(path: string, flags: 'a' | 'w', text: string, durable: boolean): number {
  const data = Buffer.from(text)
  const file = openSync(path, flags, 0o600)
  try {
    for (let done = 0; done < data.length; ) done += writeSync(file, data, done)
    if (durable) fsyncSync(file)
  } finally {
    closeSync(file)
  }
  return data.length
}
