/**
 * What the kernel's notices of one sandbox say against what we made. Our own writes cause notices
 * as well, so each is held against what is wanted; only one that says something else makes a part
 * suspect, and the next pass reads that part. A pass that finds nothing wrong writes nothing, causes
 * no notice and so ends the matter.
 */

import { decodeNewGeneration } from './nft/messages.js'
import { decodeAddress, decodeRoute } from './rtnl/address-codec.js'
import { AF, RTM } from './rtnl/constants.js'
import type { LinkState, PortState } from './rtnl/link-codec.js'
import { decodeLink } from './rtnl/link-codec.js'
import { decodeNeighbour } from './rtnl/neighbour-codec.js'
import { saysNoForwarding } from './rtnl/netconf-codec.js'
import type { Tables } from './tables/tables.js'

/** A part of a sandbox that a pass can read by itself. */
export type Part = (typeof PARTS)[number]
const PARTS = ['namespace', 'sysctls', 'links', 'neighbours', 'fdb', 'stations', 'sources'] as const
export const ALL_PARTS: ReadonlySet<Part> = new Set(PARTS)

/** Notices come in bursts: of a link that is being made, or of a table that somebody flushes. */
const SETTLE_MS = 100
/** The longest pause between two repairs, when somebody keeps on changing what we put right. */
const LAST_SETTLE_MS = 1_000

interface Options {
  readonly tables: () => Tables
  /** whether a pass is under way, which makes links in several steps */
  readonly busy: () => boolean
  /** called when a part is suspect, maybe again before `take` */
  readonly onDrift: () => void
  /** milliseconds of a clock that only goes forward */
  readonly now: () => number
}

export class DriftWatch {
  readonly #options: Options
  readonly #suspects = new Set<Part>()
  /** the latest notice of each link, by ifindex */
  readonly #links = new Map<number, { readonly link: LinkState; readonly gone: boolean }>()
  /** the latest notice of a bridge about each port, by ifindex */
  readonly #ports = new Map<number, PortState>()
  /** the latest of the nf_tables rules */
  #generation: number | undefined
  #timer: NodeJS.Timeout | undefined
  #pause = SETTLE_MS
  #last = Number.NEGATIVE_INFINITY

  constructor(options: Options) {
    this.#options = options
  }

  /** @param type RTM_…, or that of a message of nf_tables */
  notice(type: number, body: Buffer): void {
    switch (type) {
      case RTM.NEWLINK:
      case RTM.DELLINK:
        this.#link(body, type === RTM.DELLINK)
        return
      case RTM.NEWNEIGH:
      case RTM.DELNEIGH:
        this.#entry(body, type === RTM.DELNEIGH)
        return
      case RTM.NEWADDR:
      case RTM.DELADDR:
        this.#address(body, type === RTM.DELADDR)
        return
      case RTM.DELROUTE:
        if (this.#options.tables().links.isRouteMissed(decodeRoute(body))) this.suspect('links')
        return
      case RTM.NEWNETCONF:
        if (saysNoForwarding(body)) this.suspect('sysctls')
        return
      default:
        this.#rules(decodeNewGeneration(type, body))
    }
  }

  /** The part may not be as we made it. */
  suspect(part: Part): void {
    this.#suspects.add(part)
    this.#settle()
  }

  /** What a pass that begins now has to read. */
  take(): ReadonlySet<Part> {
    const suspects = new Set(this.#suspects)
    this.#suspects.clear()
    return suspects
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#links.clear()
    this.#ports.clear()
    this.#generation = undefined
    this.#suspects.clear()
  }

  #link(body: Buffer, gone: boolean): void {
    const link = decodeLink(body)
    // a bridge tells of its ports in the same group, and that of a port that left it as DELLINK
    if (body.readUInt8(0) === AF.BRIDGE) {
      if (!gone && link.port !== undefined) this.#port(link.index, link.port)
      return
    }
    this.#links.set(link.index, { link, gone })
    this.#settle()
  }

  #port(index: number, port: PortState): void {
    this.#ports.set(index, port)
    this.#settle()
  }

  #entry(body: Buffer, gone: boolean): void {
    const tables = this.#options.tables()
    const state = decodeNeighbour(body)
    const ofBridge = body.readUInt8(0) === AF.BRIDGE
    if (ofBridge && tables.isStationContradicted(state, gone)) this.suspect('stations')
    const dev = tables.vxlanAt(state.ifindex)
    if (dev === undefined) return
    const part = ofBridge ? 'fdb' : 'neighbours'
    if (tables[part].isContradicted(state, dev, gone)) this.suspect(part)
  }

  #address(body: Buffer, gone: boolean): void {
    const address = decodeAddress(body)
    if (address === undefined) return
    if (this.#options.tables().links.isAddressContradicted(address, gone)) this.suspect('links')
  }

  /** Judged when no pass is under way: our own changes make generations too. */
  #rules(generation: number | undefined): void {
    if (generation === undefined) return
    this.#generation = generation
    this.#settle()
  }

  #settle(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => this.#judge(), this.#pause)
    this.#timer.unref()
  }

  #judge(): void {
    this.#timer = undefined
    if (this.#options.busy()) {
      this.#settle()
      return
    }
    const { links, sources } = this.#options.tables()
    if (this.#generation !== undefined && sources.isContradicted(this.#generation)) {
      this.#suspects.add('sources')
    }
    this.#generation = undefined
    for (const { link, gone } of this.#links.values()) {
      if (links.isContradicted(link, gone)) this.#suspects.add('links')
    }
    for (const [index, port] of this.#ports) {
      if (links.isPortContradicted(index, port)) this.#suspects.add('links')
    }
    this.#links.clear()
    this.#ports.clear()
    if (this.#suspects.size === 0) return
    this.#slowDown()
    this.#options.onDrift()
  }

  /** Two that want different things of one kernel must not keep a processor busy. */
  #slowDown(): void {
    const now = this.#options.now()
    // it was changed again as soon as it was put right
    const fight = now - this.#last < 3 * this.#pause
    this.#pause = fight ? Math.min(this.#pause * 2, LAST_SETTLE_MS) : SETTLE_MS
    this.#last = now
  }
}
