/**
 * l3miss: a vxlan device that is to answer ARP or ND for an address it has no neighbour for sends
 * an RTM_GETNEIGH notice with the address as NDA_DST (vxlan_core.c vxlan_ip_miss). All of our own
 * neighbour writes are announced to the same group as RTM_NEWNEIGH; those are told apart by their
 * type and nothing is kept of them.
 */
import type { Ip } from '../../core/ip.js'
import { RTM } from '../rtnl/constants.js'
import { decodeNeighbour } from '../rtnl/neighbour-codec.js'

export interface MissedAddress {
  readonly ifindex: number
  readonly ip: Ip
}

/** Reads one notice; undefined for anything but a miss that another host could help with. */
export function decodeMiss(type: number, body: Buffer): MissedAddress | undefined {
  if (type !== RTM.GETNEIGH) return undefined
  const { ifindex, ip } = decodeNeighbour(body)
  return ip === undefined || isLocalOnly(ip) ? undefined : { ifindex, ip }
}

/** Link-local and multicast addresses belong to no endpoint record. */
export function isLocalOnly(ip: string): boolean {
  return /^(169\.254\.|22[4-9]\.|23\d\.|fe[89ab][0-9a-f]:|ff[0-9a-f]{2}:)/.test(ip)
}
