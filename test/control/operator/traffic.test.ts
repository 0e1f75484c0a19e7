/** Whose counters a host tells. */
import t from 'tap'
import { resolveBackend } from '../../../src/backends/index.js'
import { homeOf } from '../../../src/control/passes/places.js'
import { until } from '../../fakes/until.js'
import { idOf, type TestHost, twoHosts } from '../host.js'

/** A container on a host, through whose port so much has gone. @returns the endpoint's id */
async function container(host: TestHost, name: string, count: number): Promise<string> {
  const network = idOf(`blue on ${name}`)
  await host.docker.createNetwork(network, { subnet: '10.20.0.0/24' })
  await host.docker.run(network, idOf(name))
  const [binding] = host.journal.bindings.values()
  const [endpoint] = host.journal.endpoints.values()
  if (binding === undefined || endpoint === undefined) throw new Error('nothing is attached')
  const port = resolveBackend(binding.network.backend).portOf(endpoint.id)
  host.dataplane.counted.set(
    homeOf(binding),
    new Map([[port, { received: count, sent: 2 * count }]]),
  )
  return endpoint.id
}

t.test('this host’s without the store, another one’s by asking it', async (t) => {
  const { a, b, store } = await twoHosts(t)
  const own = await container(a, 'ca', 10)
  const far = await container(b, 'cb', 500)
  await b.presence.start()
  await until('b is known on a', () => a.peers.hosts().some(({ id }) => id === b.identity.id))
  const theirs = await a.traffic(b.identity.id)
  t.match(theirs.endpoints, [{ endpoint: far, received: 1_000, sent: 500 }])
  t.equal(theirs.endpoints.length, 1)
  await t.rejects(a.traffic('nobody'), { code: 'HOST_UNKNOWN' })
  store.unavailable = true
  t.match((await a.traffic(undefined)).endpoints, [{ endpoint: own, received: 20, sent: 10 }])
  t.match((await a.traffic(a.identity.id)).endpoints, [{ endpoint: own }])
})
