/** What this host's containers have received and sent, by the counters of their ports. */
import { resolveBackend } from '../../backends/index.js'
import type { EndpointTraffic, TrafficReport } from '../../core/admin/traffic.js'
import type { Dataplane } from '../../core/ports.js'
import type { Journal } from '../../state/journal.js'
import { homeOf } from '../passes/places.js'

/**
 * A port is the other end of the container's own interface: what it has sent, the container has
 * received. A place that is not there (yet) has no traffic.
 * @throws TsoverlayError KERNEL_FAILED
 */
export async function trafficOf(
  { bindings, endpoints }: Pick<Journal, 'bindings' | 'endpoints'>,
  dataplane: Pick<Dataplane, 'counters'>,
): Promise<TrafficReport> {
  const ports = [...endpoints.values()].flatMap(({ id, joined, dockerNetwork }) => {
    const binding = joined ? bindings.get(dockerNetwork) : undefined
    if (binding === undefined) return []
    const { key, backend } = binding.network
    return [{ id, key, place: homeOf(binding), port: resolveBackend(backend).portOf(id) }]
  })
  const at = performance.now()
  const found: EndpointTraffic[] = []
  for (const place of new Set(ports.map((port) => port.place))) {
    const counters = await dataplane.counters(place)
    for (const { id, key, port } of ports.filter((each) => each.place === place)) {
      const counted = counters?.get(port)
      if (counted === undefined) continue
      found.push({ endpoint: id, network: key, received: counted.sent, sent: counted.received })
    }
  }
  return { at, endpoints: found }
}
