/** The store loses its data, or gets older ones back, while hosts run containers. */
import t, { type Test } from 'tap'
import { ClusterView } from '../../../src/control/operator/cluster-view.js'
import { HostRemoval } from '../../../src/control/operator/host-removal.js'
import { chores } from '../../../src/control/records/chores.js'
import type { Restoration } from '../../../src/control/records/restoration.js'
import { MemoryData } from '../../fakes/memory-data.js'
import { MemoryStore } from '../../fakes/memory-store.js'
import { until } from '../../fakes/until.js'
import { host, idOf, type TestHost } from '../host.js'

const SUBNET = { subnet: '10.20.0.0/24' }

interface Member {
  readonly host: TestHost
  readonly restoration: Restoration
  readonly network: string
}

async function clusterOf(t: Test, count: number, graceMs = 300) {
  const data = new MemoryData()
  const dirs = t.testdir({ a: {}, b: {}, c: {} } as Record<'a' | 'b', Record<string, string>>)
  const members: Member[] = []
  for (const letter of ['a', 'b', 'c'].slice(0, count)) {
    const vtep = `192.0.2.${members.length + 1}`
    const one = await host(t, {
      store: new MemoryStore(data),
      dir: `${dirs}/${letter}`,
      vtep,
      graceMs,
    })
    const { restoration } = one
    await until(
      'the host is known',
      async () => (await one.store.keys('/hosts/')).length > members.length,
    )
    await restoration.look()
    members.push({ host: one, restoration, network: idOf(`blue on ${letter}`) })
  }
  const replace = (entries: MemoryData['entries'], revision: number): void => {
    data.entries.clear()
    for (const [key, entry] of entries) data.entries.set(key, entry)
    data.revision = revision
    for (const { host } of members) host.store.breakWatches()
  }
  const backup = () => ({ entries: new Map(data.entries), revision: data.revision })
  const lookAll = async (): Promise<void> => {
    for (const { restoration } of members) await restoration.look()
  }
  return { members, replace, backup, lookAll, dirs, store: new MemoryStore(data) }
}

async function blueEverywhere(members: readonly Member[]): Promise<void> {
  for (const { host, network } of members) await host.docker.createNetwork(network, SUBNET)
}

/** What stands in the store, without what changes with each writing. */
async function contents(store: MemoryStore): Promise<string[]> {
  const { entries } = await store.list('/')
  return entries
    .filter(({ key }) => !/^\/(gates|generation|alive)/.test(key))
    .map(({ key, value }) => `${key} ${value}`)
}

/** As if dockerd had told its names. */
async function named(at: TestHost, id: string, names: readonly string[]): Promise<void> {
  const endpoint = at.journal.endpoints.get(id)
  if (endpoint === undefined) throw new Error('no endpoint')
  at.journal.endpoints.put({ ...endpoint, names })
  await at.outbox.submit(chores.publishEndpoint(endpoint))
}

t.test('a store that was wiped gets back all that its hosts have', async (t) => {
  const { members, replace, lookAll, store } = await clusterOf(t, 2)
  const [a, b] = members
  if (a === undefined || b === undefined) return
  await blueEverywhere(members)
  await a.host.docker.run(a.network, idOf('ca'))
  const address = await b.host.docker.run(b.network, idOf('cb'))
  await named(b.host, idOf('cb'), ['web'])
  await until('a has its peer', () => a.host.dataplane.toString().includes('neighbour'))
  const before = await contents(store)
  t.equal(before.filter((text) => text.includes('"names":["web"]')).length, 1)
  let lost = false
  const watch = setInterval(() => {
    lost ||= !a.host.dataplane.toString().includes('neighbour')
  }, 1)
  t.teardown(() => clearInterval(watch))
  replace(new Map(), 1)
  await lookAll()
  await until('everything is back', async () => (await contents(store)).length >= before.length)
  t.same(await contents(store), before)
  t.notOk(lost, 'the peer stayed in the kernel all the time')
  t.same([a.host.status().conflicts, b.restoration.status()], [[], []])
  const more = await a.host.docker.run(a.network, idOf('ca2'))
  t.not(more, address)
  await t.rejects(a.host.docker.run(a.network, idOf('ca3'), address.replace('/24', '')), {
    code: 'ADDRESS_TAKEN',
  })
})

