/** A plugin that starts anew on what a former run left. */
import { rmSync } from 'node:fs'
import t from 'tap'
import { until } from '../fakes/until.js'
import { host, idOf, twoHosts } from './host.js'

const BLUE = idOf('blue')
const RED = idOf('red')
const WEB = idOf('web')
const DB = idOf('db')
const SUBNET = { subnet: '10.20.0.0/16' }

t.test('endpoints are adopted, and peers stay in the kernel until the store is read', async (t) => {
  const { a, b, dirs } = await twoHosts(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  await b.docker.createNetwork(RED, SUBNET)
  await a.docker.run(BLUE, WEB)
  await b.docker.run(RED, DB)
  await until('a knows db', () => a.dataplane.toString().includes('neighbour'))
  await a.close()
  const store = a.store.peer()
  store.unavailable = true
  const again = await host(t, { store, dir: `${dirs}/a`, dataplane: a.dataplane })
  t.same([again.identity.id, again.identity.boot], [a.identity.id, a.identity.boot])
  await again.reconciler.run(BLUE)
  t.match(a.dataplane.toString(), 'neighbour vxlan0 10.20.0.64', 'a former run knew why')
  t.match(again.status().networks, [{ endpoints: 1, peers: 0, synced: false }])
  await b.docker.stop(RED, DB)
  await until('db is no longer in the store', () => b.outbox.owed === 0)
  store.unavailable = false
  await until('db is forgotten', () => !a.dataplane.toString().includes('neighbour'))
  t.match(again.status().networks, [{ endpoints: 1, peers: 0, synced: true }])
})

t.test('endpoints of an earlier boot are dropped and unpublished', async (t) => {
  const { a, dirs } = await twoHosts(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  await a.docker.run(BLUE, WEB)
  t.equal((await a.store.keys('/endpoints/')).length, 1)
  await a.close()
  rmSync(`${dirs}/a/run`, { recursive: true })
  const again = await host(t, { store: a.store.peer(), dir: `${dirs}/a` })
  t.not(again.identity.boot, a.identity.boot)
  t.same([...again.journal.endpoints.values()], [])
  await until('the store knows', () => again.outbox.owed === 0)
  t.same(await again.store.keys('/endpoints/'), [])
  t.equal(again.dataplane.toString(), '')
  t.equal([...again.journal.bindings.values()].length, 1, 'the network is still there')
})

t.test("another driver's network with our IPAM keeps its pool and its addresses", async (t) => {
  const { a, b, dirs } = await twoHosts(t)
  const { signal } = new AbortController()
  const request = { addressSpace: 'tsoverlay-local', options: {}, ipv6: false }
  const { id: poolId, pool } = await a.ipam.requestPool(request, signal)
  const gateway = await a.ipam.requestAddress({ poolId, gateway: true, replay: false }, signal)
  const ask = { poolId, gateway: false, replay: false }
  const first = await a.ipam.requestAddress(ask, signal)
  await a.close()
  const again = await host(t, { store: a.store.peer(), dir: `${dirs}/a` })
  await until('nothing is owed', () => again.outbox.owed === 0)
  t.match(await again.book.pools(''), [{ pool }], 'still in the plan')
  const second = await again.ipam.requestAddress(ask, signal)
  t.notOk([gateway, first].includes(second), 'both are in use')
  const chosen = await b.ipam.requestPool(request, signal)
  t.not(chosen.pool, pool, 'nobody else is given the subnet')
})

t.test("what swarm's leader holds for all nodes is kept", async (t) => {
  const { a, dirs } = await twoHosts(t)
  const { signal } = new AbortController()
  const options = { store: a.store.peer(), dir: `${dirs}/c`, scope: 'global' as const }
  const leader = await host(t, options)
  const request = { addressSpace: 'tsoverlay-global', options: {}, ipv6: false }
  const granted = await leader.ipam.requestPool(request, signal)
  const ask = { poolId: granted.id, gateway: false, replay: true }
  const address = await leader.ipam.requestAddress(ask, signal)
  await leader.close()
  const again = await host(t, { ...options, store: a.store.peer() })
  await until('nothing is owed', () => again.outbox.owed === 0)
  t.not(await again.ipam.requestAddress(ask, signal), address)
})

t.test('a sandbox whose network is gone is swept, others are not', async (t) => {
  const a = await host(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  await a.docker.run(BLUE, WEB)
  await a.dataplane.apply({ place: '1-0123456789', links: [], neighbours: [], fdb: [] })
  await a.reconciler.sweep()
  t.equal(a.dataplane.sandboxes.size, 1)
  t.match(a.dataplane.toString(), WEB.slice(0, 12))
  t.equal(a.logger.count('sandbox without a network removed'), 1)
})
