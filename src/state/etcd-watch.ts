/**
 * The watch of the Store port over raw streams of etcd's Watch service.
 *
 * One round = list at revision R, then a stream from R + 1. Whatever ends the stream (compaction,
 * cancellation, lost connection, a leader that is away, a consumer far too slow) ends the round,
 * and the next one starts with a list: there is one way to recover, and it is always right, even
 * when etcd came back with other data.
 *
 * etcd3's own Watcher is not used. It resumes from the revision in the header of the `created`
 * answer, which skips the events between the revision asked for and that one if the connection is
 * lost again before they have come; and it does not list again after a compaction.
 *
 * A stream's answer holds whole revisions only (etcd's guarantee, as `fragment` is not asked for),
 * so one Delta never splits a transaction. Its header's revision may be ahead of its events, hence
 * a Delta carries the revision of its last event.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../core/errors.js'
import type { Delta, Logger, Page, Snapshot } from '../core/ports.js'
import type { Namespace, WireKeyValue } from './etcd-codec.js'
import { DeltaBuffer } from './etcd-delta.js'

/** A consumer with more changed keys waiting than this gets a snapshot instead. */
const MAX_WAITING_KEYS = 10_000
/** etcd answers `created` at once; silence means a dead connection (milliseconds). */
const CREATE_TIMEOUT = 3_000
const BACKOFF_FIRST = 100
const BACKOFF_MAX = 2_000
/** A round that lasted this long (ms) was a good one: the next retry is quick again. */
const GOOD_ROUND = 5_000

interface WireEvent {
  readonly type: 'Put' | 'Delete'
  readonly kv: WireKeyValue
}

interface WireWatchResponse {
  readonly created: boolean
  readonly canceled: boolean
  readonly compact_revision: string
  readonly cancel_reason: string
  readonly events: readonly WireEvent[]
}

/** The part of a gRPC duplex stream that is used. */
interface WatchStream {
  on(event: 'data', listener: (response: WireWatchResponse) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'end', listener: () => void): unknown
  write(request: object): unknown
  end(): unknown
  cancel(): unknown
}

export interface OpenedStream {
  readonly stream: WatchStream
  /** Tells that the stream had trouble, so that the next one may try another endpoint. */
  failed(): void
}

export interface WatchSource {
  readonly namespace: Namespace
  readonly logger: Logger
  /** All entries as of one revision: pages, the last of them as a snapshot. */
  pages(prefix: string, signal: AbortSignal): AsyncIterable<Page | Snapshot>
  open(signal: AbortSignal): Promise<OpenedStream>
}

/** Implements `Store.watch`; never throws, ends when `signal` aborts. */
export async function* watchPrefix(
  source: WatchSource,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<Page | Snapshot | Delta, void, undefined> {
  let failures = 0
  while (!signal.aborted) {
    const started = performance.now()
    const reason = yield* round(source, prefix, signal)
    if (signal.aborted) return
    failures = performance.now() - started > GOOD_ROUND ? 1 : failures + 1
    const level = failures === 1 ? 'warn' : 'debug'
    source.logger[level]({ prefix, reason, failures }, 'store watch interrupted')
    await pause(failures, signal)
  }
}

async function* round(
  source: WatchSource,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<Page | Snapshot | Delta, string, undefined> {
  let feed: Feed
  let revision = 0
  try {
    for await (const page of source.pages(prefix, signal)) {
      revision = page.revision
      yield page
    }
    if (signal.aborted) return 'aborted'
    feed = new Feed(await source.open(signal), source, prefix, revision + 1)
  } catch (error) {
    return messageOf(error)
  }
  const onAbort = () => feed.close('aborted')
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  try {
    for (;;) {
      const delta = await feed.next()
      if (delta === undefined) return feed.ended
      yield delta
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    feed.close('left by its consumer')
  }
}

/** Doubling from 100 ms to 2 s, each time between half of it and all of it. */
async function pause(failures: number, signal: AbortSignal): Promise<void> {
  const limit = Math.min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** Math.min(failures - 1, 10))
  await sleep(limit * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined)
}

/** One stream, read into a buffer until it ends. */
class Feed {
  readonly #stream: WatchStream
  readonly #namespace: Namespace
  readonly #buffer = new DeltaBuffer()
  readonly #createTimer: NodeJS.Timeout
  readonly #onTrouble: () => void
  #ended: string | undefined
  #wake: (() => void) | undefined

  constructor(opened: OpenedStream, source: WatchSource, prefix: string, from: number) {
    const { stream } = opened
    this.#stream = stream
    this.#namespace = source.namespace
    this.#onTrouble = () => opened.failed()
    this.#createTimer = setTimeout(() => this.#fail('no answer from etcd'), CREATE_TIMEOUT)
    stream.on('data', (response) => this.#receive(response))
    // stays for good: grpc-js also emits an error after cancel(), which nobody must trip over
    stream.on('error', (error) => this.#fail(error.message))
    stream.on('end', () => this.#fail('stream ended'))
    stream.write({
      create_request: { ...source.namespace.range(prefix), start_revision: from },
    })
  }

  /** Why the stream is over. */
  get ended(): string {
    return this.#ended ?? ''
  }

  /** @returns the next changes; undefined once the stream is over, whatever still waits */
  async next(): Promise<Delta | undefined> {
    while (this.#ended === undefined) {
      const delta = this.#buffer.take()
      if (delta !== undefined) return delta
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return undefined
  }

  close(reason: string): void {
    if (this.#ended !== undefined) return
    this.#ended = reason
    clearTimeout(this.#createTimer)
    // end first: etcd3 takes an error on a writable stream for a failed host, resetting its channels
    this.#stream.end()
    this.#stream.cancel()
    this.#wake?.()
  }

  #fail(reason: string): void {
    if (this.#ended !== undefined) return
    this.close(reason)
    this.#onTrouble()
  }

  #receive(response: WireWatchResponse): void {
    if (this.#ended !== undefined) return
    if (response.created) clearTimeout(this.#createTimer)
    if (response.canceled) {
      const compacted = response.compact_revision
      this.close(compacted === '0' ? response.cancel_reason : `compacted up to ${compacted}`)
      return
    }
    for (const event of response.events) this.#add(event)
    if (this.#buffer.size > MAX_WAITING_KEYS) this.close('consumer too slow')
    else if (response.events.length > 0) this.#wake?.()
  }

  #add(event: WireEvent): void {
    const entry = this.#namespace.entry(event.kv)
    if (event.type === 'Delete') this.#buffer.delete(entry.key, entry.revision)
    else this.#buffer.put(entry)
  }
}
