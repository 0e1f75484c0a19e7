import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { TsoverlayError } from '../../src/core/errors.js'
import { bench, errorOf } from './dockerd.js'
import { REQUESTS } from './golden.js'

const JOIN = JSON.stringify(REQUESTS['NetworkDriver.Join'])
const LATE = /^NetworkDriver\.Join was not done within 30 ms$/

t.test('a use case that ends by the abort gives DEADLINE_EXCEEDED with the method', async (t) => {
  const { server, recorder, lines } = bench(t, { deadlineMs: 30 })
  const endings = [
    (signal: AbortSignal) => sleep(60_000, undefined, { signal }),
    (signal: AbortSignal) => sleep(50).then(() => signal.throwIfAborted()),
  ]
  for (const ending of endings) {
    lines.length = 0
    recorder.behave('join', ending)
    const answer = await server.inject('NetworkDriver.Join', JOIN)
    t.equal(answer.status, 500)
    t.match(errorOf(answer.body), LATE)
    t.match(lines, [{ level: 'warn', fields: { code: 'DEADLINE_EXCEEDED' } }])
  }
})

t.test('a use case that knows better why it failed is believed', async (t) => {
  const { server, recorder } = bench(t, { deadlineMs: 30 })
  recorder.behave('join', async (signal) => {
    await sleep(60)
    throw new TsoverlayError('STORE_UNAVAILABLE', `etcd is away, aborted ${signal.aborted}`)
  })
  const { body } = await server.inject('NetworkDriver.Join', JOIN)
  t.equal(errorOf(body), 'etcd is away, aborted true')
})

t.test('a use case that succeeds in the time for undoing is a success', async (t) => {
  const { server, recorder } = bench(t, { deadlineMs: 30 })
  recorder.behave('leave', () => sleep(100))
  const body = JSON.stringify(REQUESTS['NetworkDriver.Leave'])
  t.strictSame(await server.inject('NetworkDriver.Leave', body), { status: 200, body: {} })
})

t.test('a use case that hangs is answered for; its end is logged', async (t) => {
  const { server, recorder, lines } = bench(t, { deadlineMs: 30 })
  let end = (_: Error) => {}
  recorder.behave('join', () => new Promise((_, reject) => (end = reject)))
  const answer = await server.inject('NetworkDriver.Join', JOIN)
  t.match(errorOf(answer.body), LATE)
  t.equal(recorder.calls[0]?.signal?.aborted, true)
  t.equal(lines.length, 1)
  end(new Error('rolled back at last'))
  await sleep(1)
  t.match(lines[1], {
    level: 'warn',
    message: 'rpc call ended after its answer',
    fields: { method: 'NetworkDriver.Join', outcome: 'rolled back at last' },
  })
})

t.test('a call that is done in time is not aborted afterwards', async (t) => {
  const { server, recorder } = bench(t, { deadlineMs: 30 })
  t.equal((await server.inject('NetworkDriver.Join', JOIN)).status, 200)
  await sleep(60)
  t.equal(recorder.calls[0]?.signal?.aborted, false)
})

t.test('EndpointOperInfo, which takes no signal, is bounded too', async (t) => {
  const { server, recorder } = bench(t, { deadlineMs: 30 })
  recorder.behave('endpointInfo', () => new Promise(() => {}))
  const method = 'NetworkDriver.EndpointOperInfo'
  const { body } = await server.inject(method, JSON.stringify(REQUESTS[method]))
  t.equal(errorOf(body), `${method} was not done within 30 ms`)
})
