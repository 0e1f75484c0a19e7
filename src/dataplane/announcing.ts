/** Sends what an Announcer has due into the bridges of a sandbox. */
import type { Logger } from '../core/ports.js'
import { announcement } from './announcer.js'
import type { Namespace } from './namespace.js'
import type { Home } from './netns.js'
import { deleteNeighbour } from './rtnl/neighbour-codec.js'
import type { RtnlMessage } from './rtnl/rtnl.js'
import type { Tables } from './tables/tables.js'

/**
 * Containers get a frame; what the bridge itself has cached, as the gateway between subnets, is
 * deleted. What cannot be sent is no failure: caches are right again by themselves, only later.
 */
export async function announce(
  { announcer, links }: Tables,
  namespace: Namespace,
  home: Home,
  logger: Logger,
): Promise<void> {
  if (!announcer.isDue) return
  try {
    const frames = namespace.frames(home)
    const own: RtnlMessage[] = []
    let lost: string | undefined
    await announcer.tell(({ dev, ip, mac }) => {
      const bridge = links.bridgeIndexOf(dev)
      if (bridge === undefined) return
      own.push(deleteNeighbour(bridge, ip))
      lost = frames.send(bridge, announcement(ip, mac)) ?? lost
    })
    await namespace.rtnl.write(own)
    if (lost !== undefined) logger.debug({ err: lost }, 'another MAC of an address not announced')
  } catch (error) {
    logger.warn({ err: String(error) }, 'another MAC of an address not announced')
  }
}
