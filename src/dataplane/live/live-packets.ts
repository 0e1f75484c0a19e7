/** As core/live.ts describes it. */
import type { LivePackets } from '../../core/live.js'
import { enterPlace } from '../places/enter-place.js'
import type { Home } from '../places/netns.js'
import { openLiveEar } from './live-ears.js'
import { openLiveSender } from './live-sender.js'

const NO_NAMESPACE = 'ENOENT'

/** @param netnsDir directory of the namespaces' files */
export function livePackets(home: Home, netnsDir: string): LivePackets {
  return {
    hear: (flow, what, ear) =>
      enterPlace(home, netnsDir, ear.where, () => openLiveEar(flow, what, ear))?.made ??
      NO_NAMESPACE,
    sender: (flow, where, most) =>
      enterPlace(home, netnsDir, where, () => openLiveSender(flow, most))?.made ?? NO_NAMESPACE,
  }
}
