import { spawn } from 'node:child_process'
import t from 'tap'
import { identify, isAlive, signal, waitGone } from './processes.js'

t.test('a process is signalled only while it is the one that was recorded', async (t) => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  t.teardown(() => child.kill())
  const id = identify(child.pid ?? 0)
  if (id === undefined) throw new Error('sleep has no identity')
  t.ok(isAlive(id))
  t.notOk(signal({ ...id, startTime: '1' }, 'SIGKILL'), 'a pid that was given out again')
  t.notOk(signal({ ...id, bootId: 'another boot' }, 'SIGKILL'))
  t.ok(isAlive(id))
  t.ok(signal(id, 'SIGKILL'))
  await waitGone(id, 5_000)
  t.notOk(signal(id, 'SIGKILL'), 'it has ended')
})

t.test('no process has a pid that was never given out', async (t) => {
  t.equal(identify(2 ** 30), undefined)
})
