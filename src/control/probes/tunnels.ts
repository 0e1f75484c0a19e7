/** The networks of this host that have a vxlan device, as the plans want it. */
import type { Place, VxlanLink } from '../../core/plan.js'
import type { NetworkKey } from '../../core/types.js'
import type { Journal } from '../../state/journal.js'
import { homeOf } from '../passes/places.js'
import type { Reconciler } from '../passes/reconciler.js'

export interface Tunnel {
  readonly network: NetworkKey
  /** for people */
  readonly name: string
  readonly place: Place
  readonly dev: string
  readonly vni: number
  /** of the device: of the inner packets */
  readonly mtu: number
}

export interface TunnelsParts {
  readonly journal: Pick<Journal, 'bindings'>
  readonly reconciler: Pick<Reconciler, 'partOf'>
}

/** Of each network the first: one is enough to see whether packets arrive. */
export function tunnelsOf({ journal, reconciler }: TunnelsParts): readonly Tunnel[] {
  return [...journal.bindings.values()].flatMap((binding) => {
    const { network, dockerNetwork, name = network.identity } = binding
    const links = reconciler.partOf(dockerNetwork)?.links ?? []
    const link = links.find((each): each is VxlanLink => each.kind === 'vxlan')
    if (link === undefined) return []
    const { name: dev, vni, mtu } = link
    return [{ network: network.key, name, place: homeOf(binding), dev, vni, mtu }]
  })
}
