import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Delta, Entry, Logger, Page, Snapshot, Write } from '../../src/core/ports.js'
import { Mirror } from '../../src/state/mirror.js'
import { MemoryStore } from '../fakes/memory-store.js'

/** Numbers; anything else is not understood, and `boom` throws. */
function decode(_key: string, value: string): number | undefined {
  if (value === 'boom') throw new Error('no such thing')
  return /^\d+$/.test(value) ? Number(value) : undefined
}

function setUp(t: Test, store = new MemoryStore()) {
  const warnings: object[] = []
  const logger: Logger = {
    debug() {},
    info() {},
    warn: (fields) => warnings.push(fields),
    error: (fields) => warnings.push(fields),
  }
  const mirror = new Mirror({ store, prefix: '/n/', decode, logger })
  const changes: string[][] = []
  mirror.onChange((changed) => changes.push([...changed.keys()].sort()))
  t.teardown(() => mirror.close())
  return { store, mirror, changes, warnings }
}

/** As AbortSignal.timeout, but it keeps the process alive until then. */
function after(ms: number): AbortSignal {
  const controller = new AbortController()
  setTimeout(() => controller.abort(), ms)
  return controller.signal
}

const put = (key: string, value: string | number): Write => ({ put: key, value: String(value) })

t.test('it shows the entries of its prefix, and each change as it comes', async (t) => {
  const { store, mirror, changes } = setUp(t)
  await store.txn([], [put('/n/1', 1), put('/n/2', 2), put('/other', 9)])
  mirror.start()
  await mirror.synced()
  t.same(
    [...mirror.entries()],
    [
      ['/n/1', 1],
      ['/n/2', 2],
    ],
  )
  t.equal(mirror.size, 2)
  const { revision } = await store.txn([], [put('/n/2', 3), put('/n/4', 4), { delete: '/n/1' }])
  await mirror.seen(revision)
  t.equal(mirror.get('/n/1'), undefined)
  t.equal(mirror.get('/n/2'), 3)
  t.equal(mirror.revision, revision)
  t.same(changes, [
    ['/n/1', '/n/2'],
    ['/n/1', '/n/2', '/n/4'],
  ])
})

t.test('an empty prefix is in sync, too, and nothing has changed', async (t) => {
  const { mirror, changes } = setUp(t)
  mirror.start()
  await mirror.synced()
  t.equal(mirror.size, 0)
  t.same(changes, [])
})

t.test('after a gap only what really changed in it is reported', async (t) => {
  const { store, mirror, changes } = setUp(t)
  await store.txn([], [put('/n/same', 1), put('/n/gone', 2), put('/n/other', 3)])
  mirror.start()
  await mirror.synced()
  const elsewhere = store.peer()
  store.unavailable = true
  await elsewhere.txn([], [{ delete: '/n/gone' }, put('/n/other', 4), put('/n/new', 5)])
  await elsewhere.txn([], [put('/n/same', 1)])
  store.unavailable = false
  await mirror.seen((await elsewhere.list('/n/')).revision)
  t.same(changes.slice(1), [['/n/gone', '/n/new', '/n/other']])
  store.breakWatches()
  await sleep(20)
  t.equal(changes.length, 2, 'a snapshot without news is no change')
})

t.test('a value that is not understood is told once and treated as absent', async (t) => {
  const { store, mirror, changes, warnings } = setUp(t)
  await store.txn([], [put('/n/bad', 'x'), put('/n/worse', 'boom'), put('/n/good', 1)])
  mirror.start()
  await mirror.synced()
  store.breakWatches()
  await sleep(20)
  t.same([...mirror.entries()], [['/n/good', 1]])
  t.same(warnings, [
    { key: '/n/bad', reason: 'not of the expected form' },
    { key: '/n/worse', reason: 'no such thing' },
  ])
  t.same(changes, [['/n/good']])
  await mirror.seen((await store.txn([], [put('/n/good', 'x'), put('/n/bad', 7)])).revision)
  t.same([...mirror.entries()], [['/n/bad', 7]])
  t.same(changes.at(-1), ['/n/bad', '/n/good'])
})

t.test('seen waits for a revision that is not in yet', async (t) => {
  const { store, mirror } = setUp(t)
  let done = false
  const waiting = mirror.seen(3).then(() => {
    done = true
  })
  mirror.start()
  await store.txn([], [put('/n/1', 1)])
  await mirror.synced()
  await sleep(20)
  t.equal(done, false)
  await store.txn([], [put('/n/1', 2)])
  await waiting
  t.equal(mirror.get('/n/1'), 2)
})

t.test('seen ends for a revision that wrote elsewhere', async (t) => {
  const { store, mirror } = setUp(t)
  mirror.start()
  await mirror.synced()
  const { revision } = await store.txn([], [put('/other', 1)])
  await mirror.seen(revision, after(2_000))
  t.ok(mirror.revision >= revision)
})

t.test('seen does not end while a change is still under way', async (t) => {
  const { store, mirror } = setUp(t, new SilentStore())
  mirror.start()
  await mirror.synced()
  const { revision } = await store.txn([], [put('/n/1', 1)])
  await t.rejects(mirror.seen(revision, after(700)), {
    code: 'DEADLINE_EXCEEDED',
    message: `the mirror of /n/ did not show revision ${revision} in time`,
  })
})

