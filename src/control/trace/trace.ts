/**
 * Why does a packet not arrive? Walks its way hop by hop, from facts to judgements: here, and by asking
 * the other host's agent there. Nothing is changed. docs/design/explain.md tells more.
 */
import { hasCode, messageOf, TsoverlayError } from '../../core/errors.js'
import type { Hop, TraceReport } from '../../core/admin/trace.js'
import type { Answer, Params } from '../../core/inquiry.js'
import { ipOf, parseCidr } from '../../core/ip.js'
import { parseMac } from '../../core/mac.js'
import type { Host } from '../../core/types.js'
import { wayTo } from '../../core/way.js'
import { arrive, admission, gatewayOf, plannedRange, rulesInward } from './arriving.js'
import { type Elsewhere, findTarget, judgeMissing, type Source, sourceOn, type Target } from './find.js'
import type { Inquiries } from '../inquiries/inquiries.js'
import { back, failed, type Finding, hopsOf, unknown } from './finding.js'
import { duplicates, insideOf, receiving, sending } from './inside.js'
import { interfaceOf, judgeState } from './judge/container.js'
import { judgeAway, judgeOtherHost } from './judge/underlay.js'
import { look, portOf, routing, rulesOutward, sourceOf, tunnelling, underlayOf } from './outward.js'
import { type Load, nameOf, type Path, type States, type TraceParts } from './parts.js'
import { homeIn, isRouted, type Lead, leadTo, rangeAt } from './wanted.js'

/** As GET /trace and the inquiry `trace` have it. */
export type TraceQuestion = Params<'trace'>

