import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { untilAborted, within, withLimit } from '../../src/core/deadline.js'

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

t.test('a limit ends work that nothing but its signal would end', async (t) => {
  const ended = (signal: AbortSignal): Promise<string> =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(`${signal.reason.name}`))
    })
  t.equal(await withLimit(5, undefined, ended), 'TimeoutError')
  const abort = new AbortController()
  const waiting = withLimit(60_000, abort.signal, ended)
  abort.abort()
  t.equal(await waiting, 'AbortError', 'the caller ends it earlier')
  t.equal(await withLimit(60_000, abort.signal, async (limit) => limit.aborted), true)
  t.equal(await withLimit(60_000, undefined, async () => 'done'), 'done')
})

t.test('a limit holds while its signal is collected by nobody but us', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const never = new AbortController()
  const waiting = withLimit(200, never.signal, (limit) =>
    untilAborted(new Promise(() => undefined), limit, 'nothing'),
  )
  const ended = t.rejects(waiting, { code: 'DEADLINE_EXCEEDED' })
  for (let round = 0; round < 5; round += 1) {
    await sleep(10)
    collect()
  }
  t.equal(await within(ended, 5_000), true)
})
