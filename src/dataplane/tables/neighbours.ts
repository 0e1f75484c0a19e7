/**
 * inner IP → inner MAC on the vxlan device: what it answers ARP and ND with (`proxy`). PERMANENT,
 * as only those are free of the neighbour table's gc_thresh3 (net/core/neighbour.c).
 */
import type { Ip } from '../../core/ip.js'
import type { NeighbourPlan } from '../../core/plan.js'
import { isLocalOnly } from '../misses.js'
import { NUD } from '../rtnl/constants.js'
import { deleteNeighbour, dumpNeighbours, putNeighbour } from '../rtnl/neighbour-codec.js'
import type { EntryCodec } from './entry-table.js'

export const NEIGHBOURS: EntryCodec<NeighbourPlan> = {
  name: 'neighbours',
  keyOf: (entry) => entry.ip,
  same: (a, b) => a.mac === b.mac,
  put: (entry, ifindex) => putNeighbour(ifindex, entry.ip, entry.mac),
  remove: (key, ifindex) => deleteNeighbour(ifindex, key as Ip),
  dumps: (ifindex) => [dumpNeighbours(4, ifindex), dumpNeighbours(6, ifindex)],
  keyIn: ({ ip }) => (ip === undefined || isLocalOnly(ip) ? undefined : ip),
  // the kernel's own (NOARP, incomplete, multicast) are not PERMANENT or not of an endpoint
  decode({ state, ip, mac }, dev) {
    if (state !== NUD.PERMANENT || ip === undefined || mac === undefined) return undefined
    return isLocalOnly(ip) ? undefined : { dev, ip, mac }
  },
}
