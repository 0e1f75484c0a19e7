/**
 * inner MAC → VTEP in the vxlan device's own table. Put replaces: an exclusive add fails on an
 * entry that is already there with another VTEP, and the packet goes on to the old host (moby#35401).
 */
import type { FdbPlan } from '../../core/plan.js'
import { NTF_SELF, NUD } from '../rtnl/constants.js'
import { decodeNeighbour, deleteFdb, dumpFdb, putFdb } from '../rtnl/neighbour-codec.js'
import type { EntryCodec } from './entry-table.js'

export const FDB: EntryCodec<FdbPlan> = {
  noun: 'fdb',
  keyOf: (entry) => entry.mac,
  same: (a, b) => a.vtep === b.vtep,
  put: (entry, ifindex) => putFdb(ifindex, entry.mac, entry.vtep),
  remove: (entry, ifindex) => deleteFdb(ifindex, entry.mac, entry.vtep),
  async read(rtnl, dev, ifindex) {
    const found: FdbPlan[] = []
    for (const body of await rtnl.dump(dumpFdb(ifindex))) {
      const { ifindex: index, state, flags, ip, mac } = decodeNeighbour(body)
      // the bridge's own entries (33:33:…, its MAC) have no VTEP or not NTF_SELF
      const ours = index === ifindex && (flags & NTF_SELF) !== 0 && (state & NUD.PERMANENT) !== 0
      if (ours && ip !== undefined && mac !== undefined) found.push({ dev, mac, vtep: ip })
    }
    return found
  },
}
