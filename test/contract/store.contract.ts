/** What every Store does, whatever it stands on: run on memory and on a real etcd. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Lease, Store, Write } from '../../src/core/ports.js'
import { Follower } from './follower.js'
import type { StoreHarness } from './harness.js'
import { watches } from './watch.contract.js'

export async function storeContract(t: Test, harness: StoreHarness): Promise<void> {
  let count = 0
  /** Each test works under a prefix of its own. */
  const open = (test: Test): Store => {
    count += 1
    const store = harness.open(`/contract/${count}`)
    test.teardown(() => store.close())
    return store
  }
  await readsAndWrites(t, open)
  await guards(t, open)
  await watches(t, open, harness)
  await leases(t, open)
  await endings(t, open)

  await t.test('stores of different prefixes do not see each other', async (t) => {
    const [a, b] = [harness.open('/twin'), harness.open('/twin2')]
    t.teardown(() => Promise.all([a.close(), b.close()]))
    await a.txn([], [{ put: '/k', value: 'a' }])
    await b.txn([], [{ put: '/k', value: 'b' }])
    await b.txn([], [{ deletePrefix: '/' }])
    t.match(await a.get('/k'), { key: '/k', value: 'a' })
    t.equal(await b.get('/k'), undefined)
    t.same(await a.keys('/'), ['/k'])
  })
}

async function readsAndWrites(t: Test, open: (t: Test) => Store): Promise<void> {
  await t.test('a key that is not there is undefined, one that is has its revision', async (t) => {
    const store = open(t)
    t.equal(await store.get('/a'), undefined)
    const { done, revision } = await store.txn([], [{ put: '/a', value: 'ä' }])
    t.equal(done, true)
    t.same(await store.get('/a'), { key: '/a', value: 'ä', revision })
  })

  await t.test('a list holds the entries under a prefix, in order, of one revision', async (t) => {
    const store = open(t)
    await store.txn(
      [],
      [
        { put: '/b/2', value: '2' },
        { put: '/b/1', value: '1' },
      ],
    )
    const { revision } = await store.txn([], [{ put: '/c/1', value: 'x' }])
    const list = await store.list('/b/')
    t.same(
      list.entries.map(({ key, value }) => [key, value]),
      [
        ['/b/1', '1'],
        ['/b/2', '2'],
      ],
    )
    t.ok(list.revision >= revision)
    t.same(await store.keys('/b/'), ['/b/1', '/b/2'])
  })

  await t.test('a transaction deletes one key and whole prefixes', async (t) => {
    const store = open(t)
    const keys = ['/d/1', '/d/2', '/e/1', '/e/2', '/f']
    await store.txn(
      [],
      keys.map((put) => ({ put, value: 'v' })),
    )
    await store.txn([], [{ delete: '/d/1' }, { deletePrefix: '/e/' }, { put: '/g', value: 'v' }])
    t.same(await store.keys('/'), ['/d/2', '/f', '/g'])
  })

  await t.test('10,000 entries are listed whole', async (t) => {
    const store = open(t)
    const value = 'x'.repeat(500)
    for (let at = 0; at < 10_000; at += 100) {
      const writes = Array.from({ length: 100 }, (_, i) => ({
        put: `/many/${String(at + i).padStart(5, '0')}`,
        value,
      }))
      await store.txn([], writes)
    }
    const { entries } = await store.list('/many/')
    t.equal(entries.length, 10_000)
    t.equal(new Set(entries.map(({ key }) => key)).size, 10_000)
    t.equal((await store.keys('/many/')).at(-1), '/many/09999')
    const follower = new Follower(store, '/many/')
    t.teardown(() => follower.close())
    await follower.until((view) => view.size === 10_000)
    await store.txn([], [{ deletePrefix: '/many/' }])
    await follower.until((view) => view.size === 0)
  })
}

