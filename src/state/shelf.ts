/**
 * A folder of small JSON documents, one file each, mirrored in memory. Writes replace a file by
 * rename, so a crash leaves the old or the new one. No fsync: a power loss ends the containers too
 * (docs/design/store.md). Synchronous, as a write costs some 50 µs and order matters.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../core/ports.js'
import type { Codec } from './documents.js'

export class Shelf<T> {
  readonly #dir: string
  readonly #copyDir: string | undefined
  readonly #codec: Codec<T>
  readonly #idOf: (value: T) => string
  readonly #items = new Map<string, T>()

  /** Reads the folder, creating it if needed; a file that cannot be read is logged and dropped. */
  constructor(options: {
    dir: string
    /** every change is made here as well, after `dir`; what differs at the start is made equal */
    copyDir?: string
    codec: Codec<T>
    idOf: (value: T) => string
    logger: Logger
  }) {
    this.#dir = options.dir
    this.#copyDir = options.copyDir
    this.#codec = options.codec
    this.#idOf = options.idOf
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 })
    for (const name of readdirSync(this.#dir)) {
      const path = join(this.#dir, name)
      const value = name.endsWith('.json')
        ? this.#codec.decode(readFileSync(path, 'utf8'))
        : undefined
      if (value !== undefined) {
        this.#items.set(this.#idOf(value), value)
        continue
      }
      options.logger.warn({ path }, 'unreadable file in the journal dropped')
      rmSync(path, { force: true })
    }
    this.#startCopy()
  }

  get(id: string): T | undefined {
    return this.#items.get(id)
  }

  values(): IterableIterator<T> {
    return this.#items.values()
  }

  put(value: T): void {
    const id = this.#idOf(value)
    for (const dir of this.#dirs()) this.#write(dir, id, value)
    this.#items.set(id, value)
  }

  delete(id: string): void {
    for (const dir of this.#dirs()) rmSync(pathOf(dir, id), { force: true })
    this.#items.delete(id)
  }

  #dirs(): readonly string[] {
    return this.#copyDir === undefined ? [this.#dir] : [this.#dir, this.#copyDir]
  }

  #write(dir: string, id: string, value: T): void {
    const path = pathOf(dir, id)
    writeFileSync(`${path}.new`, this.#codec.encode(value), { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }

  /** What a crash between the two writes has left apart. */
  #startCopy(): void {
    if (this.#copyDir === undefined) return
    rmSync(this.#copyDir, { recursive: true, force: true })
    mkdirSync(this.#copyDir, { recursive: true, mode: 0o700 })
    for (const [id, value] of this.#items) this.#write(this.#copyDir, id, value)
  }
}

/** Ids may hold slashes and be long: the name is a hash, the id stands in the document. */
function pathOf(dir: string, id: string): string {
  return join(dir, `${createHash('sha256').update(id).digest('hex').slice(0, 32)}.json`)
}
