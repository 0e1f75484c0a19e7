/** A swarm: one node's plugin is asked by the leader, each by its own agent. */
import t, { type Test } from 'tap'
import type { PoolData } from '../../../src/core/driver.js'
import type { Cidr, Ip } from '../../../src/core/ip.js'
import { keys } from '../../../src/state/keys.js'
import { folder } from '../../fakes/folder.js'
import { until } from '../../fakes/until.js'
import { host, idOf, type TestHost } from '../host.js'

const BLUE = 'kqik4if7plfv3tj1pqadxutjq'
const RED = 'fkur9f95nysncdp6ho01jscof'
const WEB = idOf('web')
const DB = idOf('db')
const POOL = '10.20.0.0/24' as Cidr
const GATEWAY = '10.20.0.1/24' as Cidr
const LOCAL = 'tsoverlay-local'
const GLOBAL = 'tsoverlay-global'
const { signal } = new AbortController()

/** What swarm's leader asks for a network; the same again when it takes over. */
async function lead(node: TestHost, network: string, pool?: Cidr) {
  const request = { addressSpace: GLOBAL, options: {}, ipv6: false, ...(pool && { pool }) }
  const granted = await node.ipam.requestPool(request, signal)
  const data = { addressSpace: '', pool: granted.pool, gateway: GATEWAY, aux: [] }
  try {
    const ask = { poolId: granted.id, gateway: true, replay: true }
    await node.ipam.requestAddress(ask, signal)
    const allocate = { id: network, options: {}, pools: [data] }
    const options = await node.driver.allocateNetwork(allocate, signal)
    return { ...granted, options }
  } catch (error) {
    await node.ipam.releasePool(granted.id)
    throw error
  }
}

/** `network rm` on the leader. */
async function free(node: TestHost, network: string, poolId: string): Promise<void> {
  await node.driver.freeNetwork(network)
  await node.ipam.releasePool(poolId)
}

function addressFor(node: TestHost, poolId: string, ip?: string): Promise<Cidr> {
  const wanted = ip === undefined ? {} : { address: ip as Ip }
  return node.ipam.requestAddress({ poolId, gateway: false, replay: true, ...wanted }, signal)
}

/** What a node's agent asks before its first task on the network. */
async function instantiate(node: TestHost, network: string): Promise<void> {
  const request = { addressSpace: LOCAL, options: {}, ipv6: false, pool: POOL }
  await node.ipam.requestPool(request, signal)
  const pools: PoolData[] = [{ addressSpace: LOCAL, pool: POOL, gateway: GATEWAY, aux: [] }]
  const create = { id: network, options: {}, internal: false, ipv6: false, pools }
  await node.driver.createNetwork(create, signal)
}

async function task(node: TestHost, endpoint: string, address: string, sandbox?: string) {
  const request = { network: BLUE, id: endpoint, addresses: [address as Cidr] }
  await node.driver.createEndpoint(request, signal)
  await node.driver.join(BLUE, endpoint, signal, sandbox && `/var/run/docker/netns/${sandbox}`)
}

async function twoNodes(t: Test) {
  const dirs = folder(t)
  const scope = 'global'
  const a = await host(t, { dir: `${dirs}/a`, vtep: '192.0.2.1', scope })
  const store = a.store.peer()
  const b = await host(t, { store, dir: `${dirs}/b`, vtep: '192.0.2.2', scope })
  return { a, b, dirs }
}

const settled = (node: TestHost): Promise<void> =>
  until('nothing is owed', () => node.outbox.owed === 0)

