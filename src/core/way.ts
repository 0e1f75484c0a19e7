/** How this host sends to another one: pure. */
import { contains, type Ip } from './ip.js'
import type { HostId, Underlay, Way } from './types.js'

/**
 * Direct where the other's address is in the prefix of this host's own one; else there is a router
 * between, or it is not known to be otherwise.
 * @param mtu what was found to pass, if that is less than the underlay says
 */
export function wayTo(underlay: Underlay | undefined, host: HostId, vtep: Ip, mtu?: number): Way {
  const link = underlay?.link
  const isNear = link !== undefined && contains(link.subnet, vtep)
  return {
    host,
    vtep,
    ...(isNear ? { dev: link.dev } : {}),
    ...(mtu === undefined ? {} : { mtu }),
  }
}

/** This host as others see it, on whichever link. */
export function ownWay(underlay: Underlay, self: HostId): Way {
  return { host: self, vtep: underlay.vtep, dev: underlay.link?.dev ?? 'lo' }
}

export function isSameWay(a: Way | undefined, b: Way | undefined): boolean {
  return a?.vtep === b?.vtep && a?.dev === b?.dev && a?.mtu === b?.mtu
}
