/**
 * Finds paths to other hosts that lose large packets without a word, and has them avoided. A path is
 * looked at when this host begins to send there, when one of its ends changes, and each minute: one
 * full packet that must not be fragmented (ICMP echo). If it is not answered three times of three,
 * and a small one is, the largest that passes is looked for, and the route to that VTEP gets it as
 * its MTU: the kernel tells containers (ICMP), and fragments what may be fragmented. So do the routes
 * to that host's containers that lead there without a tunnel.
 */
import { messageOf } from '../../core/errors.js'
import { familyOf, type Ip } from '../../core/ip.js'
import type { Dataplane, Logger } from '../../core/ports.js'
import type { Host } from '../../core/types.js'
import type { Peers } from '../peers/peers.js'
import type { Problems } from '../troubles/problems.js'
import { findPathMtu } from './path-search.js'
import type { UnderlaySource } from './underlay-source.js'

/** What changes together is looked at once. */
const SETTLE_MS = 1_000
/** Between two looks at a path, give or take a fifth: not all hosts at once, nor both ends of a path. */
const AGAIN_MS = 50_000
const AT_ONCE = 16
/** What every path lets through: RFC 791 and RFC 8200. */
const LEAST = { 4: 576, 6: 1_280 } as const

export interface PathMtuParts {
  readonly dataplane: Pick<Dataplane, 'echo' | 'pathMtus' | 'setPathMtu'>
  readonly peers: Pick<Peers, 'used' | 'hosts' | 'knowsHosts' | 'keepTo'>
  readonly underlay: Pick<UnderlaySource, 'known'>
  readonly problems: Pick<Problems, 'report'>
  readonly logger: Logger
}

interface Look {
  /** both ends and the MTU, as they were */
  readonly path: string
  /** of performance.now */
  readonly next: number
}

export class PathMtu {
  readonly #parts: PathMtuParts
  readonly #looks = new Map<Ip, Look>()
  /** what paths were found to let through */
  readonly #narrow = new Map<Ip, number>()
  /** why that is not in force */
  readonly #refused = new Map<Ip, string>()
  #timer: NodeJS.Timeout | undefined
  /** when the timer fires, of performance.now */
  #due = Number.POSITIVE_INFINITY
  #running: Promise<void> = Promise.resolve()
  #routesChanged = false
  #closed = false

  constructor(parts: PathMtuParts) {
    this.#parts = parts
  }

  /** Takes up what a former run has set. */
  async start(): Promise<void> {
    const { dataplane, logger } = this.#parts
    try {
      for (const [vtep, mtu] of await dataplane.pathMtus()) this.#narrow.set(vtep, mtu)
      if (this.#narrow.size > 0) this.#parts.peers.keepTo(this.#narrow)
    } catch (error) {
      logger.warn({ err: messageOf(error) }, 'routes of a former run not read')
    }
    this.trigger()
  }

  /** Peers, hosts or the underlay may have changed. */
  trigger(): void {
    this.#wakeIn(SETTLE_MS)
  }

  /** The host's routes, addresses or links have. */
  routesChanged(): void {
    this.#routesChanged = true
    this.trigger()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#running
  }

  /** The earlier of two wishes counts. */
  #wakeIn(ms: number): void {
    const due = performance.now() + ms
    if (this.#closed || this.#due <= due) return
    clearTimeout(this.#timer)
    this.#due = due
    this.#timer = setTimeout(() => {
      this.#due = Number.POSITIVE_INFINITY
      this.#running = this.#running.then(() => this.#pass())
    }, ms)
    this.#timer.unref()
  }

