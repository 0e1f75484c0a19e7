/**
 * inner MAC → VTEP in the vxlan device's own table. Put replaces: an exclusive add fails on an
 * entry that is already there with another VTEP, and the packet goes on to the old host (moby#35401).
 */
import type { FdbPlan } from '../../core/plan.js'
import { NTF_SELF, NUD } from '../rtnl/constants.js'
import { decodeNeighbour, deleteFdb, dumpFdb, putFdb } from '../rtnl/neighbour-codec.js'
import type { EntryCodec } from './entry-table.js'

/** An entry as read: `altered` has our MAC and VTEP, but would not do what a planned one does. */
interface FdbEntry extends FdbPlan {
  readonly altered?: boolean
}

export const FDB: EntryCodec<FdbEntry> = {
  noun: 'fdb',
  keyOf: (entry) => entry.mac,
  same: (a, b) => a.vtep === b.vtep && a.altered === b.altered,
  put: (entry, ifindex) => putFdb(ifindex, entry.mac, entry.vtep),
  remove: (entry, ifindex) => deleteFdb(ifindex, entry.mac),
  async read(rtnl, dev, ifindex) {
    const found: FdbEntry[] = []
    for (const body of await rtnl.dump(dumpFdb(ifindex))) {
      const { ifindex: index, state, flags, ip, mac, detour } = decodeNeighbour(body)
      // the bridge's own entries (33:33:…, its MAC) have no VTEP or not NTF_SELF
      if (index !== ifindex || (flags & NTF_SELF) === 0) continue
      if (ip === undefined || mac === undefined) continue
      const altered = detour || (state & NUD.PERMANENT) === 0
      found.push({ dev, mac, vtep: ip, ...(altered ? { altered } : {}) })
    }
    return found
  },
}
