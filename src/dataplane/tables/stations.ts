/**
 * Container's MAC → port in a bridge: what the bridge knows of its containers, instead of learning
 * it from what they send. An entry of ours is static and sticky, so it does not age, whoever
 * speaks or does not, and no frame moves it to another port.
 */
import type { Mac } from '../../core/mac.js'
import type { LinkPlan, Plan } from '../../core/plan.js'
import type { TableResult } from '../failure.js'
import { NTF_SELF, NUD } from '../rtnl/constants.js'
import type { NeighbourState } from '../rtnl/neighbour-codec.js'
import { deleteStation, dumpFdb, putStation } from '../rtnl/neighbour-codec.js'
import { type EntryCodec, EntryTable } from './entry-table.js'
import type { KernelTable, Scope } from './kernel-table.js'
import { deviceAt, type LinkTable } from './links.js'
import type { Notice } from './notices.js'

export interface Station {
  /** the port */
  readonly dev: string
  readonly mac: Mac
}

export const STATIONS: EntryCodec<Station> = {
  name: 'stations',
  keyOf: (entry) => entry.mac,
  same: () => true,
  put: (entry, ifindex) => putStation(ifindex, entry.mac),
  remove: (key, ifindex) => deleteStation(ifindex, key as Mac),
  dumps: (ifindex) => [dumpFdb(ifindex)],
  keyIn: (state) => (isInBridge(state) ? state.mac : undefined),
  decode(found, dev) {
    const { state, mac } = found
    if (!isInBridge(found) || mac === undefined) return undefined
    // one that was learned is none of ours; PERMANENT are the port's own
    return state === NUD.NOARP ? { dev, mac } : undefined
  },
}

export class StationTable implements KernelTable {
  readonly name = 'stations'
  readonly #links: LinkTable
  readonly #table: EntryTable<Station>
  #stations: readonly Station[] = []

  constructor(links: LinkTable) {
    this.#links = links
    this.#table = new EntryTable(STATIONS, {
      links,
      devices: ({ ports }) => ports,
      entries: () => this.#stations,
      keepsPartial: false,
      onFresh: 'lost',
      ofBridge: true,
    })
  }

  setDesired(plan: Plan): void {
    this.#stations = stationsOf(plan.links)
    this.#table.setDesired(plan)
  }

  queueResync(): void {
    this.#table.queueResync()
  }

  contradicts(notice: Notice): boolean {
    if (this.#table.contradicts(notice)) return true
    return notice.kind === 'entry' && notice.ofBridge && !notice.gone && this.#isMoved(notice.state)
  }

  apply(scope: Scope): Promise<TableResult> {
    return this.#table.apply(scope)
  }

  /** Whether the MAC of a container here is on another device now. */
  #isMoved(state: NeighbourState): boolean {
    if (!isInBridge(state) || (state.state & NUD.PERMANENT) !== 0) return false
    const places = this.#stations.filter(({ mac }) => mac === state.mac)
    const dev = deviceAt(this.#links.ports, state.ifindex)
    return places.length > 0 && !places.some((place) => place.dev === dev)
  }
}

/** The bridge has each entry a second time for its default VLAN, which does not matter here. */
function isInBridge({ flags, vlan }: NeighbourState): boolean {
  return (flags & NTF_SELF) === 0 && !vlan
}

/** What the bridges are to know; of two ports with one MAC, the first. */
export function stationsOf(links: readonly LinkPlan[]): readonly Station[] {
  const stations = new Map<string, Station>()
  for (const link of links) {
    if (link.kind !== 'veth') continue
    const key = `${link.master} ${link.peer.mac}`
    if (!stations.has(key)) stations.set(key, { dev: link.name, mac: link.peer.mac })
  }
  return [...stations.values()]
}
