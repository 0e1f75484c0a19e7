/**
 * inner MAC → VTEP in the vxlan device's own table. Put replaces: an exclusive add fails on an
 * entry that is already there with another VTEP, and the packet goes on to the old host (moby#35401).
 */
import type { Mac } from '../../core/mac.js'
import type { FdbPlan } from '../../core/plan.js'
import { NTF_SELF, NUD } from '../rtnl/constants.js'
import type { NeighbourState } from '../rtnl/neighbour-codec.js'
import { deleteFdb, dumpFdb, putFdb } from '../rtnl/neighbour-codec.js'
import { type EntryCodec, EntryTable } from './entry-table.js'
import type { LinkTable } from './links.js'

/** An entry as read: `altered` has our MAC and VTEP, but would not do what a planned one does. */
interface FdbEntry extends FdbPlan {
  readonly altered?: boolean
}

const FDB: EntryCodec<FdbEntry> = {
  name: 'fdb',
  keyOf: (entry) => entry.mac,
  same: (a, b) => a.vtep === b.vtep && a.altered === b.altered,
  put: (entry, ifindex) => putFdb(ifindex, entry.mac, entry.vtep),
  remove: (key, ifindex) => deleteFdb(ifindex, key as Mac),
  dumps: (ifindex) => [dumpFdb(ifindex)],
  keyIn: (state) => (isOnDevice(state) ? state.mac : undefined),
  decode(found, dev) {
    const { state, ip, mac, detour } = found
    if (!isOnDevice(found) || ip === undefined || mac === undefined) return undefined
    const altered = detour || (state & NUD.PERMANENT) === 0
    return { dev, mac, vtep: ip, ...(altered ? { altered } : {}) }
  },
}

/** The bridge's own entries (33:33:…, its MAC) have no VTEP or not NTF_SELF. */
function isOnDevice({ flags, ip }: NeighbourState): boolean {
  return (flags & NTF_SELF) !== 0 && ip !== undefined
}

export function fdbTable(links: LinkTable): EntryTable<FdbEntry> {
  return new EntryTable(FDB, {
    links,
    devices: ({ vxlans }) => vxlans,
    entries: (plan) => plan.fdb,
    keepsPartial: true,
    onFresh: 'read',
    ofBridge: true,
  })
}
