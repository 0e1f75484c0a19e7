import fc from 'fast-check'
import t from 'tap'
import type { Cidr } from '../../src/core/ip.js'
import type { Store } from '../../src/core/ports.js'
import type { Network } from '../../src/core/types.js'
import { keys } from '../../src/state/keys.js'
import { isOfHost, NetworkRepository } from '../../src/state/network-repository.js'
import { choices, Turnstile } from '../fakes/interleaved-store.js'
import { MemoryStore } from '../fakes/memory-store.js'

/** Each with an address space of its own. */
function network(key: string, segments = 1): Network {
  const pools = Array.from({ length: segments }, (_, n) => `10.${n}.0.0/16` as Cidr)
  return { ...unnamed(key, ...pools), identity: `name:${key}`, space: key }
}

function unnamed(key: string, ...texts: string[]): Network {
  const pools = texts as Cidr[]
  const space = ''
  const identity = `pools:${pools.join()}`
  const list = pools.map((pool) => ({ vni: 0, subnets: [{ pool }] }))
  return { key, identity, space, backend: 'overlay', segments: list, internal: false }
}

async function everything(store: Store): Promise<string[]> {
  return (await store.list('/')).entries.map(({ key }) => key)
}

t.test('a new network gets VNIs that nobody has, and the host is attached', async (t) => {
  const store = new MemoryStore()
  const a = new NetworkRepository(store, 'a')
  const { made } = await a.create(network('k1', 2), [undefined, undefined], 'docker-1')
  t.same(
    made?.segments.map(({ vni }) => vni),
    [256, 257],
  )
  t.strictSame(await a.find('k1'), made)
  const second = await a.create(network('k2'), [undefined], undefined)
  t.equal(second.made?.segments[0]?.vni, 258)
  t.same(await store.keys('/attached/'), ['/attached/k1/a'])
  t.equal(await a.find('k3'), undefined)
})

t.test('a VNI of the user is kept, and refused with its owner when taken', async (t) => {
  const store = new MemoryStore()
  const a = new NetworkRepository(store, 'a')
  await a.create(network('k1'), [5_000], 'docker-1')
  t.ok(await store.get('/vnis/00005000'))
  await t.rejects(a.create(network('k2'), [5_000], 'docker-2'), {
    code: 'VNI_TAKEN',
    message: /^VNI 5000 is taken by the network name:k1: choose another/,
  })
  t.equal(await a.find('k2'), undefined)
})

t.test('a subnet belongs to one network without a name, until that is gone', async (t) => {
  const store = new MemoryStore()
  const a = new NetworkRepository(store, 'a')
  const b = new NetworkRepository(store.peer(), 'b')
  await a.create(unnamed('k1', '10.1.0.0/16', '10.2.0.0/16'), [undefined, undefined], 'docker-1')
  for (const pool of ['10.1.0.0/16', '10.2.0.0/16']) {
    await t.rejects(b.create(unnamed('k2', pool), [undefined], 'docker-2'), {
      code: 'NETWORK_CONFLICT',
      message: `a subnet of pools:${pool} belongs to the network pools:10.1.0.0/16,10.2.0.0/16 of this cluster, which has other subnets: give the same --subnet flags on all hosts, or give this network an address space of its own with --ipam-opt network=NAME and -o network=NAME`,
    })
  }
  t.equal(await b.find('k2'), undefined)
  await b.create(unnamed('k3', '10.3.0.0/16'), [undefined], 'docker-3')
  await a.detach('k1')
  t.same(await store.keys('/subnets/'), ['/subnets/10.3.0.0-16'])
  t.ok((await b.create(unnamed('k2', '10.1.0.0/16'), [undefined], 'docker-2')).made)
})

t.test('of networks with a common subnet that are created at once, one is made', async () => {
  await fc.assert(
    fc.asyncProperty(choices, async (order) => {
      const store = new MemoryStore()
      const gate = new Turnstile(order)
      const all = await Promise.allSettled(
        ['a', 'b'].map((id, at) =>
          new NetworkRepository(gate.through(store.peer()), id).create(
            unnamed(id, '10.9.0.0/16', `10.${at}.0.0/16`),
            [undefined, undefined],
            id,
          ),
        ),
      )
      const made = all.filter(({ status }) => status === 'fulfilled')
      return made.length === 1 && (await store.keys('/networks/')).length === 1
    }),
    { numRuns: 40 },
  )
})

