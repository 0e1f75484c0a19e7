/** Puts questions into the store and hands the answers to who waits for them. */
import { randomUUID } from 'node:crypto'
import { Check } from 'typebox/value'
import { untilAborted } from '../../core/deadline.js'
import { ERRORS, type ErrorCode, TsoverlayError } from '../../core/errors.js'
import { inquiryOf } from '../../core/inquiry.js'
import type { Entry, Store } from '../../core/ports.js'
import type { Host, HostId } from '../../core/types.js'
import { VERSION } from '../../core/version.js'
import { type AnswerDocument, documents } from '../../state/documents.js'
import { keys, lastPart } from '../../state/keys.js'
import { SharedLease } from './shared-lease.js'

/** How long a question stays whose asker has died. */
const LEASE_SECONDS = 30

/** A host, as far as errors name it. */
export type Named = Pick<Host, 'id' | 'name'>

export class Asker {
  readonly #store: Store
  readonly #self: HostId
  readonly #lease: SharedLease
  readonly #waiting = new Map<string, (answer: AnswerDocument) => void>()

  constructor(parts: { readonly store: Store; readonly self: HostId }) {
    this.#store = parts.store
    this.#self = parts.self
    this.#lease = new SharedLease(parts.store, LEASE_SECONDS)
  }

  /**
   * @param limited aborts after `withinMs`
   * @throws TsoverlayError HOST_SILENT, INQUIRY_REFUSED, STORE_UNAVAILABLE, and what the host answers
   */
  ask(
    host: Named,
    question: { readonly kind: string; readonly params: unknown; readonly withinMs: number },
    limited: AbortSignal,
  ): Promise<unknown> {
    return this.#lease.use(async (lease) => {
      const id = randomUUID()
      const answer = new Promise<AnswerDocument>((resolve) => this.#waiting.set(id, resolve))
      const document = { ...question, from: this.#self, lease: lease.id }
      const value = documents.question.encode(document)
      try {
        const put = { put: keys.question(host.id, id), value, lease }
        const alive = { key: keys.alive(host.id), is: 'present' } as const
        const { done } = await this.#store.txn([alive], [put], limited)
        if (!done) throw silent(host, 'its plugin does not run, or does not reach the store')
        return read(host, question.kind, await this.#heard(host, answer, limited))
      } finally {
        this.#waiting.delete(id)
      }
    })
  }

  /** An answer in the store. */
  take({ key, value }: Entry): void {
    const answer = documents.answer.decode(value)
    if (answer !== undefined) this.#waiting.get(lastPart(key))?.(answer)
  }

  async #heard<T>(host: Named, answer: Promise<T>, limited: AbortSignal): Promise<T> {
    try {
      return await untilAborted(answer, limited, `the answer of host ${host.name}`)
    } catch (error) {
      const reason: unknown = limited.reason
      const isLate = reason instanceof DOMException && reason.name === 'TimeoutError'
      throw isLate ? silent(host, `no answer within ${reason.message}`) : error
    }
  }
}

function silent({ name }: Named, why: string): TsoverlayError {
  return new TsoverlayError('HOST_SILENT', `host ${name} does not answer: ${why}`)
}

function read(host: Named, kind: string, { version, says, error }: AnswerDocument): unknown {
  if (error !== undefined) {
    const isKnown = Object.hasOwn(ERRORS, error.code)
    const code = isKnown ? (error.code as ErrorCode) : 'INQUIRY_REFUSED'
    throw new TsoverlayError(code, `host ${host.name} cannot answer: ${error.message}`)
  }
  const known = inquiryOf(kind)
  if (known !== undefined && Check(known.answer, says)) return says
  throw new TsoverlayError(
    'INQUIRY_REFUSED',
    `host ${host.name} answers "${kind}" in a way of its version ${version} that version ${VERSION} of this host does not understand: bring both to one version`,
  )
}
