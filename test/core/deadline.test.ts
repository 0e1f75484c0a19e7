import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { untilAborted, within } from '../../src/core/deadline.js'

t.test('the outcome of the work comes through', async (t) => {
  const { signal } = new AbortController()
  t.equal(await untilAborted(Promise.resolve(7), signal, 'seven'), 7)
  await t.rejects(untilAborted(Promise.reject(new Error('no')), signal, 'it'), { message: 'no' })
})

t.test('an abort ends the waiting and says for what', async (t) => {
  const abort = new AbortController()
  const waiting = untilAborted(new Promise(() => undefined), abort.signal, 'the kernel')
  abort.abort()
  await t.rejects(waiting, {
    code: 'DEADLINE_EXCEEDED',
    message: 'waiting for the kernel took too long',
  })
})

t.test('work that fails after its caller went away disturbs nobody', async (t) => {
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => {
    unhandled.push(reason)
  }
  process.on('unhandledRejection', note)
  t.teardown(() => process.off('unhandledRejection', note))
  const abort = new AbortController()
  const late = untilAborted(
    sleep(5).then(() => Promise.reject(new Error('too late'))),
    abort.signal,
    'it',
  )
  abort.abort()
  await t.rejects(late, { code: 'DEADLINE_EXCEEDED' })
  const never = untilAborted(Promise.reject(new Error('at once')), abort.signal, 'it')
  await t.rejects(never, { code: 'DEADLINE_EXCEEDED' })
  await sleep(10)
  await setImmediate()
  t.same(unhandled, [])
})

t.test('within says whether the work was done in time', async (t) => {
  t.equal(await within(Promise.resolve(), 1_000), true)
  t.equal(await within(new Promise(() => undefined), 5), false)
  await t.rejects(within(Promise.reject(new Error('no')), 1_000), { message: 'no' })
})