t.test('waiting ends with DEADLINE_EXCEEDED on abort and on close', async (t) => {
  const { store, mirror } = setUp(t)
  store.unavailable = true
  mirror.start()
  const late = { code: 'DEADLINE_EXCEEDED' }
  await t.rejects(mirror.synced(after(20)), late)
  await t.rejects(mirror.synced(AbortSignal.abort()), late)
  await t.rejects(mirror.seen(5, after(20)), late)
  const waiting = [mirror.synced(), mirror.seen(1)]
  await Promise.all([...waiting.map((each) => t.rejects(each, late)), mirror.close()])
})

t.test('who waited for a revision finds that the listeners have run', async (t) => {
  const { store, mirror } = setUp(t)
  mirror.start()
  await mirror.synced()
  const order: string[] = []
  mirror.onChange(() => order.push('listener'))
  const { revision } = await store.txn([], [put('/n/1', 1)])
  await mirror.seen(revision).then(() => order.push('waiter'))
  t.same(order, ['listener', 'waiter'])
})

t.test('a listener that throws is logged and harms nobody, one removed is silent', async (t) => {
  const { store, mirror, changes, warnings } = setUp(t)
  const remove = mirror.onChange(() => {
    throw new Error('oops')
  })
  const last: string[] = []
  mirror.onChange((changed) => last.push(...changed.keys()))
  mirror.start()
  await mirror.seen((await store.txn([], [put('/n/1', 1)])).revision)
  t.same([changes, last], [[['/n/1']], ['/n/1']])
  t.same(warnings, [{ prefix: '/n/', error: 'oops' }])
  remove()
  await mirror.seen((await store.txn([], [put('/n/1', 2)])).revision)
  t.equal(warnings.length, 1)
})

t.test('of a snapshot in pages nothing is seen until it is whole', async (t) => {
  const { store, mirror, changes } = setUp(t)
  const six = [1, 2, 3, 4, 5, 6]
  await store.txn(
    [],
    six.map((n) => put(`/n/${n}`, n)),
  )
  store.pageSize = 2
  mirror.start()
  await sleep(0)
  t.equal(mirror.size, 0)
  t.same(changes, [])
  await mirror.synced()
  t.same(
    [...mirror.entries()],
    six.map((n) => [`/n/${n}`, n]),
  )
  t.equal(changes.length, 1)
})

t.test('pages of a snapshot that broke off are void', async (t) => {
  const pages: (Page | Snapshot)[] = [
    { kind: 'page', entries: [entryOf(1), entryOf(2)], revision: 2, continues: false },
    { kind: 'page', entries: [entryOf(3)], revision: 4, continues: false },
    { kind: 'snapshot', entries: [entryOf(4)], revision: 4, continues: true },
    { kind: 'page', entries: [entryOf(9)], revision: 5, continues: false },
    { kind: 'snapshot', entries: [entryOf(4), entryOf(5)], revision: 6 },
  ]
  const { mirror, changes } = setUp(t, new ScriptedStore(pages))
  mirror.start()
  await mirror.seen(6)
  t.same(changes, [
    ['/n/3', '/n/4'],
    ['/n/3', '/n/5'],
  ])
  t.same(
    [...mirror.entries()],
    [
      ['/n/4', 4],
      ['/n/5', 5],
    ],
  )
})

t.test('it equals the store after any writes with any interruptions between them', async (t) => {
  const key = fc.integer({ min: 0, max: 4 }).map((n) => `/n/${n}`)
  const step = fc.oneof(
    fc.record({ put: key, value: fc.constantFrom('1', '2', 'x') }),
    fc.record({ delete: key }),
    fc.constantFrom('break', 'wait', 'away', 'back'),
  )
  const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const store = new MemoryStore()
    const writer = store.peer()
    store.pageSize = 2
    const mirror = new Mirror({ store, prefix: '/n/', decode })
    const view = new Map<string, number | undefined>()
    mirror.onChange((changed) => {
      for (const [each, former] of changed) {
        t.equal(former, view.get(each))
        view.set(each, mirror.get(each))
      }
    })
    mirror.start()
    for (const each of steps) {
      if (each === 'break') store.breakWatches()
      else if (each === 'wait') await sleep(0)
      else if (typeof each === 'string') store.unavailable = each === 'away'
      else await writer.txn([], [each])
    }
    store.unavailable = false
    const { revision } = await writer.txn([], [put('/n/end', 1)])
    await mirror.seen(revision)
    const wanted = (await writer.list('/n/')).entries.flatMap(({ key, value }) =>
      value === 'x' ? [] : [[key, Number(value)]],
    )
    t.same([...mirror.entries()].sort(), wanted)
    const told = [...view].filter(([, value]) => value !== undefined).sort()
    t.same(told, wanted, 'the changed keys sufficed to follow')
    await mirror.close()
  })
  await fc.assert(property, { numRuns: 100 })
})

const entryOf = (n: number): Entry => ({ key: `/n/${n}`, value: String(n), revision: n })

/** Its watch says what it is told to. */
class ScriptedStore extends MemoryStore {
  readonly #batches: readonly (Page | Snapshot)[]

  constructor(batches: readonly (Page | Snapshot)[]) {
    super()
    this.#batches = batches
  }

  override async *watch(_prefix: string, signal: AbortSignal): AsyncGenerator<Page | Snapshot> {
    yield* this.#batches
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
  }
}

/** Its watch never says anything after the snapshot. */
class SilentStore extends MemoryStore {
  override async *watch(
    prefix: string,
    signal: AbortSignal,
  ): AsyncGenerator<Snapshot | Delta, void, undefined> {
    yield await this.list(prefix)
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
  }
}
