/**
 * inner IP → inner MAC on the vxlan device: what it answers ARP and ND with (`proxy`). PERMANENT,
 * as only those are free of the neighbour table's gc_thresh3 (net/core/neighbour.c).
 */
import type { Ip } from '../../core/ip.js'
import type { NeighbourPlan } from '../../core/plan.js'
import { isLocalOnly } from '../facts/misses.js'
import { NTF_PROXY, NUD } from '../rtnl/constants.js'
import { deleteNeighbour, dumpNeighbours, putNeighbour } from '../rtnl/neighbour-codec.js'
import { type EntryCodec, EntryTable } from './entry-table.js'
import type { LinkTable } from './links.js'

const NEIGHBOURS: EntryCodec<NeighbourPlan> = {
  name: 'neighbours',
  keyOf: (entry) => entry.ip,
  same: (a, b) => a.mac === b.mac,
  put: (entry, ifindex) => putNeighbour(ifindex, entry.ip, entry.mac),
  remove: (key, ifindex) => deleteNeighbour(ifindex, key as Ip),
  dumps: (ifindex) => [dumpNeighbours(4, ifindex), dumpNeighbours(6, ifindex)],
  keyIn: ({ ip, flags }) =>
    ip === undefined || isLocalOnly(ip) || isProxy(flags) ? undefined : ip,
  // the kernel's own (NOARP, incomplete, multicast) are not PERMANENT or not of an endpoint
  decode({ state, ip, mac, flags }, dev) {
    if (isProxy(flags)) return undefined
    if (state !== NUD.PERMANENT || ip === undefined || mac === undefined) return undefined
    return isLocalOnly(ip) ? undefined : { dev, ip, mac }
  },
}

function isProxy(flags: number): boolean {
  return (flags & NTF_PROXY) !== 0
}

/** @param onWritten told of each entry that was put or deleted, with what stood there before */
export function neighbourTable(
  links: LinkTable,
  onWritten?: (have: NeighbourPlan | undefined, want: NeighbourPlan | undefined) => void,
): EntryTable<NeighbourPlan> {
  return new EntryTable(NEIGHBOURS, {
    links,
    devices: ({ vxlans }) => vxlans,
    entries: (plan) => plan.neighbours,
    keepsPartial: true,
    onFresh: 'read',
    ofBridge: false,
    ...(onWritten === undefined ? {} : { onWritten }),
  })
}
