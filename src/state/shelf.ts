/**
 * Small JSON documents, in memory and in one file to which every change is appended: a line `+` with
 * the whole document, or `-` with the id. A crash can tear the last line only. From time to time the
 * file is written anew with what is still true.
 *
 * Not a file for each document, replaced by rename: ext4 writes such a file to the disk before it
 * goes on (fs/ext4/namei.c ext4_rename, auto_da_alloc), which made up most of the time of an
 * address. Synchronous, as an append takes some 20 µs and order matters.
 */
import { messageOf } from '../core/errors.js'
import type { Logger } from '../core/ports.js'
import { AppendFile } from './append-file.js'
import type { Codec } from './documents.js'

/** A file smaller than this many bytes is not worth writing anew. */
const COMPACT_FROM = 256 * 1024

export interface ShelfOptions<T> {
  /** the file; its folder is made */
  readonly path: string
  /** another file that always says the same; what differs at the start is made equal to `path` */
  readonly copyPath?: string
  readonly codec: Codec<T>
  readonly idOf: (value: T) => string
  /** written to the disk before `put` returns: for what must outlive a power loss */
  readonly durable?: boolean
  readonly logger: Logger
}

export class Shelf<T> {
  readonly #options: ShelfOptions<T>
  readonly #items = new Map<string, T>()
  readonly #file: AppendFile
  readonly #files: readonly AppendFile[]
  #version = 0
  /** bytes at which the file is written anew */
  #limit = COMPACT_FROM

  /** Reads the file; a line that cannot be read is logged and dropped. */
  constructor(options: ShelfOptions<T>) {
    this.#options = options
    const { path, copyPath, durable = false, logger } = options
    this.#file = new AppendFile(path, durable)
    const copies = copyPath === undefined ? [] : [new AppendFile(copyPath, false)]
    this.#files = [this.#file, ...copies]
    const bad = this.#file.lines().filter((line) => !this.#replay(line)).length
    if (bad > 0) logger.warn({ path, lines: bad }, 'unreadable lines in the journal dropped')
    this.#compact()
  }

  get(id: string): T | undefined {
    return this.#items.get(id)
  }

  /** Changes with each change. */
  get version(): number {
    return this.#version
  }

  values(): IterableIterator<T> {
    return this.#items.values()
  }

  /** @throws Error of the file system; then nothing has changed */
  put(value: T): void {
    this.#append(`+${this.#options.codec.encode(value)}\n`)
    this.#items.set(this.#options.idOf(value), value)
    this.#version += 1
    this.#compactIfLong()
  }

  /** @throws Error of the file system; then nothing has changed */
  delete(id: string): void {
    if (!this.#items.has(id)) return
    this.#append(`-${JSON.stringify(id)}\n`)
    this.#items.delete(id)
    this.#version += 1
    this.#compactIfLong()
  }

  #replay(line: string): boolean {
    if (line.startsWith('-')) return this.#replayDelete(line.slice(1))
    const value = line.startsWith('+') ? this.#options.codec.decode(line.slice(1)) : undefined
    if (value === undefined) return false
    this.#items.set(this.#options.idOf(value), value)
    return true
  }

  #replayDelete(text: string): boolean {
    try {
      this.#items.delete(JSON.parse(text))
      return true
    } catch {
      return false
    }
  }

  #append(text: string): void {
    const before = this.#files.map(({ bytes }) => bytes)
    try {
      for (const file of this.#files) file.append(text)
    } catch (error) {
      for (const [at, file] of this.#files.entries()) file.undo(before[at] ?? 0)
      throw error
    }
  }

  #compactIfLong(): void {
    if (this.#file.bytes > this.#limit) this.#compact()
  }

  /** Replaces the file by one with a line for each document; where that fails, it grows for now. */
  #compact(): void {
    const { codec, path, logger } = this.#options
    const text = [...this.#items.values()].map((value) => `+${codec.encode(value)}\n`).join('')
    try {
      for (const file of this.#files) file.replace(text)
    } catch (error) {
      logger.error({ path, err: messageOf(error) }, 'journal not written anew, it grows')
    }
    this.#limit = Math.max(COMPACT_FROM, 4 * this.#file.bytes)
  }
}