async function guards(t: Test, open: (t: Test) => Store): Promise<void> {
  await t.test('guards hold or nothing is written', async (t) => {
    const store = open(t)
    const put: Write = { put: '/g', value: '1' }
    const first = await store.txn([{ key: '/g', is: 'absent' }], [put])
    t.equal(first.done, true)
    t.match(await store.txn([{ key: '/g', is: 'absent' }], [put]), { done: false })
    t.match(await store.txn([{ key: '/h', is: 'present' }], [put]), { done: false })
    t.match(await store.txn([{ key: '/g', is: 'present' }], [put]), { done: true })
    const stale = { key: '/g', is: 'unchanged', revision: first.revision } as const
    t.match(await store.txn([stale], [{ put: '/g', value: '2' }]), { done: false })
    const entry = await store.get('/g')
    const fresh = { ...stale, revision: entry?.revision ?? 0 }
    t.match(await store.txn([fresh], [{ put: '/g', value: '2' }]), { done: true })
    t.match(await store.get('/g'), { value: '2' })
    const nowhere = { key: '/never', is: 'unchanged', revision: 3 } as const
    t.match(await store.txn([nowhere], [put]), { done: false })
  })

  await t.test('one guard of many that fails stops all writes', async (t) => {
    const store = open(t)
    await store.txn([], [{ put: '/taken', value: 'x' }])
    const result = await store.txn(
      [
        { key: '/free', is: 'absent' },
        { key: '/taken', is: 'absent' },
      ],
      [{ put: '/free', value: 'y' }, { delete: '/taken' }],
    )
    t.equal(result.done, false)
    t.same(await store.keys('/'), ['/taken'])
  })

  await t.test('of many writers that claim one key exactly one wins', async (t) => {
    const store = open(t)
    for (let turn = 0; turn < 20; turn++) {
      const claim = (who: string) =>
        store.txn([{ key: `/r/${turn}`, is: 'absent' }], [{ put: `/r/${turn}`, value: who }])
      const results = await Promise.all(['a', 'b', 'c', 'd'].map(claim))
      t.equal(results.filter(({ done }) => done).length, 1)
    }
  })

  await t.test(
    'a transaction that etcd would refuse is refused as a fault of the caller',
    async (t) => {
      const store = open(t)
      const twice = [{ put: '/k', value: '1' }, { deletePrefix: '/' }]
      await t.rejects(store.txn([], twice), TypeError)
      const same = [1, 2].map(() => ({ put: '/k', value: '1' }))
      await t.rejects(store.txn([], same), TypeError)
      const many = Array.from({ length: 129 }, (_, i) => ({ put: `/k${i}`, value: '1' }))
      await t.rejects(store.txn([], many), TypeError)
      await t.rejects(store.txn([], [{ put: 'k', value: '1' }]), TypeError)
    },
  )
}

async function leases(t: Test, open: (t: Test) => Store): Promise<void> {
  await t.test(
    'what was put with a lease stays while it is kept and goes when revoked',
    async (t) => {
      const store = open(t)
      const lease = await store.lease(1)
      await store.txn([], [{ put: '/l/1', value: 'x', lease }])
      await sleep(2_500)
      t.match(await store.get('/l/1'), { value: 'x' })
      await lease.revoke()
      t.equal(await store.get('/l/1'), undefined)
      t.equal(lease.lost.aborted, false, 'given back is not lost')
      await t.rejects(store.txn([], [{ put: '/l/1', value: 'x', lease }]), {
        code: 'STORE_UNAVAILABLE',
      })
    },
  )

  await t.test('a lease of a store that was closed runs out', async (t) => {
    const [holder, store] = [open(t), open(t)]
    const lease = await holder.lease(1)
    await holder.txn([], [{ put: '/l', value: 'x', lease }])
    await holder.close()
    t.equal(lease.lost.aborted, false)
    const again: Lease = await store.lease(30)
    await sleep(4_000)
    t.equal(await store.get('/l'), undefined)
    await again.revoke()
  })
}

async function endings(t: Test, open: (t: Test) => Store): Promise<void> {
  await t.test('a store that is well has a size and no alarm', async (t) => {
    const { size, alarms } = await open(t).health()
    t.ok(size > 0)
    t.same(alarms, [])
  })

  await t.test('an aborted call ends at once with STORE_UNAVAILABLE', async (t) => {
    const store = open(t)
    for (const signal of [AbortSignal.abort(), AbortSignal.timeout(0)]) {
      if (!signal.aborted) await sleep(5)
      await t.rejects(store.get('/a', signal), { code: 'STORE_UNAVAILABLE' })
      await t.rejects(store.txn([], [{ put: '/a', value: '1' }], signal), {
        code: 'STORE_UNAVAILABLE',
      })
    }
  })

  await t.test('an aborted watch ends, and so does one whose store closes', async (t) => {
    const store = open(t)
    const stop = new AbortController()
    const aborted = new Follower(store, '/a', stop.signal)
    const closed = new Follower(store, '/a')
    await aborted.until(() => true)
    await closed.until(() => true)
    stop.abort()
    await aborted.ended
    await store.close()
    await closed.ended
    await t.rejects(store.get('/a'), { code: 'STORE_UNAVAILABLE' })
  })
}
