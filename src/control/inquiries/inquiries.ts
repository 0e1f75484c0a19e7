/**
 * Hosts' agents ask each other, through the store: no port is opened on the underlay, it works when
 * the underlay does not, and who may write to the store is who may ask. A question is a key below the
 * asked host, its answer one below the asker, both on a lease of the asker's, so that nothing stays.
 * One watch for each agent shows it both. docs/design/explain.md tells more.
 */
import { linked, untilAborted, withLimit } from '../../core/deadline.js'
import { messageOf, TsoverlayError } from '../../core/errors.js'
import type { Answer, InquiryKind, Params } from '../../core/inquiry.js'
import type { Delta, Entry, Logger, Page, Snapshot, Store } from '../../core/ports.js'
import type { Host, HostId } from '../../core/types.js'
import { VERSION } from '../../core/version.js'
import { keys } from '../../state/keys.js'
import { Answerer, type Handler } from './answerer.js'
import { Asker, type Named } from './asker.js'

/** Enough for a host under load; most answers take milliseconds. */
const WITHIN_MS = 5_000

export interface InquiriesParts {
  /** not fenced: a question that comes late finds its lease gone */
  readonly store: Store
  readonly identity: Named
  /** of the cluster, as far as this host knows them */
  readonly hosts: () => readonly Host[]
  readonly logger: Logger
}

export interface AskOptions {
  readonly signal?: AbortSignal | undefined
  /** how long the host has to answer (ms) */
  readonly withinMs?: number
}

/** What a host has said, or why it has not. */
export type Reply<K extends InquiryKind> =
  | { readonly host: Named; readonly answer: Answer<K> }
  | { readonly host: Named; readonly error: TsoverlayError }

export class Inquiries {
  readonly #parts: InquiriesParts
  readonly #answerer: Answerer
  readonly #asker: Asker
  readonly #closing = new AbortController()
  #running: Promise<void> | undefined

  constructor(parts: InquiriesParts) {
    this.#parts = parts
    this.#answerer = new Answerer(parts)
    this.#asker = new Asker({ store: parts.store, self: parts.identity.id })
    this.on('about', () => ({ version: VERSION, time: Date.now() }))
  }

  /** Has a kind answered here; before `start`. */
  on<K extends InquiryKind>(kind: K, handler: Handler<K>): void {
    this.#answerer.on(kind, handler)
  }

  /** Begins to answer, and to hear answers. */
  start(): void {
    this.#running ??= this.#run()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#answerer.drop(() => true)
    await this.#running
  }

  /**
   * Asks one host; this one answers by itself.
   * @throws TsoverlayError HOST_UNKNOWN, HOST_SILENT, INQUIRY_REFUSED, STORE_UNAVAILABLE;
   * DEADLINE_EXCEEDED when `signal` aborts; and what the host itself says
   */
  async ask<K extends InquiryKind>(
    host: HostId,
    kind: K,
    params: Params<K>,
    { signal, withinMs = WITHIN_MS }: AskOptions = {},
  ): Promise<Answer<K>> {
    const asked = this.#find(host)
    const question = { kind, params, withinMs }
    return (await withLimit(withinMs, signal, (limited) =>
      asked.id === this.#parts.identity.id
        ? this.#askSelf(kind, params, limited)
        : this.#asker.ask(asked, question, limited),
    )) as Answer<K>
  }

  /** Asks several hosts at once; their replies as they come. Ends with the last one. */
  async *askAll<K extends InquiryKind>(
    hosts: readonly HostId[],
    kind: K,
    params: Params<K>,
    options: AskOptions = {},
  ): AsyncGenerator<Reply<K>> {
    const left = new AbortController()
    const { signal, unlink } = linked(left.signal, options.signal ?? left.signal)
    const open = new Map<HostId, Promise<Reply<K>>>()
    try {
      for (const id of new Set(hosts))
        open.set(id, this.#reply(id, kind, params, { ...options, signal }))
      while (open.size > 0) {
        const reply = await Promise.race(open.values())
        open.delete(reply.host.id)
        yield reply
      }
    } finally {
      unlink()
    }
  }

  async #reply<K extends InquiryKind>(
    id: HostId,
    kind: K,
    params: Params<K>,
    options: AskOptions,
  ): Promise<Reply<K>> {
    const { name } = this.#parts.hosts().find((each) => each.id === id) ?? { name: id }
    try {
      return { host: { id, name }, answer: await this.ask(id, kind, params, options) }
    } catch (error) {
      if (error instanceof TsoverlayError) return { host: { id, name }, error }
      const broken = new TsoverlayError('INQUIRY_REFUSED', messageOf(error), error)
      return { host: { id, name }, error: broken }
    }
  }

  async #askSelf(kind: string, params: unknown, signal: AbortSignal): Promise<unknown> {
    const asked = { from: this.#parts.identity.id, signal }
    return untilAborted(this.#answerer.direct(kind, params, asked), signal, 'this host itself')
  }

  #find(id: HostId): Named {
    const { identity, hosts } = this.#parts
    const found = id === identity.id ? identity : hosts().find((host) => host.id === id)
    if (found !== undefined) return found
    throw new TsoverlayError('HOST_UNKNOWN', `the cluster has no host with the id "${id}"`)
  }

  async #run(): Promise<void> {
    const { store, identity } = this.#parts
    const batches = store.watch(keys.inquiries(identity.id), this.#closing.signal)
    for await (const batch of batches) this.#take(batch)
  }

  #take(batch: Page | Snapshot | Delta): void {
    const entries = batch.kind === 'delta' ? batch.puts : batch.entries
    if (batch.kind === 'delta') {
      const gone = new Set(batch.deletes)
      this.#answerer.drop((key) => gone.has(key))
    } else if (batch.kind === 'snapshot' && batch.continues !== true) {
      const there = new Set(entries.map(({ key }) => key))
      this.#answerer.drop((key) => !there.has(key))
    }
    for (const entry of entries) this.#takeOne(entry)
  }

  #takeOne(entry: Entry): void {
    const isQuestion = entry.key.startsWith(keys.questions(this.#parts.identity.id))
    if (isQuestion) void this.#answerer.take(entry)
    else this.#asker.take(entry)
  }
}
