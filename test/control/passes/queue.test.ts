import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { KeyedQueue } from '../../../src/control/passes/queue.js'
import { until } from '../../fakes/until.js'

t.test('marks of one key merge into one pass after the running one', async (t) => {
  let passes = 0
  const queue = new KeyedQueue(async () => {
    passes += 1
    await sleep(10)
    return passes
  })
  const first = queue.run('a')
  await sleep(2)
  for (let n = 0; n < 10; n += 1) queue.mark('a')
  const [second, third] = [queue.run('a'), queue.run('a')]
  t.same(await Promise.all([first, second, third]), [1, 2, 2])
  t.equal(passes, 2)
})

t.test('one pass per key at a time, keys side by side', async (t) => {
  const running = new Set<string>()
  let most = 0
  let twice = false
  const queue = new KeyedQueue(async (key) => {
    twice ||= running.has(key)
    running.add(key)
    most = Math.max(most, running.size)
    await sleep(5)
    running.delete(key)
  })
  const all: Promise<void>[] = []
  for (let n = 0; n < 30; n += 1) {
    all.push(queue.run(`key ${n % 3}`))
    await sleep(n % 4)
  }
  await Promise.all(all)
  t.equal(twice, false)
  t.ok(most > 1)
})

t.test('a failed pass tells who waits and comes again by itself', async (t) => {
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  t.teardown(() => process.off('unhandledRejection', note))
  const times: number[] = []
  const queue = new KeyedQueue(async () => {
    times.push(Date.now())
    if (times.length < 4) throw new Error(`failure ${times.length}`)
  })
  await t.rejects(queue.run('a'), { message: 'failure 1' })
  queue.mark('a')
  await until('it succeeds', () => times.length === 4)
  const [, second = 0, third = 0, fourth = 0] = times
  t.ok(third - second >= 390 && fourth - third >= 790, 'twice as long each time')
  await sleep(20)
  t.same(unhandled, [])
  await queue.run('a')
  t.equal(times.length, 5)
})

t.test('close waits for what runs and ends the retries', async (t) => {
  let ended = 0
  let begun = 0
  const queue = new KeyedQueue(async (key) => {
    begun += 1
    await sleep(10)
    ended += 1
    if (key === 'bad') throw new Error('no')
  })
  queue.mark('good')
  queue.mark('bad')
  await queue.close()
  t.same([begun, ended], [2, 2])
  queue.mark('good')
  await sleep(300)
  t.equal(begun, 2)
})
