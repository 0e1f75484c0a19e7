/**
 * Why does a packet not arrive? Walks its way hop by hop, from facts to judgements: here, and by asking
 * the other host's agent there. Nothing is changed. docs/design/explain.md tells more.
 */

import type { TraceReport } from '../../core/admin/trace.js'
import type { Answer, Params } from '../../core/inquiry.js'
import type { Inquiries } from '../inquiries/inquiries.js'
import { arrive } from './arriving.js'
import { containerHere, hostWith, statesOf, whoHas } from './elsewhere.js'
import { findTarget, judgeMissing, type Source, sourceOn } from './find.js'
import { type Finding, failed, hopsOf } from './finding.js'
import { judgeState } from './judge/container.js'
import { sourceOf } from './outward.js'
import type { Load, States, TraceParts } from './parts.js'
import { walk } from './walk.js'

/** As GET /trace and the inquiry `trace` have it. */
export type TraceQuestion = Params<'trace'>

export class Trace {
  readonly #parts: TraceParts

  constructor(parts: TraceParts) {
    this.#parts = parts
  }

  /**
   * @throws TsoverlayError NAME_UNKNOWN when no host has the container that is to send; and what the
   * host says that has it
   */
  async trace(question: TraceQuestion): Promise<TraceReport> {
    const states = await this.#states()
    const source = sourceOn(this.#parts, question.from, states)
    if (source === undefined) {
      const host = await hostWith(this.#parts, question.from, states)
      return this.#parts.inquiries.ask(host, 'trace', question)
    }
    const { state, name } = source
    const self = this.#parts.identity.name
    if (source.endpoints.length === 0) {
      const hops = hopsOf(self, [judgeState(name, state), ...unattached(source)])
      return { from: name, to: question.to, hops }
    }
    const { target, findings } = await findTarget(this.#parts, source, question.to)
    if (target === undefined) {
      const who = await whoHas(this.#parts, question.to, states)
      const missing = judgeMissing(this.#parts, source, question.to, who)
      return { from: name, to: question.to, hops: hopsOf(self, [...findings, missing]) }
    }
    const { protocol, port } = question
    const load: Load = { protocol, ...(port === undefined ? {} : { port }) }
    const hops = await walk(this.#parts, source, target, load, states)
    const ip = sourceOf({ mine: target.mine }, target.ip)
    const { to } = question
    return {
      from: `${name} (${ip ?? ''})`,
      to: to === target.ip ? to : `${to} (${target.ip})`,
      hops: [...hopsOf(self, findings), ...hops],
    }
  }

  /** Answers the inquiry `arrival`. */
  async arrive(question: Params<'arrival'>): Promise<Answer<'arrival'>> {
    return arrive(this.#parts, question, await this.#states())
  }

  /** Answers the inquiry `container`. */
  async container(text: string): Promise<Answer<'container'>> {
    return containerHere(this.#parts, text, await this.#states())
  }

  #states(): Promise<States> {
    return statesOf(this.#parts)
  }
}

function unattached({ name, state }: Source): readonly Finding[] {
  if (state !== undefined && state.status !== 'running') return []
  const on = state?.networks.join(', ') || 'none'
  const says = `${name} is in no network of tsoverlay, but in: ${on}`
  return [failed({ hop: 'network', about: name }, says)]
}

/** Has what other hosts ask about paths answered here. */
export function answerTraces(trace: Trace, inquiries: Pick<Inquiries, 'on'>): void {
  inquiries.on('trace', (question) => trace.trace(question))
  inquiries.on('arrival', (question) => trace.arrive(question))
  inquiries.on('container', ({ name }) => trace.container(name))
}
