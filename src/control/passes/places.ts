/** Which networks of this host are where: pure. */
import { resolveBackend } from '../../backends/index.js'
import type { Place } from '../../core/plan.js'
import type { Binding } from '../../state/documents.js'

export function homeOf({
  network,
  dockerNetwork,
}: Pick<Binding, 'network' | 'dockerNetwork'>): Place {
  return resolveBackend(network.backend).home(dockerNetwork)
}

/** The networks at home in a place. */
export function networksAt(bindings: Iterable<Binding>, place: Place): readonly Binding[] {
  return [...bindings].filter((binding) => homeOf(binding) === place)
}
