/** What reaches the store later than what undoes it, and what is undone while it is made. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { LOCAL_ADDRESS_SPACE } from '../../src/ipam/address-space.js'
import { keys } from '../../src/state/keys.js'
import type { MemoryStore } from '../fakes/memory-store.js'
import { until } from '../fakes/until.js'
import { host, idOf, twoHosts } from './host.js'

const BLUE = idOf('blue')
const RED = idOf('red')
const WEB = idOf('web')
const DB = idOf('db')
const POOL = '10.20.0.0/16'
const SUBNET = { subnet: POOL }
const AWAY = { code: 'STORE_UNAVAILABLE' }

/** Keys of networks, pools, addresses and endpoints. */
async function left(store: MemoryStore): Promise<readonly string[]> {
  return (await store.keys('/')).filter((key) => !/^\/(gates\/)?hosts\//.test(key))
}

/** The next transaction that puts a key below the prefix is done at once, but answered only later. */
function pauseAnswer(store: MemoryStore, prefix: string) {
  const txn = store.txn.bind(store)
  let release = (): void => undefined
  let tell = (): void => undefined
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const done = new Promise<void>((resolve) => {
    tell = resolve
  })
  store.txn = async (guards, writes, signal) => {
    const result = await txn(guards, writes, signal)
    if (writes.some((write) => 'put' in write && write.put.startsWith(prefix))) {
      store.txn = txn
      tell()
      await released
    }
    return result
  }
  return { done, release }
}

t.test('an endpoint record that arrives after its deletion does not stay', async (t) => {
  const { a, b } = await twoHosts(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  await b.docker.createNetwork(RED, SUBNET)
  await b.docker.run(RED, DB)
  const before = await b.store.keys('/endpoints/')
  a.store.lateNext('/endpoints/')
  const address = await a.docker.run(BLUE, WEB)
  await until('it is published all the same', async () => a.outbox.owed === 0)
  t.equal((await b.store.keys('/endpoints/')).length, 2)
  await a.docker.stop(BLUE, WEB, address)
  await until('it is gone', async () => a.outbox.owed === 0)
  t.same(a.store.arrive(), [false])
  t.same(await b.store.keys('/endpoints/'), before)
})

t.test('nor one that arrives when its host has left the network, or died', async (t) => {
  const { a, b, dirs } = await twoHosts(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  await b.docker.createNetwork(RED, SUBNET)
  a.store.lateNext('/endpoints/')
  const address = await a.docker.run(BLUE, WEB)
  await until('it is published all the same', () => a.outbox.owed === 0)
  await a.docker.stop(BLUE, WEB, address)
  await a.docker.removeNetwork(BLUE)
  await until('the network is left', () => a.outbox.owed === 0)
  t.same(a.store.arrive(), [false])
  t.same(await b.store.keys('/endpoints/'), [])
  await a.docker.createNetwork(BLUE, SUBNET)
  a.store.lateNext('/endpoints/')
  await a.docker.run(BLUE, DB)
  await a.close()
  const again = await host(t, { store: a.store, dir: `${dirs}/a` })
  await again.endpoints.delete(BLUE, DB)
  await until('nothing is owed', () => again.outbox.owed === 0)
  t.same(a.store.arrive(), [false])
  t.same(await b.store.keys('/endpoints/'), [])
})

for (const prefix of ['/pools/', '/networks/', '/blocks/', '/addresses/']) {
  t.test(`a refused network of which ${prefix} arrives late leaves nothing`, async (t) => {
    for (const make of ['createNetwork', 'createForeign'] as const) {
      const a = await host(t)
      a.store.lateNext(prefix)
      const made: Promise<unknown> =
        make === 'createNetwork'
          ? a.docker.createNetwork(BLUE, SUBNET)
          : a.docker.createForeign(BLUE, POOL)
      await t.rejects(made, AWAY)
      await until('nothing is owed', () => a.outbox.owed === 0)
      t.same(a.store.arrive(), [false])
      t.same(await left(a.store), [], make)
    }
  })
}

t.test('a record of this host that it does not have is removed, others stay', async (t) => {
  const { a, b } = await twoHosts(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  await b.docker.createNetwork(RED, SUBNET)
  await a.docker.run(BLUE, WEB)
  await b.docker.run(RED, DB)
  const before = await a.store.keys('/endpoints/')
  const [own = ''] = before.filter((key) => key.includes(a.identity.id))
  const record = (await a.store.get(own))?.value ?? ''
  const { key: network } = a.journal.bindings.get(BLUE)?.network ?? { key: '' }
  const plant = (id: string, in_: string): Promise<unknown> => {
    const value = record.replaceAll(WEB, id).replaceAll(network, in_)
    return a.store.txn([], [{ put: keys.endpoint(in_, a.identity.id, id), value }])
  }
  await plant(idOf('stray'), network)
  await plant(idOf('new'), network)
  await until('the host sees them', () => a.peers.own().length === 3)
  a.records.look()
  const { endpoints } = a.journal
  endpoints.put({ ...(endpoints.get(WEB) as never as object), id: idOf('new') } as never)
  await sleep(20)
  t.equal((await a.store.keys('/endpoints/')).length, 4, 'one look is not enough')
  a.records.look()
  await until('it is gone', async () => (await a.store.keys('/endpoints/')).length === 3)
  t.ok((await a.store.keys('/endpoints/')).some((key) => key.endsWith(idOf('new'))))
  t.equal(a.logger.count('endpoint record of nobody removed'), 1)
  for (let look = 0; look < 3; look += 1) {
    await sleep(20)
    a.records.look()
    b.records.look()
  }
  t.equal((await a.store.keys('/endpoints/')).length, 3)
  t.same([a.outbox.owed, b.outbox.owed], [0, 0])
})

t.test('a network that is made while its former one is left stays, with its subnet', async (t) => {
  const a = await host(t)
  await a.docker.createForeign(BLUE, POOL)
  await until('nothing is owed', () => a.outbox.owed === 0)
  const remove = a.dataplane.remove.bind(a.dataplane)
  let goOn = (): void => undefined
  const held = new Promise<void>((resolve) => {
    goOn = resolve
  })
  a.dataplane.remove = async (sandbox) => {
    await held
    return remove(sandbox)
  }
  const attached = pauseAnswer(a.store, '/attached/')
  const deleting = a.networks.delete(BLUE)
  const creating = a.docker.createForeign(RED, POOL)
  await attached.done
  goOn()
  await deleting
  t.ok(a.outbox.owed > 0, 'the host owes its leaving')
  await sleep(30)
  attached.release()
  await creating
  await until('nothing is owed', () => a.outbox.owed === 0)
  const count = async (prefix: string): Promise<number> => (await a.store.keys(prefix)).length
  const prefixes = ['/attached/', '/networks/', '/vnis/', '/holders/', '/pools/']
  t.same(await Promise.all(prefixes.map(count)), [1, 1, 1, 1, 1])
  await a.docker.runForeign(RED, WEB, '10.20.0.2/16')
  await a.docker.stop(RED, WEB)
  await a.docker.removeNetwork(RED)
  await until('all is given back', async () => (await left(a.store)).length === 0)
})

t.test('a subnet that is asked for while it is given back stays', async (t) => {
  const a = await host(t)
  const { signal } = new AbortController()
  const request = { addressSpace: LOCAL_ADDRESS_SPACE, ipv6: false, options: {}, pool: POOL }
  const first = await a.ipam.requestPool(request as never, signal)
  const ranged = { ...request, subPool: '10.20.1.0/24' }
  const held = pauseAnswer(a.store, '/holders/')
  const asking = a.ipam.requestPool(ranged as never, signal)
  await held.done
  await a.ipam.releasePool(first.id)
  await sleep(30)
  held.release()
  const second = await asking
  await until('nothing is owed', () => a.outbox.owed === 0)
  t.equal((await a.store.keys('/holders/')).length, 1)
  const wish = { poolId: second.id, gateway: false, replay: false }
  t.equal(await a.ipam.requestAddress(wish, signal), '10.20.1.0/16')
  await a.ipam.releasePool(second.id)
  await until('all is given back', async () => (await left(a.store)).length === 0)
})

t.test('a subnet of ours in a network of another IPAM goes with the network', async (t) => {
  const a = await host(t)
  const { signal } = new AbortController()
  const request = { addressSpace: LOCAL_ADDRESS_SPACE, ipv6: false, options: {}, pool: POOL }
  const { id } = await a.ipam.requestPool(request as never, signal)
  const wish = { poolId: id, gateway: false, replay: false }
  t.equal(await a.ipam.requestAddress(wish, signal), '10.20.0.1/16')
  const pools = [
    { addressSpace: 'LocalDefault', pool: '10.30.0.0/16', aux: [] },
    { addressSpace: LOCAL_ADDRESS_SPACE, pool: POOL, aux: [] },
  ]
  const options = { network: 'dirt1' }
  const network = { id: BLUE, options, internal: false, ipv6: false, pools }
  await a.driver.createNetwork(network as never, signal)
  await a.driver.deleteNetwork(BLUE)
  await a.ipam.releasePool(id)
  await until('all is given back', async () => (await left(a.store)).length === 0)
  t.same([...a.journal.blocks.values(), ...a.journal.pools.values()], [])
})
