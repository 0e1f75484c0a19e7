/** The part of the Store contract that is about following changes. */
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import type { Test } from 'tap'
import { hasCode } from '../../src/core/errors.js'
import type { Store, Write } from '../../src/core/ports.js'
import { Follower } from './follower.js'
import { retrying, type StoreHarness } from './harness.js'

export async function watches(
  t: Test,
  open: (t: Test) => Store,
  harness: StoreHarness,
): Promise<void> {
  await t.test('a watch begins with a snapshot and goes on with what comes after it', async (t) => {
    const store = open(t)
    const before = await store.txn(
      [],
      [
        { put: '/w/1', value: '1' },
        { put: '/x', value: '0' },
      ],
    )
    const follower = new Follower(store, '/w/')
    t.teardown(() => follower.close())
    await follower.until((view) => view.size === 1)
    const both = [{ put: '/w/2', value: '2' }, { delete: '/w/1' }, { put: '/y', value: '0' }]
    const { revision } = await store.txn([], both)
    await follower.until((view) => view.has('/w/2'))
    const [snapshot, delta, ...rest] = follower.batches
    t.match(snapshot, { kind: 'snapshot', entries: [{ key: '/w/1', revision: before.revision }] })
    t.same(delta, {
      kind: 'delta',
      puts: [{ key: '/w/2', value: '2', revision }],
      deletes: ['/w/1'],
      revision,
    })
    t.same(rest, [])
  })

  await t.test(
    'snapshot and deltas replayed equal the list, whatever was written when',
    async (t) => {
      const store = open(t)
      const key = fc.integer({ min: 0, max: 5 }).map((n) => `/p/${n}`)
      const write = fc.oneof(
        fc.record({ put: key, value: fc.string({ maxLength: 3 }) }),
        fc.record({ delete: key }),
        fc.constant({ deletePrefix: '/p/' }),
      )
      const script = fc.array(write, { minLength: 1, maxLength: 25 })
      const property = fc.asyncProperty(script, script, script, async (first, second, third) => {
        const run = async (writes: readonly Write[]) => {
          for (const each of writes) await store.txn([], [each])
        }
        await run(first)
        const racing = Promise.all([run(second), run(third)])
        const followers = [new Follower(store, '/p/'), new Follower(store, '/p/')]
        await racing
        const { revision } = await store.txn([], [{ put: '/p/end', value: 'end' }])
        const list = await store.list('/p/')
        const wanted = new Map(list.entries.map((entry) => [entry.key, entry.value]))
        for (const follower of followers) {
          await follower.until((_, seen) => seen >= revision)
          t.same(follower.view, wanted)
          t.same(follower.disorder, [])
          await follower.close()
        }
        await store.txn([], [{ deletePrefix: '/p/' }])
      })
      await fc.assert(property, { numRuns: 25 })
    },
  )

  await t.test('a consumer that is slow gets fewer, larger deltas', async (t) => {
    const store = open(t)
    const stop = new AbortController()
    const watch = store.watch('/s/', stop.signal)[Symbol.asyncIterator]()
    await watch.next()
    const pending = watch.next()
    await store.txn([], [{ put: '/s/0', value: 'first' }])
    t.match(await pending, { value: { kind: 'delta', puts: [{ key: '/s/0' }] } })
    for (let n = 1; n <= 50; n++) await store.txn([], [{ put: '/s/1', value: String(n) }])
    await store.txn([], [{ delete: '/s/0' }])
    await sleep(200)
    t.match(await watch.next(), {
      value: { kind: 'delta', puts: [{ key: '/s/1', value: '50' }], deletes: ['/s/0'] },
    })
    stop.abort()
    t.match(await watch.next(), { done: true })
  })

  await t.test('after a gap with compaction a snapshot shows what has become of all', async (t) => {
    const store = open(t)
    const other = open(t)
    await store.txn(
      [],
      [
        { put: '/z/1', value: 'old' },
        { put: '/z/2', value: 'old' },
      ],
    )
    const follower = new Follower(store, '/z/')
    t.teardown(() => follower.close())
    await follower.until((view) => view.size === 2)
    await harness.interrupt(async () => undefined)
    await retrying(() =>
      store.txn(
        [],
        [{ put: '/z/1', value: 'new' }, { delete: '/z/2' }, { put: '/z/3', value: 'new' }],
      ),
    )
    await harness.compact()
    await follower.until((view) => view.get('/z/3') === 'new')
    t.same([...follower.view].sort(), [
      ['/z/1', 'new'],
      ['/z/3', 'new'],
    ])
    t.ok(follower.batches.filter(({ kind }) => kind === 'snapshot').length >= 2)
    await retrying(() => other.get('/none'))
  })

  await t.test('while cut off calls fail as STORE_UNAVAILABLE, soon after they work', async (t) => {
    const store = open(t)
    await store.txn([], [{ put: '/i', value: '1' }])
    const follower = new Follower(store, '/i')
    t.teardown(() => follower.close())
    await follower.until((view) => view.get('/i') === '1')
    await harness.interrupt(async () => {
      const started = Date.now()
      const calls = [store.get('/i'), store.list('/'), store.keys('/'), store.txn([], [])]
      for (const result of await Promise.allSettled(calls)) {
        t.equal(result.status, 'rejected')
        if (result.status === 'rejected') t.ok(hasCode(result.reason, 'STORE_UNAVAILABLE'))
      }
      t.ok(Date.now() - started < 3_500, 'within the deadline')
    })
    await sleep(700)
    t.match(await store.get('/i'), { value: '1' })
    await store.txn([], [{ put: '/i', value: '2' }])
    await follower.until((view) => view.get('/i') === '2')
  })
}