t.test('of two hosts that create one network at once, one makes it', async () => {
  await fc.assert(
    fc.asyncProperty(choices, async (order) => {
      const store = new MemoryStore()
      const gate = new Turnstile(order)
      const both = await Promise.all(
        ['a', 'b'].map((id) =>
          new NetworkRepository(gate.through(store.peer()), id).create(
            network('k'),
            [undefined],
            id,
          ),
        ),
      )
      const made = both.filter((each) => each.made !== undefined)
      return made.length === 1 && (await store.keys('/vnis/')).length === 1
    }),
    { numRuns: 40 },
  )
})

t.test('networks that are created at once never share a VNI', async () => {
  await fc.assert(
    fc.asyncProperty(choices, async (order) => {
      const store = new MemoryStore()
      const gate = new Turnstile(order)
      const all = await Promise.all(
        ['a', 'b', 'c'].map((id) =>
          new NetworkRepository(gate.through(store.peer()), id).create(
            network(id),
            [undefined],
            id,
          ),
        ),
      )
      const vnis = all.flatMap(({ made }) => made?.segments.map(({ vni }) => vni) ?? [])
      return new Set(vnis).size === 3 && (await store.keys('/vnis/')).length === 3
    }),
    { numRuns: 40 },
  )
})

t.test('a VNI that two networks want goes to one of them', async () => {
  await fc.assert(
    fc.asyncProperty(choices, async (order) => {
      const store = new MemoryStore()
      const gate = new Turnstile(order)
      const all = await Promise.allSettled(
        ['a', 'b'].map((id) =>
          new NetworkRepository(gate.through(store.peer()), id).create(network(id), [700], id),
        ),
      )
      const lost = all.find((each) => each.status === 'rejected')
      return lost?.status === 'rejected' && lost.reason.code === 'VNI_TAKEN'
    }),
    { numRuns: 40 },
  )
})

t.test('the last host that leaves takes the network, its VNIs and endpoints away', async (t) => {
  const store = new MemoryStore()
  const [a, b] = [new NetworkRepository(store, 'a'), new NetworkRepository(store.peer(), 'b')]
  await a.create(network('k', 2), [undefined, undefined], 'docker-a')
  t.equal(await b.attach('k', 'docker-b'), true)
  for (const host of ['a', 'b'])
    await store.txn([], [{ put: keys.endpoint('k', host, 'e'), value: '{}' }])
  await a.detach('k')
  t.same(await store.keys('/endpoints/'), ['/endpoints/k/b/e'])
  t.ok(await a.find('k'))
  await a.detach('k')
  t.ok(await a.find('k'), 'who is not attached takes nothing away')
  await b.detach('k')
  t.same(await everything(store), [])
  t.equal(await a.attach('k', 'docker-a'), false)
  await a.detach('k')
  t.same(await everything(store), [])
})

t.test('hosts that leave at once leave nothing behind', async () => {
  await fc.assert(
    fc.asyncProperty(choices, async (order) => {
      const store = new MemoryStore()
      const gate = new Turnstile(order)
      const all = ['a', 'b', 'c'].map((id) => new NetworkRepository(gate.through(store), id))
      await all[0]?.create(network('k'), [undefined], 'x')
      for (const each of all) await each.attach('k', 'x')
      await Promise.all(all.map((each) => each.detach('k')))
      return (await everything(store)).length === 0
    }),
    { numRuns: 40 },
  )
})

t.test(
  'who attaches while the last one leaves has the network or knows that it is gone',
  async () => {
    await fc.assert(
      fc.asyncProperty(choices, async (order) => {
        const store = new MemoryStore()
        const gate = new Turnstile(order)
        const [a, b] = ['a', 'b'].map((id) => new NetworkRepository(gate.through(store), id))
        await a?.create(network('k'), [undefined], 'x')
        const [, attached] = await Promise.all([a?.detach('k'), b?.attach('k', 'y')])
        const there = (await a?.find('k')) !== undefined
        const keysLeft = await everything(store)
        return attached === there && (there ? keysLeft.includes('/attached/k/b') : !keysLeft.length)
      }),
      { numRuns: 60 },
    )
  },
)

t.test('an unreadable record is no network, but its key is not free either', async (t) => {
  const store = new MemoryStore()
  await store.txn([], [{ put: keys.network('k'), value: '{"key":1}' }])
  const a = new NetworkRepository(store, 'a')
  t.equal(await a.find('k'), undefined)
  t.same(await a.create(network('k'), [undefined], 'x'), { made: undefined })
})

t.test('entries of one host are told from those of a host with a longer id', async (t) => {
  t.equal(isOfHost({ key: '/endpoints/k/a/e' }, 'k', 'a'), true)
  t.equal(isOfHost({ key: '/endpoints/k/ab/e' }, 'k', 'a'), false)
})
