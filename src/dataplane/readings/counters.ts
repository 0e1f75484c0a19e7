/** What has gone through the links of one place. */
import type { LinkCounters } from '../../core/kernel.js'
import type { Place } from '../../core/plan.js'
import type { Home } from '../places/netns.js'
import { decodeLinkCounters, dumpLinkCounters, linkName } from '../rtnl/link-codec.js'
import { withPlace } from './place.js'

/** As Dataplane.counters. @param directory of the sandboxes' files @throws TsoverlayError KERNEL_FAILED */
export async function readCounters(
  home: Home,
  directory: string,
  place: Place,
): Promise<ReadonlyMap<string, LinkCounters> | undefined> {
  return withPlace(home, directory, place, async ({ rtnl }) => {
    const bodies = await rtnl.dump(dumpLinkCounters())
    return new Map(
      bodies.flatMap((body) => {
        const counters = decodeLinkCounters(body)
        return counters === undefined ? [] : [[linkName(body), counters] as const]
      }),
    )
  })
}
