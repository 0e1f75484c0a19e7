/**
 * Where are packets seen last? Sends probes from a container and has them heard at each device of their
 * way, here and by the other host's agent. docs/design/explain.md tells how.
 */
import { basename } from 'node:path'
import type { LiveReport } from '../../../core/admin/live.js'
import { TsoverlayError } from '../../../core/errors.js'
import type { Params } from '../../../core/inquiry.js'
import type { Flow } from '../../../core/live.js'
import type { Host, LocalEndpoint } from '../../../core/types.js'
import type { Inquiries } from '../../inquiries/inquiries.js'
import { leadFor } from '../arrival.js'
import { hostWith, statesOf, whoHas } from '../elsewhere.js'
import { findTarget, judgeMissing, type Source, sourceOn, type Target } from '../find.js'
import { sourceOf } from '../outward.js'
import type { Path, States, TraceParts } from '../parts.js'
import { endsOf } from '../walk.js'
import { judgeLive } from './judge-live.js'
import { Listening } from './listening.js'
import { type Overheard, overhear, overheard } from './other-ears.js'
import { Overhearing } from './overhearing.js'
import { durationOf, flowOf, probe } from './probing.js'
import { type Spot, spotsIn, spotsOut } from './spots.js'

/** As GET /trace/live and the inquiry `live` have it. */
export type LiveQuestion = Params<'live'>

/** Another host traces: its probes, its own question, and time to spare. */
const ELSEWHERE_MS = 15_000
/** Of this host's containers, at once. */
const MOST = 4

/** What is traced. */
interface Run {
  readonly path: Path
  readonly target: Target
  readonly flow: Flow
  /** absent: both ends are on this host */
  readonly host?: Host
  readonly local?: LocalEndpoint
  readonly count: number
}

export class Live {
  readonly #parts: TraceParts
  #running = 0

  constructor(parts: TraceParts, inquiries: Pick<Inquiries, 'on'>) {
    this.#parts = parts
    inquiries.on('live', (question) => this.live(question))
    new Overhearing(parts, inquiries)
  }

  /**
   * @throws TsoverlayError NAME_UNKNOWN when there is no way to send on; INQUIRY_REFUSED while others are traced;
   * and what the host says that has the source
   */
  async live(question: LiveQuestion): Promise<LiveReport> {
    const parts = this.#parts
    const states = await statesOf(parts)
    const source = sourceOn(parts, question.from, states)
    if (source === undefined) {
      const host = await hostWith(parts, question.from, states)
      return parts.inquiries.ask(host, 'live', question, { withinMs: ELSEWHERE_MS })
    }
    const run = await this.#runOf(source, question, states)
    if (this.#running >= MOST)
      throw new TsoverlayError('INQUIRY_REFUSED', `${MOST} traces are being sent already`)
    this.#running += 1
    try {
      return await this.#send(run, source.name, question)
    } finally {
      this.#running -= 1
    }
  }

  async #runOf(source: Source, question: LiveQuestion, states: States): Promise<Run> {
    const parts = this.#parts
    const { target } = await findTarget(parts, source, question.to)
    if (target === undefined) {
      const missing = judgeMissing(
        parts,
        source,
        question.to,
        await whoHas(parts, question.to, states),
      )
      throw notThere(missing.says)
    }
    const ends = endsOf(parts, source, target, states)
    if (ends === undefined) throw notThere('this host does not have the network any more')
    if ('verdict' in ends) throw notThere(ends.says)
    const { path, local } = ends
    const from = sourceOf(path, target.ip)
    if (from === undefined)
      throw notThere(`${source.name} has no address of the family of ${target.ip}`)
    const { host } = path.other
    return {
      ...{ path, target, flow: flowOf(question, from, target.ip), count: question.count },
      ...(host === undefined ? {} : { host }),
      ...(local === undefined ? {} : { local }),
    }
  }

  async #send(run: Run, name: string, { to, count }: LiveQuestion): Promise<LiveReport> {
    const { flow, path } = run
    const { dataplane, identity } = this.#parts
    const spots = await this.#spots(run)
    const { host } = run
    const { tunnelled } = spots
    const ms = durationOf(count)
    const silent = host && (await overhear(this.#parts, host, run, { ms, tunnelled }))
    const listening = new Listening(dataplane.live, identity.name, flow, spots.here)
    try {
      const where = basename(path.mine.sandboxKey ?? '')
      const { sent, refused } = await probe(dataplane.live, run, where, listening)
      const isAsked = host !== undefined && silent === undefined
      const there: Overheard = isAsked
        ? await overheard(this.#parts, host, flow)
        : { hops: [], ...(silent === undefined ? {} : { silent }) }
      const hops = [...listening.hops(), ...there.hops]
      const load = {
        protocol: flow.protocol,
        ...(flow.port === undefined ? {} : { port: flow.port }),
      }
      const typed = flow.port === undefined ? to : withPort(to, flow.port)
      const trace = { host: identity.name, command: `tsoverlay trace ${name} ${typed}` }
      const told = {
        ...(refused === undefined ? {} : { refused }),
        ...(there.silent === undefined ? {} : { silent: there.silent }),
      }
      return {
        ...{ from: `${path.name} (${flow.from})`, to: `${to} (${flow.to})`, ...load },
        ...{ sent, answered: hops[0]?.answers ?? 0, hops },
        ...judgeLive({ hops, sent, ...load, ...told, trace }),
      }
    } finally {
      listening.close()
    }
  }

  async #spots(run: Run): Promise<{ readonly here: readonly Spot[]; readonly tunnelled: boolean }> {
    const parts = this.#parts
    const { path, target, host, local } = run
    const part = parts.reconciler.partOf(path.binding.dockerNetwork)
    if (part === undefined)
      throw new TsoverlayError('UNDERLAY_UNKNOWN', 'the underlay of this host is not known')
    if (host !== undefined) {
      const lead = await leadFor(parts, path, target.endpoint, host)
      const here = await spotsOut(parts, { path, part, lead, vtep: host.vtep })
      return { here, tunnelled: here.some(({ hop }) => hop === 'vxlan device') }
    }
    const out = await spotsOut(parts, { path, part, lead: {} })
    const theirs = local && { ...path, mine: local, name: path.other.name }
    const end = theirs && { ...theirs, other: { ip: run.flow.from, name: path.name } }
    const into = end === undefined ? [] : await spotsIn(parts, { path: end, part, lead: {} }, false)
    return { here: [...out, ...into], tunnelled: false }
  }
}

function withPort(to: string, port: number): string {
  return to.includes(':') ? `[${to}]:${port}` : `${to}:${port}`
}

function notThere(says: string): TsoverlayError {
  return new TsoverlayError('NAME_UNKNOWN', `nothing can be sent: ${says}`)
}
