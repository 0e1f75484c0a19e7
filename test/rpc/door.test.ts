/** Sockets that are open before there is anybody to answer. */
import { existsSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Door } from '../../src/rpc/door.js'
import { createRpcServer } from '../../src/rpc/server.js'
import { Dockerd, tempDir } from './dockerd.js'
import { fakeIpam, fakeLogger, fakeNetwork, Recorder } from './fake-drivers.js'
import { REQUESTS } from './golden.js'

const LEAVE = REQUESTS['NetworkDriver.Leave']

t.test('calls wait for the server, and none is lost or made twice', async (t) => {
  const path = join(tempDir(t), 's.sock')
  const door = new Door()
  await door.listen(path)
  t.equal(lstatSync(path).mode & 0o777, 0o600)
  const dockerds = Array.from({ length: 3 }, () => new Dockerd(path))
  const early = dockerds.map((dockerd) => dockerd.call('NetworkDriver.Leave', LEAVE))
  const recorder = new Recorder()
  const server = createRpcServer({
    network: fakeNetwork(recorder),
    ipam: fakeIpam(recorder),
    logger: fakeLogger([]),
    door,
  })
  t.equal(await Promise.race([...early, 'nothing yet']), 'nothing yet')
  await server.listen(path)
  for (const answer of await Promise.all(early)) t.equal(answer.status, 200)
  for (const dockerd of dockerds) {
    t.equal((await dockerd.call('NetworkDriver.Leave', LEAVE)).status, 200)
    dockerd.close()
  }
  t.equal(recorder.calls.length, 6)
  await server.close()
  t.notOk(existsSync(path))
})

t.test('a start that fails takes the sockets away and lets nobody wait', async (t) => {
  const path = join(tempDir(t), 's.sock')
  const door = new Door()
  await door.listen(path)
  const dockerd = new Dockerd(path)
  const refused = t.rejects(dockerd.call('NetworkDriver.Leave', LEAVE))
  await new Promise((resolve) => setTimeout(resolve, 50))
  await door.shut()
  await refused
  t.notOk(existsSync(path))
  dockerd.close()
})