  async #pass(): Promise<void> {
    const { underlay, peers } = this.#parts
    const { known } = underlay
    if (known === undefined || !peers.knowsHosts || this.#closed) return
    await this.#forgetGone()
    if (this.#routesChanged) await this.#followRoutes()
    const now = performance.now()
    const due = this.#targets(familyOf(known.vtep)).filter(({ vtep }) => {
      const look = this.#looks.get(vtep)
      return look === undefined || look.next <= now || look.path !== pathOf(known, vtep)
    })
    const turns = due.values()
    // All of them take from one iterator.
    const lane = async (): Promise<void> => {
      for (const { vtep } of turns) if (!this.#closed) await this.#lookAt(vtep, known)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
    this.#report()
    const dues = [...this.#looks.values()].map((look) => look.next - performance.now())
    this.#wakeIn(Math.max(Math.min(AGAIN_MS, ...dues), SETTLE_MS))
  }

  /** Whom this host sends to, and whose path was narrow: it may be well now. */
  #targets(family: 4 | 6): readonly Host[] {
    const { peers } = this.#parts
    const narrow = peers.hosts().filter(({ vtep }) => this.#narrow.has(vtep))
    const byVtep = new Map([...peers.used(), ...narrow].map((host) => [host.vtep, host]))
    return [...byVtep.values()].filter(({ vtep }) => familyOf(vtep) === family)
  }

  /** Of hosts that have left the cluster, or have another VTEP, nothing stays. */
  async #forgetGone(): Promise<void> {
    const vteps = new Set(this.#parts.peers.hosts().map(({ vtep }) => vtep))
    for (const vtep of this.#looks.keys()) if (!vteps.has(vtep)) this.#looks.delete(vtep)
    for (const vtep of [...this.#narrow.keys()])
      if (!vteps.has(vtep)) await this.#set(vtep, undefined)
  }

  /** Ours go where the others lead now. */
  async #followRoutes(): Promise<void> {
    this.#routesChanged = false
    for (const [vtep, mtu] of [...this.#narrow]) await this.#set(vtep, mtu)
  }

  async #lookAt(vtep: Ip, known: { vtep: Ip; mtu: number }): Promise<void> {
    const { dataplane, logger } = this.#parts
    const range = { least: LEAST[familyOf(vtep)], most: known.mtu }
    const echo = (size: number, count: number) => dataplane.echo(known.vtep, vtep, size, count)
    const found = await findPathMtu(echo, range)
    const next = performance.now() + AGAIN_MS * (0.8 + 0.4 * Math.random())
    this.#looks.set(vtep, { path: pathOf(known, vtep), next })
    const mtu = found === undefined || found === known.mtu ? undefined : found
    if (found === undefined || mtu === this.#narrow.get(vtep)) return
    await this.#set(vtep, mtu)
    logger.debug({ vtep, mtu: found }, 'path measured')
  }

  async #set(vtep: Ip, mtu: number | undefined): Promise<void> {
    const former = this.#narrow.get(vtep)
    this.#refused.delete(vtep)
    try {
      await this.#parts.dataplane.setPathMtu(vtep, mtu)
      if (mtu === undefined) this.#narrow.delete(vtep)
    } catch (error) {
      this.#refused.set(vtep, messageOf(error))
    }
    if (mtu !== undefined) this.#narrow.set(vtep, mtu)
    if (this.#narrow.get(vtep) !== former) this.#parts.peers.keepTo(this.#narrow)
  }

  #report(): void {
    const { problems, peers, underlay } = this.#parts
    const names = new Map(peers.hosts().map(({ vtep, name }) => [vtep, name]))
    const lines = [...this.#narrow].map(([vtep, mtu]) => {
      const seen = `packets of more than ${mtu} bytes do not arrive at ${vtep}, although the MTU here is ${underlay.known?.mtu}`
      const refusal = this.#refused.get(vtep)
      const done = refusal ?? `they are kept to ${mtu} on that path`
      const remedy = 'correct the MTU of the interfaces or of the network between the hosts'
      return [names.get(vtep) ?? vtep, `${seen}: ${done}; ${remedy}`] as const
    })
    problems.report('path', new Map(lines))
  }
}

function pathOf(known: { vtep: Ip; mtu: number }, vtep: Ip): string {
  return `${known.vtep} ${vtep} ${known.mtu}`
}
