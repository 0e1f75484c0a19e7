/**
 * Container's MAC → port in a bridge: what the bridge knows of its containers, instead of learning
 * it from what they send. An entry of ours is static and sticky, so it does not age, whoever
 * speaks or does not, and no frame moves it to another port.
 */
import type { Mac } from '../../core/mac.js'
import type { LinkPlan } from '../../core/plan.js'
import { NTF_SELF, NUD } from '../rtnl/constants.js'
import type { NeighbourState } from '../rtnl/neighbour-codec.js'
import { deleteStation, dumpFdb, putStation } from '../rtnl/neighbour-codec.js'
import type { EntryCodec } from './entry-table.js'

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

/**
 * Whether a notice puts the MAC of one of these elsewhere.
 * @param dev name of its device, if it is one of their ports
 */
export function isMisplaced(
  stations: readonly Station[],
  state: NeighbourState,
  dev: string | undefined,
): boolean {
  if (!isInBridge(state) || (state.state & NUD.PERMANENT) !== 0) return false
  const places = stations.filter(({ mac }) => mac === state.mac)
  return places.length > 0 && !places.some((place) => place.dev === dev)
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