t.test(
  'a block claimed since the backup stays with the host that runs containers in it',
  async (t) => {
    const { members, replace, backup, lookAll, store } = await clusterOf(t, 3)
    const [a, b, c] = members
    if (a === undefined || b === undefined || c === undefined) return
    await a.host.docker.createNetwork(a.network, SUBNET)
    const old = backup()
    await b.host.docker.createNetwork(b.network, SUBNET)
    const used = await b.host.docker.run(b.network, idOf('cb'))
    replace(old.entries, old.revision)
    // The newcomer is first, before anybody has put back anything.
    const joining = c.host.docker
      .createNetwork(c.network, SUBNET)
      .then(() => c.host.docker.run(c.network, idOf('cc')))
    await b.restoration.look()
    await lookAll()
    t.not(await joining, used)
    await until('its endpoint is back', async () =>
      (await store.keys('/endpoints/')).some((key) => key.endsWith(idOf('cb'))),
    )
    t.same(b.restoration.status(), [])
    const [network] = await new ClusterView(store, a.host.identity).networks()
    t.equal(network?.hosts.length, 3)
  },
)

t.test('a container whose address another host has got meanwhile is reported', async (t) => {
  const { members, lookAll, store } = await clusterOf(t, 2, 0)
  const [a, b] = members
  if (a === undefined || b === undefined) return
  await blueEverywhere(members)
  const address = await a.host.docker.run(a.network, idOf('ca'))
  a.host.store.unavailable = true
  const removal = new HostRemoval(store)
  await removal.remove(await removal.check(a.host.identity.id, false), false, () => undefined)
  const taken = address.replace('/24', '')
  t.equal(await b.host.docker.run(b.network, idOf('cb'), taken), address)
  a.host.store.unavailable = false
  await lookAll()
  t.match(a.restoration.status(), [
    { endpoint: idOf('ca'), problem: /is held by a container on host .* \(endpoint / },
  ])
  t.match(a.host.logger.lines.join('\n'), /address is used twice/)
  await b.host.docker.stop(b.network, idOf('cb'), address)
  await lookAll()
  t.same(a.restoration.status(), [], 'the address is its own again')
})

t.test('a host that was removed while it ran comes back with what it has', async (t) => {
  const { members, lookAll, store } = await clusterOf(t, 2)
  const [a, b] = members
  if (a === undefined || b === undefined) return
  await blueEverywhere(members)
  await a.host.docker.run(a.network, idOf('ca'))
  const before = await contents(store)
  const removal = new HostRemoval(store)
  await removal.remove(await removal.check(a.host.identity.id, true), true, () => undefined)
  await lookAll()
  await until('it is back', async () => (await contents(store)).length === before.length)
  t.same(await contents(store), before)
})

t.test('a host that was removed while it was off comes back with its networks', async (t) => {
  const { members, store, dirs } = await clusterOf(t, 2)
  const [a] = members
  if (a === undefined) return
  await blueEverywhere(members)
  const before = await contents(store)
  await a.host.close()
  a.host.store.unavailable = true
  const removal = new HostRemoval(store)
  await removal.remove(await removal.check(a.host.identity.id, false), false, () => undefined)
  const again = await host(t, { store, dir: `${dirs}/a`, vtep: '192.0.2.1' })
  await again.restoration.look()
  const withoutBlocks = (lines: readonly string[]) => lines.filter((line) => !/^.blocks/.test(line))
  t.same(withoutBlocks(await contents(store)), withoutBlocks(before))
})

t.test("a pool of another driver's network is put back, too", async (t) => {
  const { members, replace, lookAll } = await clusterOf(t, 1)
  const one = members[0]?.host
  if (one === undefined) return
  const { signal } = new AbortController()
  const request = { addressSpace: 'tsoverlay-local', options: {}, ipv6: false }
  const { id: poolId, pool } = await one.ipam.requestPool(request, signal)
  replace(new Map(), 1)
  await lookAll()
  t.match(await one.book.pools(''), [{ pool }])
  t.ok(await one.ipam.requestAddress({ poolId, gateway: false, replay: false }, signal))
})

t.test('what the store has of this host and the host has not, goes', async (t) => {
  const { members, replace, backup, lookAll, store } = await clusterOf(t, 2)
  const [a] = members
  if (a === undefined) return
  await blueEverywhere(members)
  const address = await a.host.docker.run(a.network, idOf('ca'))
  const old = backup()
  await a.host.docker.stop(a.network, idOf('ca'), address)
  await until('it is unpublished', async () => (await store.keys('/endpoints/')).length === 0)
  await lookAll()
  replace(old.entries, old.revision)
  t.equal((await store.keys('/endpoints/')).length, 1)
  await lookAll()
  await until('it is gone', async () => (await store.keys('/endpoints/')).length === 0)
  t.equal((await store.keys('/attached/')).length, 2)
})

t.test(
  'its endpoints in a network that it has left go, and no others are read for it',
  async (t) => {
    const { members, replace, backup, lookAll, store } = await clusterOf(t, 2)
    const [a, b] = members
    if (a === undefined || b === undefined) return
    await blueEverywhere(members)
    await b.host.docker.run(b.network, idOf('cb'))
    const address = await a.host.docker.run(a.network, idOf('ca'))
    const old = backup()
    await a.host.docker.stop(a.network, idOf('ca'), address)
    await a.host.docker.removeNetwork(a.network)
    await until('it has left', async () => (await store.keys('/attached/')).length === 1)
    await lookAll()
    replace(old.entries, old.revision)
    t.equal((await store.keys('/endpoints/')).length, 2)
    const isOwn = (key: string): boolean => key.endsWith(a.host.identity.id)
    const attached = (await store.keys('/attached/')).filter(isOwn)
    await store.txn(
      [],
      attached.map((key) => ({ delete: key })),
    )
    const read: string[] = []
    const keys = a.host.store.keys.bind(a.host.store)
    a.host.store.keys = (prefix, signal) => {
      read.push(prefix)
      return keys(prefix, signal)
    }
    await a.restoration.look()
    t.match(await store.keys('/endpoints/'), [new RegExp(`/${idOf('cb')}$`)])
    const own = new RegExp(`^/endpoints/[^/]+/${a.host.identity.id}/$`)
    t.match(
      read.filter((prefix) => prefix.startsWith('/endpoints')),
      [own],
    )
  },
)

t.test('a host leaves a network that the backup says it has', async (t) => {
  const { members, replace, backup, lookAll, store } = await clusterOf(t, 2)
  const [a] = members
  if (a === undefined) return
  await blueEverywhere(members)
  const old = backup()
  await a.host.docker.removeNetwork(a.network)
  await until('it has left', async () => (await store.keys('/attached/')).length === 1)
  await lookAll()
  replace(old.entries, old.revision)
  t.equal((await store.keys('/attached/')).length, 2)
  await until('it has left again', async () => {
    await lookAll()
    const left = [...(await store.keys('/attached/')), ...(await store.keys('/holders/'))]
    return !left.some((key) => key.endsWith(a.host.identity.id))
  })
  t.equal((await store.keys('/networks/')).length, 1)
})

t.test('a record that cannot be read is one clear error', async (t) => {
  const one = await host(t)
  await one.docker.createNetwork(idOf('blue'), SUBNET)
  const [key = ''] = await one.store.keys('/networks/')
  await one.docker.removeNetwork(idOf('blue'))
  await until('it is gone', async () => (await one.store.keys('/networks/')).length === 0)
  await one.store.txn([], [{ put: key, value: '{"format":2}' }])
  await t.rejects(one.docker.createNetwork(idOf('blue'), SUBNET), {
    code: 'STORE_UNREADABLE',
    message: new RegExp(key),
  })
})
