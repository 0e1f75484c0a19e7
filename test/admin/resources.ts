/** What the admin socket of a host under test answers from. */
import type { Resources } from '../../src/admin/routes/routes.js'
import { Events } from '../../src/control/events/events.js'
import { Insight } from '../../src/control/insight/insight.js'
import { ClusterView } from '../../src/control/operator/cluster-view.js'
import { HostRemoval } from '../../src/control/operator/host-removal.js'
import { PoolsView } from '../../src/control/operator/pools-view.js'
import { idOf, type TestHost, twoHosts } from '../control/host.js'
import type { MemoryStore } from '../fakes/memory-store.js'
import { until } from '../fakes/until.js'

export function resourcesOf(host: TestHost, store: MemoryStore = host.store): Resources {
  return {
    status: () => host.status(),
    cluster: new ClusterView(store, host.identity),
    removal: new HostRemoval(store),
    names: host.names.report,
    statics: host.names.statics,
    doctor: host.doctor,
    traffic: host.traffic,
    trace: host.trace,
    live: host.live,
    env: { STORE: 'http://root:hunter2@etcd:2379', STORE_USER: 'root', SCOPE: 'local' },
    log: { list: () => ['{"msg":"ready"}', '{"password":"hunter2"}'] },
    pools: new PoolsView(store),
    events: new Events({ ...host, store }),
    insight: new Insight({ ...host, docker: host.api, pauseMs: 0 }),
  }
}

/** Two hosts that have one network, with a container each. */
export async function pairOfHosts(t: Parameters<typeof twoHosts>[0]) {
  const { a, b } = await twoHosts(t)
  await a.docker.createNetwork(idOf('on a'), { subnet: '10.20.0.0/24' })
  await b.docker.createNetwork(idOf('on b'), { subnet: '10.20.0.0/24' })
  await a.docker.run(idOf('on a'), idOf('ca'))
  await b.docker.run(idOf('on b'), idOf('cb'))
  await until('both are published', async () => (await a.store.keys('/hosts/')).length === 2)
  return { a, b }
}
