import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Silence } from '../../src/state/etcd-silence.js'
import { freePort } from '../contract/etcd-process.js'
import { until } from '../fakes/until.js'

async function listen(t: Test, port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return server
}

t.test('an endpoint that answers again is told of once', async (t) => {
  const port = await freePort()
  let ends = 0
  const silence = new Silence(`http://127.0.0.1:${port}`, () => {
    ends += 1
  })
  t.teardown(() => silence.over())
  silence.suspect()
  silence.suspect()
  await sleep(700)
  t.equal(ends, 0)
  await listen(t, port)
  await until('it is told', () => ends > 0)
  await sleep(700)
  t.equal(ends, 1)
})

t.test('one that answers at once was never silent', async (t) => {
  const port = await freePort()
  await listen(t, port)
  const silence = new Silence(`http://127.0.0.1:${port}`, () => t.fail('told of'))
  silence.suspect()
  await sleep(700)
})

t.test('nothing is told when nobody wants to know any more', async (t) => {
  const port = await freePort()
  const silence = new Silence(`http://127.0.0.1:${port}`, () => t.fail('told of'))
  silence.suspect()
  silence.over()
  await listen(t, port)
  await sleep(700)
})