const left = async ({ store }: TestHost): Promise<readonly string[]> =>
  (await store.keys('/')).filter((key) => !/^\/(hosts|alive|gates)\//.test(key))

t.test('another leader is granted again what swarm holds, and may release it', async (t) => {
  const { a, b } = await twoNodes(t)
  const first = await lead(a, BLUE, POOL)
  const [x, y] = [await addressFor(a, first.id), await addressFor(a, first.id)]
  t.same([x, y], ['10.20.0.2/24', '10.20.0.3/24'])
  const again = await lead(b, BLUE, POOL)
  t.same(again, first, 'pool and VNIs are the same')
  t.equal(await addressFor(b, again.id, '10.20.0.2'), x)
  t.equal(await addressFor(b, again.id, '10.20.0.3'), y)
  await t.rejects(
    addressFor(b, again.id, '10.20.0.2'),
    { code: 'ADDRESS_TAKEN' },
    'a user wants it',
  )
  await b.ipam.releaseAddress(again.id, '10.20.0.2' as Ip)
  await settled(b)
  t.equal(await addressFor(b, again.id, '10.20.0.2'), x)
  t.equal(await addressFor(b, again.id), '10.20.0.4/24')
})

t.test('a release of a former leader that comes late takes nothing away', async (t) => {
  const { a, b } = await twoNodes(t)
  const { id } = await lead(a, BLUE, POOL)
  await addressFor(a, id)
  a.store.unavailable = true
  await a.ipam.releaseAddress(id, '10.20.0.2' as Ip)
  await lead(b, BLUE, POOL)
  await addressFor(b, id, '10.20.0.2')
  a.store.unavailable = false
  await settled(a)
  await t.rejects(addressFor(b, id, '10.20.0.2'), { code: 'ADDRESS_TAKEN' })
})

t.test('a leader whose plugin restarts keeps its pools, its term and its addresses', async (t) => {
  const { a, dirs } = await twoNodes(t)
  const { id } = await lead(a, BLUE, POOL)
  await addressFor(a, id)
  await a.close()
  const again = await host(t, { store: a.store.peer(), dir: `${dirs}/a`, scope: 'global' })
  await settled(again)
  await t.rejects(addressFor(again, id, '10.20.0.2'), { code: 'ADDRESS_TAKEN' })
  t.equal(await addressFor(again, id), '10.20.0.3/24')
})

t.test('a leader that needs the network no more as a node goes on to lead', async (t) => {
  const { a } = await twoNodes(t)
  const { id } = await lead(a, BLUE, POOL)
  await addressFor(a, id)
  await instantiate(a, BLUE)
  await a.driver.deleteNetwork(BLUE)
  await a.ipam.releaseAddress(id, '10.20.0.2' as Ip)
  await settled(a)
  t.same(await a.store.keys('/addresses/'), [
    keys.address({ space: '', pool: POOL }, '10.20.0.1' as Ip),
  ])
})

t.test('a network that is made anew at once gets its subnet', async (t) => {
  const { a } = await twoNodes(t)
  const { id } = await lead(a, BLUE, POOL)
  await free(a, BLUE, id)
  await lead(a, RED, POOL)
  await settled(a)
  t.equal(await addressFor(a, id), '10.20.0.2/24')
})

t.test('the options that AllocateNetwork gave are understood when they come back', async (t) => {
  const { a, b } = await twoNodes(t)
  const { options } = await lead(a, BLUE, POOL)
  const pools = [{ addressSpace: '', pool: POOL, gateway: GATEWAY, aux: [] }]
  for (const node of [a, b]) {
    t.same(await node.driver.allocateNetwork({ id: BLUE, options, pools }, signal), options)
  }
})

t.test('a second network with the same subnet is refused and harms nothing', async (t) => {
  const { a, b } = await twoNodes(t)
  const { id } = await lead(a, BLUE, POOL)
  await addressFor(a, id)
  const said = {
    code: 'POOL_IN_USE',
    message: /^subnet 10\.20\.0\.0\/24 is used by another network/,
  }
  await t.rejects(lead(a, RED, POOL), said)
  await t.rejects(lead(b, RED, POOL), said)
  await Promise.all([settled(a), settled(b)])
  await t.rejects(addressFor(a, id, '10.20.0.2'), { code: 'ADDRESS_TAKEN' })
  await free(a, BLUE, id)
  await settled(a)
  t.same(await left(a), [])
  t.equal((await lead(b, RED, POOL)).pool, POOL)
})

t.test('subnets that swarm leaves to us are different ones', async (t) => {
  const { a } = await twoNodes(t)
  t.not((await lead(a, BLUE)).pool, (await lead(a, RED)).pool)
})

t.test(
  'an allocated network outlives every node that has used it, until it is freed',
  async (t) => {
    const { a, b } = await twoNodes(t)
    const { id } = await lead(a, BLUE, POOL)
    await instantiate(b, BLUE)
    await b.driver.deleteNetwork(BLUE)
    await settled(b)
    t.equal((await a.store.keys(keys.networks)).length, 1)
    await instantiate(b, BLUE)
    await b.driver.deleteNetwork(BLUE)
    await free(a, BLUE, id)
    await Promise.all([settled(a), settled(b)])
    t.same(await left(a), [])
  },
)

t.test('a CreateNetwork that fails on a node leaves the network to the others', async (t) => {
  const { a, b } = await twoNodes(t)
  await lead(a, BLUE, POOL)
  b.store.unavailable = true
  await t.rejects(instantiate(b, BLUE), { code: 'STORE_UNAVAILABLE' })
  b.store.unavailable = false
  await settled(b)
  t.equal((await a.store.keys(keys.networks)).length, 1)
  await instantiate(b, BLUE)
})

t.test('a network that comes again had a dockerd that died: its containers are gone', async (t) => {
  const { a, b } = await twoNodes(t)
  await lead(a, BLUE, POOL)
  await instantiate(b, BLUE)
  await task(b, WEB, '10.20.0.2/24', 'aaaaaaaaaaaa')
  await instantiate(b, BLUE)
  await settled(b)
  t.same([...b.journal.endpoints.values()], [])
  t.same(await a.store.keys('/endpoints/'), [])
  t.equal(b.dataplane.toString(), '')
  await task(b, DB, '10.20.0.2/24', 'bbbbbbbbbbbb')
  t.match(b.dataplane.toString(), DB.slice(0, 12))
})

t.test('a container whose namespace is gone is found, one that just starts is not', async (t) => {
  const { a, b } = await twoNodes(t)
  await lead(a, BLUE, POOL)
  await instantiate(b, BLUE)
  b.dataplane.containers.add('aaaaaaaaaaaa')
  await task(b, WEB, '10.20.0.2/24', 'aaaaaaaaaaaa')
  await task(b, DB, '10.20.0.3/24', 'bbbbbbbbbbbb')
  const alive = () => [...b.journal.endpoints.values()].map(({ id }) => id).sort()
  for (const _look of [1, 2]) await b.sweep.sweep()
  t.same(alive(), [WEB, DB].sort())
  b.dataplane.containers.add('bbbbbbbbbbbb')
  for (const _look of [1, 2, 3, 4]) await b.sweep.sweep()
  t.same(alive(), [WEB, DB].sort(), 'it took its time')
  b.dataplane.containers.clear()
  b.dataplane.containers.add('aaaaaaaaaaaa')
  for (const _look of [1, 2, 3]) await b.sweep.sweep()
  t.same(alive(), [WEB])
})

t.test('a network that swarm freed while the node was away is forgotten there', async (t) => {
  const { a, b } = await twoNodes(t)
  const { id } = await lead(a, BLUE, POOL)
  await instantiate(b, BLUE)
  for (const _look of [1, 2, 3, 4]) await b.sweep.sweep()
  t.equal([...b.journal.bindings.values()].length, 1)
  await free(a, BLUE, id)
  await settled(a)
  t.not((await left(a)).length, 0, 'node b may still have it in its kernel')
  for (const _look of [1, 2, 3]) await b.sweep.sweep()
  await settled(b)
  t.same([...b.journal.bindings.values()], [])
  t.same(await left(a), [])
})

t.test('an address that swarm gave to a new task is no longer that of a dead node', async (t) => {
  const { a, b } = await twoNodes(t)
  await lead(a, BLUE, POOL)
  for (const node of [a, b]) await instantiate(node, BLUE)
  await task(a, WEB, '10.20.0.2/24')
  await task(b, DB, '10.20.0.2/24')
  await settled(b)
  t.match(await a.store.keys('/endpoints/'), [new RegExp(`${DB}$`)])
  await a.close()
})

t.test('a node that comes back does not take an address that has moved', async (t) => {
  const { a, b, dirs } = await twoNodes(t)
  await lead(a, BLUE, POOL)
  for (const node of [a, b]) await instantiate(node, BLUE)
  await task(a, WEB, '10.20.0.2/24')
  await a.close()
  await task(b, DB, '10.20.0.2/24')
  const again = await host(t, { store: a.store.peer(), dir: `${dirs}/a`, scope: 'global' })
  await settled(again)
  t.match(await again.store.keys('/endpoints/'), [new RegExp(`${DB}$`)])
})

t.test("with swarm's own IPAM no node claims addresses for itself", async (t) => {
  const { a } = await twoNodes(t)
  const pools = [{ addressSpace: 'LocalDefault', pool: POOL, gateway: GATEWAY, aux: [] }]
  const options = await a.driver.allocateNetwork({ id: BLUE, options: {}, pools }, signal)
  const create = { id: BLUE, options, internal: false, ipv6: false, pools }
  await a.driver.createNetwork(create, signal)
  await task(a, WEB, '10.20.0.2/24')
  await settled(a)
  t.same(await a.store.keys('/addresses/'), [])
})
