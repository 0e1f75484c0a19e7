import t from 'tap'
import { ClusterView } from '../../../src/control/operator/cluster-view.js'
import { HostRemoval } from '../../../src/control/operator/host-removal.js'
import type { MemoryStore } from '../../fakes/memory-store.js'
import { until } from '../../fakes/until.js'
import { host, idOf, type TestHost, twoHosts } from '../host.js'

const BLUE = {
  subnet: '10.20.0.0/24',
  ipamOptions: { network: 'blue' },
  options: { network: 'blue' },
}
const RED = { subnet: '10.30.0.0/24' }

async function leftovers(store: MemoryStore, id: string): Promise<string[]> {
  const { entries } = await store.list('/')
  return (
    entries
      .filter(({ key, value }) => key.includes(id) || value.includes(id))
      .map(({ key }) => key)
      .filter((key) => !/^\/(gates\/(networks|pools)|alive)\//.test(key))
      // A gateway is reserved for all hosts, whichever asked first.
      .filter((key) => !key.endsWith('/10.20.0.1'))
  )
}

async function remove(store: MemoryStore, host: string, force = false) {
  const removal = new HostRemoval(store)
  const progress: string[] = []
  const freed = await removal.remove(await removal.check(host, force), force, (line) =>
    progress.push(line),
  )
  return { freed, progress }
}

/** Both have blue with a container each; a alone has red. Then a dies. */
async function deadHost(t: Parameters<typeof twoHosts>[0]): Promise<{ a: TestHost; b: TestHost }> {
  const { a, b } = await twoHosts(t)
  await a.docker.createNetwork(idOf('blue on a'), BLUE)
  await a.docker.createNetwork(idOf('red on a'), RED)
  await b.docker.createNetwork(idOf('blue on b'), BLUE)
  await a.docker.run(idOf('blue on a'), idOf('ca'))
  await a.docker.run(idOf('red on a'), idOf('cr'))
  await b.docker.run(idOf('blue on b'), idOf('cb'))
  await a.close()
  a.store.unavailable = true
  return { a, b }
}

t.test('a host that is gone is taken out of the store with all that it had', async (t) => {
  const { a, b } = await deadHost(t)
  const { store } = b
  const blueB = b.journal.bindings.get(idOf('blue on b'))?.network.key ?? ''
  await until('b sees its peer', () => b.peers.count(blueB) === 1)
  t.ok((await leftovers(store, a.identity.id)).length > 5)
  const { freed, progress } = await remove(store, a.identity.id)
  t.match(freed, { networks: 2, endpoints: 2, pools: 2, blocks: 2 })
  t.ok(progress.includes('network 2 of 2'))
  t.same(await leftovers(store, a.identity.id), [])
  const cluster = new ClusterView(store, b.identity)
  t.match(
    await cluster.networks(),
    [{ identity: 'name:blue', endpoints: 1 }],
    'red had no other host',
  )
  t.match(await cluster.hosts(), [{ id: b.identity.id, self: true, endpoints: 1 }])
  await until('its peer is gone on b', () => b.peers.count(blueB) === 0)
})

t.test('what a removed host had is free for others', async (t) => {
  const { a, b } = await deadHost(t)
  await t.rejects(b.docker.run(idOf('blue on b'), idOf('other'), '10.20.0.2'), {
    code: 'OWNER_UNAVAILABLE',
  })
  await remove(b.store, a.identity.id)
  t.equal(await b.docker.run(idOf('blue on b'), idOf('other'), '10.20.0.2'), '10.20.0.2/24')
})

t.test('a removal that is cut off anywhere is finished by asking again', async (t) => {
  const { a, b } = await deadHost(t)
  const { store } = b
  let cuts = 0
  for (let calls = 0; ; calls += 3) {
    const flaky = store.peer()
    const removal = new HostRemoval(flaky)
    const target = await removal.check(a.identity.id, false)
    cutAfter(flaky, calls)
    try {
      await removal.remove(target, false, () => undefined)
      break
    } catch (error) {
      t.match(error, { code: 'STORE_UNAVAILABLE' })
      cuts += 1
    }
  }
  t.ok(cuts > 5, `it was cut off ${cuts} times`)
  t.same(await leftovers(store, a.identity.id), [])
})

function cutAfter(store: MemoryStore, calls: number): void {
  const pass = store.pass.bind(store)
  let left = calls
  store.pass = async (signal) => {
    left -= 1
    if (left < 0) store.failNext(1)
    await pass(signal)
  }
}

t.test('a host that runs is refused by its name, unless forced', async (t) => {
  const { a, b } = await twoHosts(t)
  await b.docker.createNetwork(idOf('blue on b'), BLUE)
  await b.presence.start()
  await until(
    'b is announced',
    async () => (await a.store.get(`/alive/${b.identity.id}`)) !== undefined,
  )
  await until(
    'b is known',
    async () => (await a.store.get(`/hosts/${b.identity.id}`)) !== undefined,
  )
  const before = await leftovers(a.store, b.identity.id)
  await t.rejects(remove(a.store, b.identity.id), {
    code: 'HOST_ALIVE',
    message: new RegExp(`^host ${b.identity.name} \\(${b.identity.id}\\) runs: .* --force$`),
  })
  t.same(await leftovers(a.store, b.identity.id), before, 'nothing was touched')
  await b.close()
  b.store.unavailable = true
  await until(
    'its lease is gone',
    async () => (await a.store.get(`/alive/${b.identity.id}`)) === undefined,
  )
  const { freed } = await remove(a.store, b.identity.id)
  t.match(freed, { networks: 1, pools: 1 })
})

t.test('a host that comes back during its removal stops it', async (t) => {
  const { a, b } = await deadHost(t)
  const { store } = b
  const removal = new HostRemoval(store)
  const target = await removal.check(a.identity.id, false)
  const announce = () => store.txn([], [{ put: `/alive/${a.identity.id}`, value: '{}' }])
  let announced: Promise<unknown> = Promise.resolve()
  const running = removal.remove(target, false, (progress) => {
    if (progress === 'network 2 of 2') announced = announce()
  })
  await t.rejects(running, { code: 'HOST_ALIVE' })
  await announced
  const left = await leftovers(store, a.identity.id)
  t.ok(
    left.some((key) => key.startsWith('/blocks/')),
    'its blocks are its own still',
  )
  t.match((await remove(store, a.identity.id, true)).freed, { pools: 2 })
})

t.test('a host is found by its name; several of one name, or none, are an error', async (t) => {
  const one = await host(t)
  const { store } = one
  const record = (id: string, name: string) => ({
    put: `/hosts/${id}`,
    value: JSON.stringify({ id, name, vtep: '192.0.2.9', boot: 'b' }),
  })
  await store.txn([], [record('id-1', 'twin'), record('id-2', 'twin'), record('id-3', 'single')])
  const removal = new HostRemoval(store)
  t.same(await removal.check('single', false), { id: 'id-3', name: 'single' })
  t.same(await removal.check('id-2', false), { id: 'id-2', name: 'twin' })
  await t.rejects(removal.check('twin', false), { code: 'HOST_UNKNOWN', message: /id-1 or id-2$/ })
  await t.rejects(removal.check('nobody', false), { code: 'HOST_UNKNOWN', message: /single/ })
})

t.test('what is asked of a removed host, and what it asked for, goes with it', async (t) => {
  const { store } = await host(t)
  const ask = { space: '', pool: '10.20.0.0/24', kind: 'endpoint', state: 'asked' }
  const puts = [
    { put: '/hosts/gone', value: '{"id":"gone","name":"gone","vtep":"192.0.2.9","boot":"b"}' },
    { put: '/asks/gone/1', value: JSON.stringify({ ...ask, from: 'other' }) },
    { put: '/asks/other/2', value: JSON.stringify({ ...ask, from: 'gone' }) },
    { put: '/asks/other/3', value: JSON.stringify({ ...ask, from: 'third' }) },
    { put: '/addresses/_/10.20.0.0-24/10.20.0.9', value: '{"host":"gone","kind":"endpoint"}' },
    { put: '/addresses/_/10.20.0.0-24/10.20.0.1', value: '{"host":"gone","kind":"reserved"}' },
    { put: '/holders/_/10.20.0.0-24/third', value: '{}' },
  ]
  await store.txn([], puts)
  const { freed } = await remove(store, 'gone')
  t.match(freed, { asks: 2, addresses: 1 })
  t.same(await store.keys('/asks/'), ['/asks/other/3'])
  t.same(await store.keys('/addresses/'), ['/addresses/_/10.20.0.0-24/10.20.0.1'])
})
