/** What is undone, what is owed and what is told when kernel, store or underlay fail. */
import t from 'tap'
import { sandboxName } from '../../src/backends/overlay/names.js'
import { folder } from '../fakes/folder.js'
import { MemoryStore } from '../fakes/memory-store.js'
import { RecordingDataplane } from '../fakes/recording-dataplane.js'
import { until } from '../fakes/until.js'
import { host, idOf, twoHosts } from './host.js'

const BLUE = idOf('blue')
const RED = idOf('red')
const WEB = idOf('web')
const DB = idOf('db')
const SUBNET = { subnet: '10.20.0.0/16' }
const AWAY = { code: 'STORE_UNAVAILABLE' }

t.test('a join that the kernel refuses leaves no sandbox and no joined endpoint', async (t) => {
  const a = await host(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  for (const item of [`link veth${WEB.slice(0, 7)}`, 'link vxlan0', 'link br0']) {
    a.dataplane.refuseNext(item)
    await t.rejects(a.docker.run(BLUE, WEB), {
      code: 'KERNEL_FAILED',
      message: `${item} was refused`,
    })
    t.equal(a.dataplane.toString(), '', item)
    t.same([...a.journal.endpoints.values()], [])
  }
  a.dataplane.failNext('apply')
  await t.rejects(a.docker.run(BLUE, WEB), { code: 'KERNEL_FAILED' })
  await until('all was given back', () => a.outbox.owed === 0)
  t.same(await a.store.keys('/endpoints/'), [])
  t.same(await a.store.keys('/addresses/'), ['/addresses/_/10.20.0.0-16/10.20.0.1'])
})

t.test('a refused neighbour does not stop a join, is told once and comes again', async (t) => {
  const { a, b } = await twoHosts(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  await b.docker.createNetwork(RED, SUBNET)
  await b.docker.run(RED, DB)
  a.dataplane.refuseNext('neighbour vxlan0 10.20.0.64')
  await a.docker.run(BLUE, WEB)
  t.equal(a.logger.count('kernel refused part of the plan'), 1)
  await until('it is there', () => a.dataplane.toString().includes('neighbour vxlan0 10.20.0.64'))
  await until('it says so', () => a.logger.count('kernel in sync again') === 1)
  t.equal(a.reconciler.counters.failures, 1)
})

t.test('a failing sibling does not fail the join of another container', async (t) => {
  const a = await host(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  await a.docker.run(BLUE, WEB)
  a.dataplane.refuseNext(`link veth${WEB.slice(0, 7)}`)
  t.equal(await a.docker.run(BLUE, DB), '10.20.0.3/16')
})

t.test('a port that goes amid a pass, as its container has left, is no failure', async (t) => {
  const a = await host(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  await a.docker.run(BLUE, WEB)
  const address = await a.docker.run(BLUE, DB)
  const hold = (): (() => void) => {
    let goOn = (): void => undefined
    a.dataplane.hang = new Promise<void>((resolve) => {
      goOn = resolve
    })
    return goOn
  }
  for (const [left, told] of [
    [DB, 0],
    [WEB, 1],
  ] as const) {
    const goOn = hold()
    const before = a.dataplane.calls.length
    const pass = a.reconciler.run(BLUE)
    await until('the pass is under way', () => a.dataplane.calls.length > before)
    const port = `veth${left.slice(0, 7)}`
    a.dataplane.refuseNext(`link ${port}`, `station ${port}`)
    if (left === DB) await a.docker.stop(BLUE, DB, address)
    a.dataplane.hang = undefined
    goOn()
    t.equal((await pass).failures.length, 2)
    t.equal(a.logger.count('kernel refused part of the plan'), told)
    t.equal(a.reconciler.counters.failures, 2 * told)
  }
  await until('the other is there', () => a.dataplane.toString().includes(WEB.slice(0, 7)))
})

t.test('leave and delete succeed whatever the kernel says, and it is tried again', async (t) => {
  const a = await host(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  const address = await a.docker.run(BLUE, WEB)
  a.dataplane.failNext('remove', 2)
  a.dataplane.failNext('deleteHostLink')
  await a.docker.stop(BLUE, WEB, address)
  await until('it is told', () => a.logger.count('pass over the network failed') === 1)
  t.equal(a.logger.count('veth of a deleted endpoint not removed'), 1)
  await until('the sandbox is gone', () => a.dataplane.sandboxes.size === 0)
})

t.test('with the store away nothing is created and nothing is left of it', async (t) => {
  const store = new MemoryStore()
  const a = await host(t, { store })
  store.unavailable = true
  await t.rejects(a.docker.createNetwork(BLUE, SUBNET), AWAY)
  await t.rejects(a.docker.createNetwork(BLUE), AWAY)
  await t.rejects(a.docker.createForeign(RED, '10.30.0.0/16'), AWAY)
  t.same([...a.journal.bindings.values(), ...a.journal.pools.values()], [])
  store.unavailable = false
  await until('nothing is owed', () => a.outbox.owed === 0)
  const left = (await store.list('/')).entries.map(({ key }) => key)
  t.same(
    left.filter((key) => !/^\/(gates\/)?hosts\//.test(key)),
    [],
  )
})

t.test('whichever answer of the store gets lost, a failed create leaves nothing', async (t) => {
  for (let lost = 1; lost <= 6; lost += 1) {
    const store = new MemoryStore()
    const a = await host(t, { store, dir: folder(t) })
    await until('the host is published', () => a.outbox.owed === 0)
    const txn = store.txn.bind(store)
    let count = 0
    store.txn = (...args) => {
      count += 1
      if (count === lost) store.loseNext(1)
      return txn(...args)
    }
    const made = await a.docker.createNetwork(BLUE).then(
      () => true,
      () => false,
    )
    await until('nothing is owed', () => a.outbox.owed === 0)
    const left = (await store.list('/')).entries.map(({ key }) => key)
    const ours = left.filter((key) => !/^\/(gates\/)?hosts\//.test(key))
    t.same(made ? [] : ours, [], `transaction ${lost}`)
    await a.close()
  }
})

t.test('with the store away containers still leave, and the store is told later', async (t) => {
  const { a, b } = await twoHosts(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  await b.docker.createNetwork(RED, SUBNET)
  const address = await a.docker.run(BLUE, WEB)
  await b.docker.run(RED, DB)
  await until('b knows web', () => b.dataplane.toString().includes('neighbour'))
  a.store.unavailable = true
  await a.docker.stop(BLUE, WEB, address)
  await a.docker.removeNetwork(BLUE)
  t.equal(a.dataplane.toString(), '')
  t.ok(a.status().store.owed > 0)
  t.equal((await b.store.keys('/attached/')).length, 2)
  a.store.unavailable = false
  await until('b has forgotten web', () => !b.dataplane.toString().includes('neighbour'))
  await until('nothing is owed', () => a.outbox.owed === 0)
  t.equal((await b.store.keys('/attached/')).length, 1)
})

t.test('without an underlay a network is refused, saying why', async (t) => {
  const dataplane = new RecordingDataplane()
  dataplane.failNext('underlay')
  const a = await host(t, { dataplane })
  t.match(a.status().host, { problem: 'underlay  failed on request' })
  await t.rejects(a.docker.createNetwork(BLUE, SUBNET), { code: 'UNDERLAY_UNKNOWN' })
  await until('it is found', () => a.status().host.vtep === '192.0.2.1')
  await a.docker.createNetwork(BLUE, SUBNET)
})

t.test('containers that come before the underlay wait for it without a complaint', async (t) => {
  const { a, dirs } = await twoHosts(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  await a.docker.run(BLUE, WEB)
  await a.close()
  a.dataplane.failNext('underlay')
  const again = await host(t, { store: a.store.peer(), dir: `${dirs}/a`, dataplane: a.dataplane })
  t.equal(again.logger.count('no underlay yet'), 1)
  await t.rejects(again.reconciler.run(BLUE), { code: 'UNDERLAY_UNKNOWN' })
  t.equal(again.logger.count('pass over the network failed'), 0)
  await until('it is found', () => again.status().host.vtep !== undefined)
  await again.reconciler.run(BLUE)
})

t.test('of two creations of one network on one host, one succeeds and keeps all', async (t) => {
  const a = await host(t)
  const both = await Promise.allSettled([
    a.docker.createNetwork(BLUE, SUBNET),
    a.docker.createNetwork(RED, SUBNET),
  ])
  const refused = both.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []))
  t.same(refused, ['NETWORK_CONFLICT'])
  const [binding] = [...a.journal.bindings.values()]
  await until('nothing is owed', () => a.outbox.owed === 0)
  t.equal((await a.store.keys('/attached/')).length, 1)
  t.equal(await a.docker.run(binding?.dockerNetwork ?? '', WEB), '10.20.0.2/16')
})

t.test('a network that is created while leftovers are swept keeps its sandbox', async (t) => {
  const a = await host(t)
  const stray = { place: '1-0123456789', links: [], neighbours: [], fdb: [] }
  await a.dataplane.apply(stray)
  await a.dataplane.apply({ ...stray, place: sandboxName(BLUE) })
  const swept = a.reconciler.sweep()
  const binding = {
    dockerNetwork: BLUE,
    ipam: 'swarm',
    network: { key: 'k', backend: 'overlay' },
  } as never
  a.journal.bindings.put(binding)
  await swept
  t.same([...a.dataplane.sandboxes.keys()], [sandboxName(BLUE)])
})
