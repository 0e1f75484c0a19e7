/**
 * Why does a packet not arrive? Walks its way hop by hop, from facts to judgements: here, and by asking
 * the other host's agent there. Nothing is changed. docs/design/explain.md tells more.
 */

import type { TraceReport } from '../../core/admin/trace.js'
import { TsoverlayError } from '../../core/errors.js'
import type { Answer, Params } from '../../core/inquiry.js'
import { ipOf } from '../../core/ip.js'
import type { Inquiries } from '../inquiries/inquiries.js'
import { arrive } from './arriving.js'
import { type Elsewhere, findTarget, judgeMissing, type Source, sourceOn } from './find.js'
import { type Finding, failed, hopsOf } from './finding.js'
import { judgeState } from './judge/container.js'
import { FAR_MS } from './other-half.js'
import { sourceOf } from './outward.js'
import type { Load, States, TraceParts } from './parts.js'
import { walk } from './walk.js'

/** As GET /trace and the inquiry `trace` have it. */
export type TraceQuestion = Params<'trace'>

const DOCKER_MS = 2_000
/** Hosts that are asked whether they know a name. */
const MOST_ASKED = 64

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
    if (source === undefined) return this.#askHostOf(question)
    const { state, name } = source
    const self = this.#parts.identity.name
    if (source.endpoints.length === 0) {
      const hops = hopsOf(self, [judgeState(name, state), ...unattached(source)])
      return { from: name, to: question.to, hops }
    }
    const { target, findings } = await findTarget(this.#parts, source, question.to)
    if (target === undefined) {
      const missing = judgeMissing(this.#parts, source, question.to, await this.#who(question.to))
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
    const states = await this.#states()
    const source = sourceOn(this.#parts, text, states)
    const endpoints = source?.endpoints ?? []
    return {
      ...(source === undefined ? {} : { status: source.state?.status ?? 'running' }),
      networks: source?.state?.networks ?? [],
      joined: endpoints.map(({ network }) => network),
      addresses: endpoints.flatMap(({ addresses }) => addresses.map(ipOf)),
    }
  }

  async #states(): Promise<States> {
    return this.#parts.docker.states(AbortSignal.timeout(DOCKER_MS)).catch(() => undefined)
  }

  /** The source is of another host. @throws TsoverlayError */
  async #askHostOf(question: TraceQuestion): Promise<TraceReport> {
    const { inquiries, peers, identity } = this.#parts
    const others = peers.hosts().filter(({ id }) => id !== identity.id)
    const found = (await this.#who(question.from)).find(({ status }) => status !== undefined)
    const host = others.find(({ name }) => name === found?.host)
    if (host !== undefined) return inquiries.ask(host.id, 'trace', question)
    throw new TsoverlayError(
      'NAME_UNKNOWN',
      `no container is called "${question.from}" or has that address, on this host and on those that answer: tsoverlay endpoints lists those that are on networks`,
    )
  }

  /** Who of the other hosts, and of this one, has a container of this name or address. */
  async #who(text: string): Promise<readonly Elsewhere[]> {
    const { inquiries, peers, identity } = this.#parts
    const own = await this.container(text).catch(() => undefined)
    const here = own?.status === undefined ? [] : [{ ...own, host: identity.name }]
    if (!this.#parts.presence.reached || here.length > 0) return here
    const ids = peers.hosts().flatMap(({ id }) => (id === identity.id ? [] : id))
    const found: Elsewhere[] = []
    const options = { withinMs: FAR_MS }
    const asked = ids.slice(0, MOST_ASKED)
    for await (const reply of inquiries.askAll(asked, 'container', { name: text }, options)) {
      if (!('answer' in reply) || reply.answer.status === undefined) continue
      found.push({ ...reply.answer, host: reply.host.name })
      break
    }
    return found
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