/** The other host has so long: a trace is to be there within a second. */
const FAR_MS = 900
const DOCKER_MS = 2_000
const ECHO_BYTES = 64
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
    const hops = await this.#walk(source, target, question, states)
    const ip = sourceOf({ mine: target.mine }, target.ip)
    return {
      from: `${name} (${ip ?? ''})`,
      to: `${question.to} (${target.ip})`,
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

  async #walk(
    source: Source,
    target: Target,
    load: Load,
    states: States,
  ): Promise<readonly Hop[]> {
    const { journal, identity, peers } = this.#parts
    const binding = journal.bindings.get(target.mine.dockerNetwork)
    const { endpoint, mine, ip } = target
    const host = peers.hosts().find(({ id }) => id === endpoint.host)
    const isHere = endpoint.host === identity.id
    const local = journal.endpoints.get(endpoint.id)
    const name = isHere && local !== undefined ? nameOf(states, local) : (endpoint.names?.[0] ?? ip)
    if (binding === undefined) return []
    const common = { ip, mac: endpoint.mac, name }
    const other = isHere || host === undefined ? common : { ...common, host }
    const path: Path = { binding, mine, name: source.name, other }
    if (!isHere && host === undefined) return hopsOf(identity.name, [unknownHost(endpoint.host)])
    return host === undefined || isHere
      ? this.#near(path, target, load, states)
      : this.#far(path, target, host, load, states)
  }

  /** Both ends are on this host. */
  async #near(
    path: Path,
    target: Target,
    load: Load,
    states: States,
  ): Promise<readonly Hop[]> {
    const parts = this.#parts
    const { binding, mine, other } = path
    const their = parts.journal.endpoints.get(target.endpoint.id)
    const part = parts.reconciler.partOf(binding.dockerNetwork)
    const inside = await insideOf(parts, mine, [other.ip])
    const sent = sending(parts, path, inside, states, undefined)
    const from = sourceOf(path, other.ip)
    if (their === undefined || part === undefined || from === undefined)
      return hopsOf(parts.identity.name, sent)
    const reverse: Path = {
      ...{ binding, mine: their, name: other.name },
      other: { ip: from, mac: mine.mac, name: path.name },
    }
    const there = await look(parts, homeIn(part, path), {}, other.ip, [])
    const theirs = { ...there, home: homeIn(part, reverse) }
    const theirInside = await insideOf(parts, their, [from])
    const received = await receiving(parts, reverse, theirInside, states, other.ip, load)
    const answered = sending(parts, reverse, theirInside, states, gatewayOf(there)).slice(2)
    const near = [...sent, ...portOf(there, path), ...portOf(theirs, reverse), ...received]
    return hopsOf(parts.identity.name, [...near, ...back(answered)])
  }

  async #far(
    path: Path,
    { endpoint }: Target,
    host: Host,
    load: Load,
    states: States,
  ): Promise<readonly Hop[]> {
    const parts = this.#parts
    const way = wayTo(parts.underlay.known, host.id, host.vtep)
    const asked = this.#ask(path, host, load)
    const inside = await insideOf(parts, path.mine, [path.other.ip])
    const part = parts.reconciler.partOf(path.binding.dockerNetwork)
    const underlay = parts.underlay.known
    const self = parts.identity.name
    const answer = await asked
    if (part === undefined || underlay === undefined) {
      const sent = sending(parts, path, inside, states, undefined)
      const says = 'this host does not know its own underlay address: tsoverlay status says why'
      const lost = failed({ hop: 'underlay', about: self }, says)
      return hopsOf(self, [...sent, lost])
    }
    const far = 'answer' in answer ? answer.answer : undefined
    const lead = await this.#lead(path, endpoint, host, far?.range)
    const macs = [endpoint.mac, path.mine.mac]
    const there = await look(parts, homeIn(part, path), lead, path.other.ip, macs)
    const sent = sending(parts, path, inside, states, gatewayOf(there))
    const mtu = inside && interfaceOf(inside, path.mine)?.mtu
    const under = await underlayOf(parts, there, path, way, underlay, mtu)
    const mac = far?.mac === undefined ? undefined : parseMac(far.mac)
    const from = sourceOf(path, path.other.ip)
    const isTunnelled = lead.entry !== undefined
    const here = [
      ...sent,
      ...(await duplicates(parts, path.mine, path.other.name, path.other.ip, states)),
      ...portOf(there, path),
      ...routing(parts, there, path),
      ...(await tunnelling(parts, there)),
      ...under.findings,
      ...(under.host === undefined ? [] : judgeOtherHost(way, mac, under.host)),
      ...(await rulesOutward(parts, there, path, way, underlay, load)),
      ...('findings' in answer ? answer.findings : []),
    ]
    const answers = far === undefined || from === undefined ? [] : [
      ...(await rulesInward(parts, there, path, way, from, { protocol: 'icmp' })).filter(({ about }) =>
        about.startsWith('packets to this host'),
      ),
      ...(isTunnelled ? await admission(parts, there.home.tunnel?.vni ?? 0, way.vtep) : []),
    ]
    return [
      ...hopsOf(self, here),
      ...(far?.hops ?? []),
      ...(far?.back ?? []),
      ...hopsOf(self, back(answers)),
    ]
  }

  /** What leads to the other host by the store, or by the answer of that host. */
  async #lead(
    path: Path,
    endpoint: Target['endpoint'],
    host: Host,
    told: string | undefined,
  ): Promise<Lead> {
    const way = wayTo(this.#parts.underlay.known, host.id, host.vtep)
    if (!isRouted(path)) return leadTo(path, path.other.ip, endpoint, way)
    const range = told ?? (await plannedRange(this.#parts, path))
    const block = range === undefined ? undefined : parseCidr(range)
    return block === undefined ? {} : leadTo(path, path.other.ip, rangeAt(host.id, block), way)
  }

  /** The other host's half, or why it is not known. */
  async #ask(
    { binding, mine, name, other }: Path,
    host: Host,
    { protocol, port }: Load,
  ): Promise<{ readonly answer: Answer<'arrival'> } | { readonly findings: readonly Finding[] }> {
    const { inquiries, identity, presence } = this.#parts
    if (!presence.reached) return { findings: [STORE_AWAY] }
    const from = sourceOf({ mine }, other.ip) ?? other.ip
    const question = {
      ...{ network: binding.network.key, ip: other.ip, host: identity.id, from, mac: mine.mac },
      ...{ name, protocol },
      ...(port === undefined ? {} : { port }),
    }
    try {
      const answer = await inquiries.ask(host.id, 'arrival', question, { withinMs: FAR_MS })
      return { answer }
    } catch (error) {
      return { findings: [await this.#unanswered(host, error)] }
    }
  }

  async #unanswered(host: Host, error: unknown): Promise<Finding> {
    const { dataplane, underlay, docker } = this.#parts
    if (hasCode(error, 'STORE_UNAVAILABLE')) return STORE_AWAY
    if (!hasCode(error, 'HOST_SILENT'))
      return unknown({ hop: 'agent', about: `plugin of ${host.name}` }, messageOf(error))
    const own = underlay.known?.vtep
    const echoed = own && (await dataplane.echo(own, host.vtep, ECHO_BYTES, 1))
    const plugin = await docker.pluginName(AbortSignal.timeout(DOCKER_MS)).catch(() => undefined)
    return judgeAway({
      ...{ name: host.name, vtep: host.vtep, plugin: plugin ?? 'local/tsoverlay' },
      echoes: echoed === undefined ? undefined : echoed > 0,
    })
  }
}

const STORE_AWAY: Finding = failed(
  { hop: 'store', about: 'etcd' },
  'the store does not answer this host: what others have changed since then is not known here, and the other host cannot be asked. See to etcd, and to the way there',
)

function unknownHost(id: string): Finding {
  const says = 'the store has no record of this host any more: its plugin makes it when it runs'
  return failed({ hop: 'host', about: id }, says)
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
