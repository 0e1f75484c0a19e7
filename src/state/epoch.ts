/**
 * Notices that the store is not what it was: empty after a loss, or older, as it was put back from a
 * backup. `/generation` names what the store has been through; whoever finds it missing, or the
 * store at an earlier revision than it has seen, writes a new one, so that hosts that are away
 * learn of it as well. What was seen last stands on this host's disk.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { rest } from '../core/deadline.js'
import { TsoverlayError } from '../core/errors.js'
import type { Logger, Store } from '../core/ports.js'
import { keys } from './keys.js'

/**
 * How long hosts that are connected need at most to claim again what they have: a watch is back
 * within a second. Shorter than a call's deadline, so that who creates a network waits, and gets it.
 */
const GRACE_MS = 5_000

export interface EpochParts {
  readonly store: Store
  readonly file: string
  readonly logger: Logger
  /** milliseconds, never going back */
  readonly now: () => number
  readonly graceMs?: number
}

interface Seen {
  readonly generation: string
  readonly revision: number
}

export class Epoch {
  readonly #parts: EpochParts
  #seen: Seen | undefined
  #running: Promise<boolean> | undefined
  #graceEnd = Number.NEGATIVE_INFINITY
  #replaced = 0
  #told = 0

  constructor(parts: EpochParts) {
    this.#parts = parts
    this.#seen = readSeen(parts.file)
  }

  /**
   * Looks at the store.
   * @returns true once for each time that it has become another one
   * @throws TsoverlayError STORE_UNAVAILABLE
   */
  async check(): Promise<boolean> {
    await this.#look()
    const isNew = this.#told !== this.#replaced
    this.#told = this.#replaced
    return isNew
  }

  /**
   * To be awaited before a block is claimed that this host had no part in: after a loss its owner must
   * be faster.
   * @throws TsoverlayError DEADLINE_EXCEEDED, STORE_UNAVAILABLE
   */
  async settled(signal: AbortSignal = new AbortController().signal): Promise<void> {
    await this.#look()
    const left = this.#graceEnd - this.#parts.now()
    if (left <= 0) return
    await rest(left, signal)
    if (!signal.aborted) return
    throw new TsoverlayError(
      'DEADLINE_EXCEEDED',
      'the store has lost data a moment ago, and hosts are putting back what they have: try again in some seconds',
    )
  }

  #look(): Promise<boolean> {
    this.#running ??= this.#compare().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #compare(): Promise<boolean> {
    const { store, logger, now, graceMs = GRACE_MS } = this.#parts
    const { entries, revision } = await store.list(keys.generation)
    const [entry] = entries
    const seen = this.#seen
    const isOlder = seen !== undefined && revision < seen.revision
    const isOther = seen !== undefined && entry?.value !== seen.generation
    const generation = isOlder || entry === undefined ? await this.#renew(entry) : entry.value
    this.#remember({ generation, revision })
    if (!isOlder && !isOther) return false
    this.#replaced += 1
    this.#graceEnd = now() + graceMs
    const fields = { generation, revision, seen: seen?.revision }
    logger.warn(fields, 'the store has lost data, putting back what this host has')
    return true
  }

  /** @returns the generation that is in the store afterwards, this one or another host's */
  async #renew(entry: { readonly revision: number } | undefined): Promise<string> {
    const { store } = this.#parts
    const generation = randomUUID()
    const key = keys.generation
    const guard =
      entry === undefined
        ? ({ key, is: 'absent' } as const)
        : ({ key, is: 'unchanged', revision: entry.revision } as const)
    if ((await store.txn([guard], [{ put: key, value: generation }])).done) return generation
    return (await store.get(key))?.value ?? generation
  }

  #remember(seen: Seen): void {
    const before = this.#seen
    this.#seen = seen
    if (before?.generation === seen.generation && before.revision === seen.revision) return
    const { file } = this.#parts
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(`${file}.new`, JSON.stringify(seen), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
}

function readSeen(file: string): Seen | undefined {
  try {
    const { generation, revision } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Seen>
    if (typeof generation !== 'string' || typeof revision !== 'number') return undefined
    return { generation, revision }
  } catch {
    return undefined
  }
}
