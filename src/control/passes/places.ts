/** Which networks of this host are where: pure. */
import { resolveBackend } from '../../backends/index.js'
import type { Place } from '../../core/plan.js'
import type { Binding } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'

export function homeOf({
  network,
  dockerNetwork,
}: Pick<Binding, 'network' | 'dockerNetwork'>): Place {
  return resolveBackend(network.backend).home(dockerNetwork)
}

/** Names of the links that are ports of containers which are in a place now. */
export function portsAt(
  { bindings, endpoints }: Pick<Journal, 'bindings' | 'endpoints'>,
  place: Place,
): ReadonlySet<string> {
  const ports = new Set<string>()
  for (const { id, joined, dockerNetwork } of endpoints.values()) {
    const binding = joined ? bindings.get(dockerNetwork) : undefined
    if (binding === undefined || homeOf(binding) !== place) continue
    ports.add(resolveBackend(binding.network.backend).portOf(id))
  }
  return ports
}

/** The networks at home in a place. */
export function networksAt(bindings: Iterable<Binding>, place: Place): readonly Binding[] {
  return [...bindings].filter((binding) => homeOf(binding) === place)
}
