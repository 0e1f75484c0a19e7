/** Transactions that come late do nothing; the others do not notice. */
import fc from 'fast-check'
import t from 'tap'
import type { Write } from '../../src/core/ports.js'
import { FencedStore } from '../../src/state/fenced-store.js'
import { MemoryStore } from '../fakes/memory-store.js'

const GATE = '/gates/hosts/a'
const AWAY = { code: 'STORE_UNAVAILABLE' }
const put = (value: string): Write[] => [{ put: '/k', value }]
const fenced = (store: MemoryStore): FencedStore => new FencedStore(store, GATE, 'boot')

t.test('what was given up as lost cannot come after what followed it', async (t) => {
  const store = new MemoryStore()
  const one = fenced(store)
  store.lateNext('/k')
  await t.rejects(one.txn([], put('late')), AWAY)
  t.ok((await one.txn([], [{ delete: '/k' }])).done)
  t.same(store.arrive(), [false])
  t.equal(await one.get('/k'), undefined)
})

t.test('one that arrives before anything followed it is done, as before', async (t) => {
  const store = new MemoryStore()
  const one = fenced(store)
  store.lateNext('/k')
  await t.rejects(one.txn([], put('late')), AWAY)
  t.same(store.arrive(), [true])
  t.equal((await one.get('/k'))?.value, 'late')
})

t.test('the gate is written once, and again after a doubt only', async (t) => {
  const store = new MemoryStore()
  const one = fenced(store)
  const revisions: number[] = []
  const note = async (): Promise<void> => {
    revisions.push((await store.get(GATE))?.revision ?? 0)
  }
  for (let n = 0; n < 3; n += 1) {
    await one.txn([], put(`${n}`))
    await one.txn([{ key: '/k', is: 'absent' }], put('refused'))
    await note()
  }
  t.equal(new Set(revisions).size, 1)
  store.loseNext(1)
  await t.rejects(one.txn([], put('lost')), AWAY)
  t.ok((await one.txn([], put('next'))).done)
  await note()
  t.equal(new Set(revisions).size, 2)
})

t.test('a guard of the caller that does not hold is told to him', async (t) => {
  const store = new MemoryStore()
  const one = fenced(store)
  await one.txn([], put('first'))
  const { done } = await one.txn([{ key: '/k', is: 'absent' }], put('second'))
  t.notOk(done)
  t.equal((await one.get('/k'))?.value, 'first')
})

t.test('a new process stops what the former one has under way', async (t) => {
  const store = new MemoryStore()
  const former = fenced(store)
  await former.txn([], put('first'))
  store.lateNext('/k')
  await t.rejects(former.txn([], put('late')), AWAY)
  await fenced(store).txn([], [{ delete: '/k' }])
  t.same(store.arrive(), [false])
})

t.test('whoever deletes the gate stops a dead host, and not one that lives', async (t) => {
  const store = new MemoryStore()
  const one = fenced(store)
  await one.txn([], put('first'))
  store.lateNext('/k')
  await t.rejects(one.txn([], put('late')), AWAY)
  await store.txn([], [{ delete: GATE }])
  t.same(store.arrive(), [false])
  t.ok((await one.txn([], put('again'))).done)
  await store.txn([], [{ delete: GATE }])
  t.ok((await one.txn([], put('and again'))).done)
})

t.test('a store that is away is told so, and a caller who gives up does not wait', async (t) => {
  const store = new MemoryStore()
  const one = fenced(store)
  store.unavailable = true
  await t.rejects(one.txn([], put('a')), AWAY)
  store.unavailable = false
  store.delay = 200
  const stop = new AbortController()
  const waiting = one.txn([], put('b'), stop.signal)
  stop.abort()
  await t.rejects(waiting, { code: 'DEADLINE_EXCEEDED' })
  store.delay = 0
  t.ok((await one.txn([], put('c'))).done)
})

t.test('a gate that is taken away again and again is an error that is tried again', async (t) => {
  const store = new MemoryStore()
  const txn = store.txn.bind(store)
  store.txn = async (guards, writes, signal) => {
    const result = await txn(guards, writes, signal)
    await txn([], [{ delete: GATE }])
    return result
  }
  await t.rejects(fenced(store).txn([], put('a')), { code: 'STORE_CONFLICT' })
})

const step = fc.record({
  key: fc.constantFrom('/a', '/b'),
  /** undefined: deleted */
  value: fc.option(fc.string({ maxLength: 1 }), { nil: undefined }),
  fate: fc.constantFrom('done', 'done', 'late', 'lost'),
  arrive: fc.boolean(),
})

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** As the outbox does: until there is an answer. */
async function insist(one: FencedStore, write: Write): Promise<void> {
  const tried = (): Promise<boolean> =>
    one.txn([], [write]).then(
      ({ done }) => done,
      () => false,
    )
  while (!(await tried())) await Promise.resolve()
}

/** @returns the last word on the key */
async function say(store: MemoryStore, one: FencedStore, key: string, steps: readonly Step[]) {
  let last: string | undefined
  for (const { value, fate, arrive } of steps) {
    if (fate === 'late') store.lateNext(key)
    if (fate === 'lost') store.loseNext(1)
    await insist(one, value === undefined ? { delete: key } : { put: key, value })
    last = value
    if (arrive) store.arrive()
  }
  return last
}

t.test('whatever comes late or is lost, the last word on each key stands', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const store = new MemoryStore()
      const one = fenced(store)
      const of = (key: string): Step[] => steps.filter((each) => each.key === key)
      const last = await Promise.all(['/a', '/b'].map((key) => say(store, one, key, of(key))))
      store.arrive()
      const found = [(await one.get('/a'))?.value, (await one.get('/b'))?.value]
      return found[0] === last[0] && found[1] === last[1]
    }),
    { numRuns: 100 },
  )
})
