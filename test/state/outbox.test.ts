import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { TsoverlayError } from '../../src/core/errors.js'
import { Journal } from '../../src/state/journal.js'
import { type ChoreHandler, Outbox } from '../../src/state/outbox.js'
import { RecordingLogger } from '../fakes/recording-logger.js'
import { until } from '../fakes/until.js'

const away = () => new TsoverlayError('STORE_UNAVAILABLE', 'etcd is away')
const chore = (kind: string, subject: string, n = 0) => ({ kind, subject, args: { n: String(n) } })

function open(dir: string, handlers: Record<string, ChoreHandler>) {
  const logger = new RecordingLogger()
  const { chores } = new Journal(dir, logger)
  const outbox = new Outbox({ shelf: chores, handlers, logger })
  return { outbox, logger }
}

t.test('chores of one subject keep their order, others do not wait for them', async (t) => {
  const done: string[] = []
  const { outbox } = open(t.testdir(), {
    slow: async ({ n }) => {
      await sleep(10)
      done.push(`slow ${n}`)
    },
    fast: async ({ n }) => void done.push(`fast ${n}`),
  })
  void outbox.submit(chore('slow', 'a', 1))
  void outbox.submit(chore('fast', 'a', 2))
  const last = outbox.submit(chore('slow', 'a', 3))
  await outbox.submit(chore('fast', 'b', 4))
  t.same(done, ['fast 4'])
  t.equal(outbox.owed, 3)
  await last
  t.same(done, ['fast 4', 'slow 1', 'fast 2', 'slow 3'])
  t.equal(outbox.owed, 0)
})

t.test('a chore is tried until the store takes it, and said so twice', async (t) => {
  let failures = 2
  const { outbox, logger } = open(t.testdir(), {
    work: async () => {
      if (failures-- > 0) throw away()
    },
  })
  await outbox.submit(chore('work', 'a'))
  t.equal(outbox.owed, 0)
  t.equal(logger.count('store work has to wait'), 1)
  t.equal(logger.count('store work done after waiting'), 1)
})

t.test('settled resolves when nothing is owed for a subject', async (t) => {
  let failures = 1
  const { outbox } = open(t.testdir(), {
    work: async () => {
      if (failures-- > 0) throw away()
    },
  })
  await outbox.settled('a')
  void outbox.submit(chore('work', 'a'))
  t.equal(outbox.owed, 1)
  await outbox.settled('a')
  t.equal(outbox.owed, 0)
})

t.test('what is made and what undoes it do not meet', async (t) => {
  const done: string[] = []
  const { outbox } = open(t.testdir(), {
    undo: async ({ n }) => {
      done.push(`undo ${n} begins`)
      await sleep(5)
      done.push(`undo ${n} ends`)
    },
  })
  const { signal } = new AbortController()
  const make = (n: number, subjects: readonly string[]): Promise<number> =>
    outbox.making(subjects, signal, async () => {
      done.push(`make ${n} begins`)
      await sleep(15)
      done.push(`make ${n} ends`)
      return n
    })
  void outbox.submit(chore('undo', 'a', 1))
  const first = make(2, ['b', 'a'])
  t.same(done, [])
  await until('it has begun', () => done.includes('make 2 begins'))
  t.same(done, ['undo 1 begins', 'undo 1 ends', 'make 2 begins'])
  const second = make(3, ['a'])
  const undone = outbox.submit(chore('undo', 'a', 4))
  await outbox.submit(chore('undo', 'c', 5))
  t.notOk(done.includes('make 2 ends'), 'other subjects do not wait')
  await undone
  // the one of another subject may end at any time
  const ofTheirs = done.filter((step) => !step.startsWith('undo 5')).slice(-4)
  t.same(ofTheirs, ['make 2 ends', 'make 3 ends', 'undo 4 begins', 'undo 4 ends'])
  t.same(await Promise.all([first, second]), [2, 3])
})

