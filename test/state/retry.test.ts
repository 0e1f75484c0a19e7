import t from 'tap'
import { retryConflicts } from '../../src/state/retry.js'

t.test('an attempt is repeated until it decides', async (t) => {
  let count = 0
  t.equal(await retryConflicts('x', undefined, async () => (++count < 4 ? undefined : count)), 4)
  await t.rejects(
    retryConflicts('x', undefined, async () => {
      throw new Error('no')
    }),
    { message: 'no' },
  )
})

t.test('it ends with the deadline and after 64 attempts', async (t) => {
  const abort = new AbortController()
  let count = 0
  const attempt = async (): Promise<undefined> => {
    count += 1
    if (count === 3) abort.abort()
  }
  await t.rejects(retryConflicts('pool p', abort.signal, attempt), {
    code: 'DEADLINE_EXCEEDED',
    message: 'no decision on pool p before the deadline',
  })
  t.equal(count, 3)
  count = 10
  await t.rejects(retryConflicts('pool p', undefined, attempt), {
    code: 'STORE_CONFLICT',
    message: 'other hosts kept changing pool p: gave up after 64 attempts',
  })
  t.equal(count, 74)
})
