/** Checks that each host makes of itself and of its ways to the others. */
import type { StatusReport } from '../../core/admin/status.js'
import type { Dataplane, Store } from '../../core/ports.js'
import type { Journal } from '../../state/journal.js'
import type { Inquiries } from '../inquiries/inquiries.js'
import type { Reconciler } from '../passes/reconciler.js'
import type { Peers } from '../peers/peers.js'
import type { Probes } from '../probes/probes.js'
import type { UnderlaySource } from '../underlay/underlay-source.js'
import type { Check } from './check.js'
import { checksumsCheck } from './checks/checksums.js'
import { firewallCheck } from './checks/firewall.js'
import { kernelCheck } from './checks/kernel.js'
import { leftoversCheck } from './checks/leftovers.js'
import { pathsCheck } from './checks/paths.js'
import { settingsCheck } from './checks/settings.js'
import { statusCheck } from './checks/status.js'
import { storeCheck } from './checks/store.js'
import { tunnelsCheck } from './checks/tunnels.js'

export interface HostParts {
  readonly store: Store
  readonly dataplane: Dataplane
  readonly journal: Journal
  readonly peers: Peers
  readonly underlay: UnderlaySource
  readonly reconciler: Reconciler
  readonly inquiries: Inquiries
  readonly probes: Probes
  readonly status: () => StatusReport
}

/** In the order in which they are told. */
export function hostChecks(parts: HostParts): readonly Check[] {
  return [
    kernelCheck(parts.dataplane),
    settingsCheck(parts),
    storeCheck(parts.store),
    firewallCheck(parts),
    tunnelsCheck(parts),
    pathsCheck(parts),
    checksumsCheck(parts),
    leftoversCheck(parts),
    statusCheck(parts.status),
  ]
}
