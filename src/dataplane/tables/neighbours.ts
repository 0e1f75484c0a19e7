/**
 * inner IP → inner MAC on the vxlan device: what it answers ARP and ND with (`proxy`). PERMANENT,
 * as only those are free of the neighbour table's gc_thresh3 (net/core/neighbour.c).
 */
import type { NeighbourPlan } from '../../core/plan.js'
import { isLocalOnly } from '../misses.js'
import { NUD } from '../rtnl/constants.js'
import {
  decodeNeighbour,
  deleteNeighbour,
  dumpNeighbours,
  putNeighbour,
} from '../rtnl/neighbour-codec.js'
import type { EntryCodec } from './entry-table.js'

export const NEIGHBOURS: EntryCodec<NeighbourPlan> = {
  noun: 'neighbour',
  keyOf: (entry) => entry.ip,
  same: (a, b) => a.mac === b.mac,
  put: (entry, ifindex) => putNeighbour(ifindex, entry.ip, entry.mac),
  remove: (entry, ifindex) => deleteNeighbour(ifindex, entry.ip),
  async read(rtnl, dev, ifindex) {
    const found: NeighbourPlan[] = []
    for (const family of [4, 6] as const) {
      for (const body of await rtnl.dump(dumpNeighbours(family, ifindex))) {
        const { ifindex: index, state, ip, mac } = decodeNeighbour(body)
        // the kernel's own (NOARP, incomplete, multicast) are not PERMANENT or not of an endpoint
        if (index !== ifindex || state !== NUD.PERMANENT) continue
        if (ip !== undefined && mac !== undefined && !isLocalOnly(ip)) found.push({ dev, ip, mac })
      }
    }
    return found
  },
}
