/**
 * Sends probes to other hosts and answers theirs. A probe is a VXLAN packet of a network that both hosts
 * have, which is heard where its containers' packets come out: behind all firewalls, and behind our
 * own rules. A host listens while it is asked to, as `doctor` and `trace` do before they probe.
 */
import { randomBytes } from 'node:crypto'
import { rest } from '../../core/deadline.js'
import { TsoverlayError } from '../../core/errors.js'
import type { Answer, Params } from '../../core/inquiry.js'
import type { Ip } from '../../core/ip.js'
import type { Dataplane } from '../../core/ports.js'
import type { Probe } from '../../core/probe.js'
import type { Host, HostId } from '../../core/types.js'
import type { Inquiries } from '../inquiries/inquiries.js'
import type { Peers } from '../peers/peers.js'
import type { UnderlaySource } from '../underlay/underlay-source.js'
import { type Tunnel, type TunnelsParts, tunnelsOf } from './tunnels.js'

/** A lost packet is no blocked port; all together is how long an answer is waited for. */
const TRIES_MS = [100, 400, 700] as const
const LOOK_MS = 10
/** How long this host listens for answers to its own probes. */
const OWN_MS = 3_000
/** Marks that are remembered. */
const MOST_MARKS = 8_192

export interface ProbesParts extends TunnelsParts {
  readonly dataplane: Pick<Dataplane, 'sendProbe' | 'hearProbes' | 'refusals'>
  readonly peers: Pick<Peers, 'hosts'>
  readonly underlay: Pick<UnderlaySource, 'known'>
  readonly inquiries: Pick<Inquiries, 'on'>
}

/** What became of a probe. */
export interface Probed {
  readonly mark: string
  readonly size: number
  /** both directions are well */
  readonly answered: boolean
  /** an errno: it was not even sent */
  readonly refused?: string
}

interface Ear {
  readonly close: () => void
  until: number
  timer: NodeJS.Timeout
}

export class Probes {
  readonly #parts: ProbesParts
  readonly #ears = new Map<string, Ear>()
  /** of probes that have arrived */
  readonly #heard = new Set<string>()
  readonly #answered = new Set<string>()

  constructor(parts: ProbesParts) {
    this.#parts = parts
    parts.inquiries.on('reflect', ({ forMs }) => ({ networks: this.listen(forMs) }))
    parts.inquiries.on('heard', (params, { from }) => this.#tell(params, from))
  }

  close(): void {
    for (const name of [...this.#ears.keys()]) this.#deafen(name)
  }

  /** Networks of this host that probes can be sent on. */
  tunnels(): readonly Tunnel[] {
    return tunnelsOf(this.#parts)
  }

  /** Answers probes for so long. @returns keys of the networks on which it does */
  listen(forMs: number): readonly string[] {
    return this.tunnels()
      .filter((tunnel) => this.#hear(tunnel, forMs))
      .map(({ network }) => network)
  }

  /**
   * Sends a probe to a host, up to three times.
   * @param size of the inner packet, as an MTU counts
   * @throws TsoverlayError UNDERLAY_UNKNOWN
   */
  async probe(
    tunnel: Tunnel,
    host: Pick<Host, 'vtep'>,
    size: number,
    signal: AbortSignal,
  ): Promise<Probed> {
    const { underlay, dataplane } = this.#parts
    const { known } = underlay
    if (known === undefined)
      throw new TsoverlayError('UNDERLAY_UNKNOWN', 'the underlay of this host is not known')
    const mark = randomBytes(8).toString('hex')
    this.#hear(tunnel, OWN_MS)
    const probe: Probe = { kind: 'ask', mark, vni: tunnel.vni, from: known.vtep, size }
    const target = { vtep: host.vtep, port: known.port }
    for (const ms of TRIES_MS) {
      const refused = dataplane.sendProbe(probe, target)
      if (refused !== undefined) return { mark, size, answered: false, refused }
      if (await this.#isAnswered(mark, ms, signal)) return { mark, size, answered: true }
    }
    return { mark, size, answered: false }
  }

  async #isAnswered(mark: string, ms: number, signal: AbortSignal): Promise<boolean> {
    for (const end = performance.now() + ms; performance.now() < end && !signal.aborted; ) {
      if (this.#answered.has(mark)) return true
      await rest(LOOK_MS, signal)
    }
    return this.#answered.has(mark)
  }

  /** @returns false where the device is not there */
  #hear(tunnel: Tunnel, forMs: number): boolean {
    const name = `${tunnel.place} ${tunnel.dev}`
    const until = performance.now() + forMs
    const known = this.#ears.get(name)
    if (known !== undefined && known.until >= until) return true
    // Made anew: the device may be another one than when it was opened.
    if (known !== undefined) this.#deafen(name)
    const { dataplane } = this.#parts
    const close = dataplane.hearProbes(tunnel.place, tunnel.dev, (probe) => this.#take(probe))
    if (close === undefined) return false
    const timer = setTimeout(() => this.#deafen(name), forMs).unref()
    this.#ears.set(name, { close, until, timer })
    return true
  }

  #deafen(name: string): void {
    const ear = this.#ears.get(name)
    clearTimeout(ear?.timer)
    ear?.close()
    this.#ears.delete(name)
  }

  #take(probe: Probe): void {
    remember(probe.kind === 'ask' ? this.#heard : this.#answered, probe.mark)
    const { known } = this.#parts.underlay
    // Nobody makes us send to anyone but hosts.
    if (probe.kind !== 'ask' || known === undefined || !this.#isHost(probe.from)) return
    const answer: Probe = { ...probe, kind: 'answer', from: known.vtep }
    this.#parts.dataplane.sendProbe(answer, { vtep: probe.from, port: known.port })
  }

  #isHost(vtep: Ip): boolean {
    return this.#parts.peers.hosts().some((host) => host.vtep === vtep)
  }

  async #tell({ network, marks }: Params<'heard'>, from: HostId): Promise<Answer<'heard'>> {
    const { dataplane, underlay, peers } = this.#parts
    const { known } = underlay
    const tunnel = this.tunnels().find((each) => each.network === network)
    const asker = peers.hosts().find(({ id }) => id === from)
    const dev = known?.link?.dev ?? ''
    const refusals =
      known === undefined || asker === undefined || dev === ''
        ? []
        : await dataplane.refusals([
            { way: 'in', dev, from: asker.vtep, to: known.vtep, port: known.port },
            { way: 'out', dev, from: known.vtep, to: asker.vtep, port: known.port },
          ])
    return {
      listens: tunnel !== undefined && this.#ears.has(`${tunnel.place} ${tunnel.dev}`),
      heard: marks.filter((mark) => this.#heard.has(mark)),
      refusals: refusals.map(({ table, chain }) => ({ table, chain })),
      dev,
      mtu: known?.mtu ?? 0,
    }
  }
}

function remember(marks: Set<string>, mark: string): void {
  marks.add(mark)
  for (const oldest of marks) {
    if (marks.size <= MOST_MARKS) break
    marks.delete(oldest)
  }
}
