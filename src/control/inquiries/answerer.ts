/** Answers what other hosts' agents ask this one, as far as it knows the kind of the question. */
import { Check } from 'typebox/value'
import { untilAborted, withLimit } from '../../core/deadline.js'
import { messageOf, TsoverlayError } from '../../core/errors.js'
import { type Answer, type InquiryKind, inquiryOf, type Params } from '../../core/inquiry.js'
import type { Entry, Logger, Store } from '../../core/ports.js'
import type { HostId } from '../../core/types.js'
import { VERSION } from '../../core/version.js'
import { type AnswerDocument, documents, type QuestionDocument } from '../../state/documents.js'
import { keys, lastPart } from '../../state/keys.js'

/** Who asks, and until when. */
export interface Asked {
  readonly from: HostId
  /** aborts when nobody waits for the answer any more */
  readonly signal: AbortSignal
}

/** What answers questions of one kind; it only reads. What it throws is the answer, too. */
export type Handler<K extends InquiryKind> = (
  params: Params<K>,
  asked: Asked,
) => Promise<Answer<K>> | Answer<K>

/** etcd takes 1.5 MiB in one request. */
const MOST_BYTES = 1_000_000
/** Whatever the question says. */
const MOST_MS = 30_000

export class Answerer {
  readonly #store: Store
  readonly #logger: Logger
  readonly #handlers = new Map<string, Handler<never>>()
  /** keys of questions that are being answered, or were, until they are gone from the store */
  readonly #seen = new Map<string, AbortController>()

  constructor(parts: { readonly store: Store; readonly logger: Logger }) {
    this.#store = parts.store
    this.#logger = parts.logger
  }

  /** One handler for each kind. */
  on<K extends InquiryKind>(kind: K, handler: Handler<K>): void {
    this.#handlers.set(kind, handler)
  }

  /** Answers a question in the store, once; never fails. */
  async take(entry: Entry): Promise<void> {
    if (this.#seen.has(entry.key)) return
    const stop = new AbortController()
    this.#seen.set(entry.key, stop)
    const question = documents.question.decode(entry.value)
    if (question === undefined) return
    const { kind, from, lease } = question
    const value = documents.answer.encode(await this.#written(question, stop.signal))
    if (stop.signal.aborted) return
    // Without its question nobody would read it, nor take it away.
    const asked = { key: entry.key, is: 'present' } as const
    const put = { put: keys.answer(from, lastPart(entry.key)), value, lease: { id: lease } }
    await this.#store.txn([asked], [put]).catch((error: unknown) => {
      this.#logger.debug({ kind, from, err: messageOf(error) }, 'inquiry not answered')
    })
  }

  /** Of questions that are gone. */
  drop(gone: (key: string) => boolean): void {
    for (const [key, stop] of this.#seen) {
      if (!gone(key)) continue
      stop.abort()
      this.#seen.delete(key)
    }
  }

  /** The answer of this host itself. @throws TsoverlayError INQUIRY_REFUSED; whatever the handler throws */
  async direct(kind: string, params: unknown, asked: Asked): Promise<unknown> {
    const handler = this.#handlers.get(kind)
    const known = inquiryOf(kind)
    if (handler === undefined || known === undefined) throw refused(`does not know "${kind}"`)
    if (!Check(known.params, params)) throw refused(`does not understand this "${kind}"`)
    return await handler(params as never, asked)
  }

  async #written(question: QuestionDocument, stop: AbortSignal): Promise<AnswerDocument> {
    const { kind, params, from } = question
    try {
      const ms = Math.min(question.withinMs, MOST_MS)
      const says = await withLimit(ms, stop, (signal) =>
        untilAborted(this.direct(kind, params, { from, signal }), signal, `an answer to "${kind}"`),
      )
      const { length } = JSON.stringify(says)
      if (length > MOST_BYTES) throw refused(`has an answer to "${kind}" that is too long`)
      return { version: VERSION, says }
    } catch (error) {
      const code = error instanceof TsoverlayError ? error.code : 'INQUIRY_REFUSED'
      return { version: VERSION, error: { code, message: messageOf(error) } }
    }
  }
}

function refused(why: string): TsoverlayError {
  return new TsoverlayError('INQUIRY_REFUSED', `version ${VERSION} of the plugin ${why}`)
}