t.test('a making that fails, or waits too long, holds up nobody', async (t) => {
  let isAway = true
  const { outbox } = open(t.testdir(), {
    undo: async () => {
      if (isAway) throw away()
    },
  })
  const { signal } = new AbortController()
  const failing = outbox.making(['a'], signal, async () => {
    throw away()
  })
  await t.rejects(failing, { code: 'STORE_UNAVAILABLE' })
  const undone = outbox.submit(chore('undo', 'a'))
  const ending = new AbortController()
  const waiting = outbox.making(['a'], ending.signal, async () => t.fail('is not to begin'))
  ending.abort()
  await t.rejects(waiting, { code: 'DEADLINE_EXCEEDED', message: /changes of a to reach/ })
  isAway = false
  await undone
  t.equal(await outbox.making(['a'], signal, async () => 7), 7)
  let end = (): void => undefined
  const endless = new Promise<void>((resolve) => {
    end = resolve
  })
  const making = outbox.making(['a'], signal, () => endless)
  void outbox.submit(chore('undo', 'a'))
  await outbox.close()
  t.equal(outbox.owed, 1, 'it stays owed')
  end()
  await making
})

t.test('a hopeless chore is given up and logged, and the next one follows', async (t) => {
  const done: string[] = []
  const { outbox, logger } = open(t.testdir(), {
    bad: async () => {
      throw new TypeError('a bug')
    },
    good: async ({ n }) => void done.push(`${n}`),
  })
  void outbox.submit(chore('bad', 'a'))
  void outbox.submit(chore('unheard of', 'a'))
  await outbox.submit(chore('good', 'a', 7))
  t.same(done, ['7'])
  t.equal(outbox.owed, 0)
  t.equal(logger.count('store work given up'), 2)
})

t.test('what is owed survives a restart, in its order', async (t) => {
  const dir = t.testdir()
  const before = open(dir, {
    work: async () => {
      throw away()
    },
  })
  for (let n = 0; n < 20; n += 1) void before.outbox.submit(chore('work', 'a', n))
  await until('it was tried', () => before.logger.count('store work has to wait') === 1)
  await before.outbox.close()
  const done: string[] = []
  const after = open(dir, { work: async ({ n }) => void done.push(`${n}`) })
  t.equal(after.outbox.owed, 20)
  after.outbox.start()
  await after.outbox.settled('a')
  t.same(
    done,
    Array.from({ length: 20 }, (_, n) => String(n)),
  )
  t.equal(open(dir, {}).outbox.owed, 0)
})

t.test('a clock that is set back does not change the order', async (t) => {
  const dir = t.testdir()
  const hour = 3_600_000
  let shift = 0
  const real = Date.now
  t.intercept(Date, 'now', { value: () => real() + shift })
  for (let n = 0; n < 10; n += 1) {
    const { outbox } = open(dir, {}) // never started: each submits one and dies
    await outbox.close()
    void outbox.submit(chore('work', 'a', n))
    shift -= hour
  }
  const done: string[] = []
  const after = open(dir, { work: async ({ n }) => void done.push(`${n}`) })
  after.outbox.start()
  await after.outbox.settled('a')
  t.same(
    done,
    Array.from({ length: 10 }, (_, n) => String(n)),
  )
})

t.test('close ends the trying at once and aborts the chore under way', async (t) => {
  let aborted = false
  const { outbox } = open(t.testdir(), {
    waiting: async (_args, signal) => {
      await sleep(60_000, undefined, { signal }).catch(() => {
        aborted = true
        throw away()
      })
    },
    failing: async () => {
      throw away()
    },
  })
  const both = [outbox.submit(chore('waiting', 'a')), outbox.submit(chore('failing', 'b'))]
  await sleep(10)
  await outbox.close()
  await Promise.all(both)
  t.equal(aborted, true)
  t.equal(outbox.owed, 2, 'both stay in the journal')
})
