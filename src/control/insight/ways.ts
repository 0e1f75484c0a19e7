/** What leads from networks of this host to others, as the kernel has it: pure. */
import type { WayReport } from '../../core/admin/kernel.js'
import type { PlaceReading } from '../../core/kernel.js'
import type { Scope } from './scope.js'

/**
 * One for each device and VTEP, and for each gateway of routes that are ours.
 * @param network name for people
 * @param hostAt name of the host with an address of the underlay
 */
export function waysOf(
  network: string,
  found: PlaceReading,
  scope: Scope,
  hostAt: (address: string) => string | undefined,
): readonly WayReport[] {
  const ways = new Map<string, { readonly dev: string; readonly to: string; carries: string[] }>()
  const note = (dev: string, to: string, what: string): void => {
    const way = ways.get(`${dev} ${to}`)
    if (way === undefined) ways.set(`${dev} ${to}`, { dev, to, carries: [what] })
    else way.carries.push(what)
  }
  for (const { dev, mac, vtep } of found.fdb) {
    if (vtep !== undefined && scope.hasDevice(dev)) note(dev, vtep, mac)
  }
  for (const { dev, to, via, planned } of found.routes) {
    // what goes by a tunnel of its own is told by the tunnel
    if (planned && via !== undefined && scope.covers(to) && !scope.hasDevice(dev))
      note(dev, via, to)
  }
  return [...ways.values()].map(({ dev, to, carries }) => ({
    network,
    namespace: scope.place,
    dev,
    to,
    host: hostAt(to) ?? '',
    carries,
  }))
}
