/**
 * Who has which VNI on this host. Devices share the host's UDP port by their VNIs, wherever they
 * were moved, if they were made in the host's namespace (vxlan_core.c vxlan_vni_in_use looks at
 * all devices of the namespace that the socket is in). Docker's own overlay makes them as we do.
 */
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../../core/ports.js'
import { describeVxlan, type VxlanDevice } from '../../core/vxlan-device.js'
import { isHostLink, isSandboxName, SANDBOX_MARK } from '../places/marks.js'
import type { Home } from '../places/netns.js'
import { listNetns, netnsState, openNetns } from '../places/netns.js'
import type { LinkState } from '../rtnl/link-codec.js'
import { decodeLink, dumpLinks } from '../rtnl/link-codec.js'
import { openRtnl } from '../rtnl/netlink-rtnl.js'
import type { Rtnl } from '../rtnl/rtnl.js'

interface FoundVxlan extends VxlanDevice {
  /** it is in a sandbox of our making, or in the host's namespace and named as ours are */
  readonly ours: boolean
}

interface SearchPlaces {
  readonly home: Home
  /** socket in the host's namespace */
  readonly host: Rtnl
  readonly netnsDir: string
  readonly logger: Logger
}

export class VxlanSearch {
  readonly #places: SearchPlaces

  constructor(places: SearchPlaces) {
    this.#places = places
  }

  /**
   * Those that are not of our making.
   * @throws TsoverlayError KERNEL_FAILED
   */
  async foreign(): Promise<readonly VxlanDevice[]> {
    const found = (await findVxlans(this.#places)).filter(({ ours }) => !ours)
    return found.map(({ ours: _, ...device }) => device)
  }

  /**
   * Who has a VNI on a UDP port of the host, for people; undefined when it is not to be seen.
   * @throws TsoverlayError KERNEL_FAILED
   */
  async holderOf(vni: number, port: number): Promise<string | undefined> {
    const found = await findVxlans(this.#places)
    const holder = found.find((one) => one.vni === vni && one.port === port)
    return holder && describeVxlan(holder)
  }
}

/**
 * All in the host's own namespace and in those that are named as overlay networks' are; elsewhere
 * nobody puts one. A namespace that ends meanwhile has none.
 * @throws TsoverlayError KERNEL_FAILED when the host's own links cannot be read
 */
async function findVxlans(places: SearchPlaces): Promise<readonly FoundVxlan[]> {
  const { home, host, netnsDir, logger } = places
  const own = (await host.dump(dumpLinks())).map(decodeLink)
  const found = own
    .filter((link) => !link.linkedElsewhere)
    .flatMap((link) => vxlanOf(link, isHostLink(link)))
  for (const namespace of listNetns(netnsDir).filter(isSandboxName)) {
    try {
      const links = await linksOf(home, join(netnsDir, namespace))
      const ours = links.some(({ name, alias }) => name === 'lo' && alias === SANDBOX_MARK)
      const moved = links.filter((link) => link.linkedElsewhere)
      found.push(...moved.flatMap((link) => vxlanOf(link, ours, namespace)))
    } catch (error) {
      logger.debug({ namespace, err: String(error) }, 'namespace not searched for vxlan devices')
    }
  }
  return found
}

function vxlanOf({ name, vxlan }: LinkState, ours: boolean, namespace?: string): FoundVxlan[] {
  if (vxlan === undefined) return []
  const { vni, port } = vxlan
  return [{ vni, port, name, ours, ...(namespace === undefined ? {} : { namespace }) }]
}

async function linksOf(home: Home, path: string): Promise<readonly LinkState[]> {
  if (netnsState(path) !== 'live') return []
  const fd = openNetns(path)
  try {
    const rtnl = home.enter(fd, openRtnl)
    const bodies = await rtnl.dump(dumpLinks()).finally(() => rtnl.close())
    return bodies.map(decodeLink)
  } finally {
    closeSync(fd)
  }
}
