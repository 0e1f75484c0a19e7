import { once } from 'node:events'
import { existsSync, lstatSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { hasCode } from '../../src/core/errors.js'
import { bench, Dockerd, errorOf, listening, tempDir } from './dockerd.js'
import { REQUESTS } from './golden.js'

const LEAVE = REQUESTS['NetworkDriver.Leave']

t.test('one server answers on two sockets, each of mode 0600', async (t) => {
  const { server, recorder } = bench(t)
  const dir = tempDir(t)
  const paths = [join(dir, 'own.sock'), join(dir, 'host/run/plugins/tsoverlay.sock')]
  for (const path of paths) await server.listen(path)
  for (const path of paths) {
    const dockerd = new Dockerd(path)
    t.equal((await dockerd.call('NetworkDriver.Leave', LEAVE)).status, 200)
    dockerd.close()
    const { mode } = lstatSync(path)
    t.equal(mode & 0o777, 0o600)
    t.notOk(existsSync(`${path}.new`))
  }
  t.equal(recorder.calls.length, 2)
  await server.close()
  for (const path of paths) t.notOk(existsSync(path), 'gone with the server')
})

t.test('a stale socket is replaced, as a crash leaves it', async (t) => {
  const { server } = bench(t)
  const path = join(tempDir(t), 's.sock')
  const crashed = createServer().listen(`${path}.bound`)
  await once(crashed, 'listening')
  renameSync(`${path}.bound`, path)
  await new Promise((resolve) => crashed.close(resolve))
  t.ok(lstatSync(path).isSocket(), 'a socket that nobody listens on')
  writeFileSync(`${path}.new`, 'left by a crash between bind and rename')
  await server.listen(path)
  const dockerd = new Dockerd(path)
  t.equal((await dockerd.call('NetworkDriver.Leave', LEAVE)).status, 200)
  dockerd.close()
})

t.test('a socket on which somebody answers is refused and left alone', async (t) => {
  const { server } = bench(t)
  const { socket, dockerd } = await listening(t)
  const error = await server.listen(socket).catch((error: unknown) => error)
  t.ok(hasCode(error, 'SOCKET_IN_USE'))
  t.match(error, { message: `the plugin socket ${socket} is in use` })
  t.equal((await dockerd.call('NetworkDriver.Leave', LEAVE)).status, 200)
})

t.test('a path that is no socket is refused and left alone', async (t) => {
  const { server } = bench(t)
  const dir = tempDir(t)
  writeFileSync(join(dir, 'a.sock'), 'text')
  mkdirSync(join(dir, 'b.sock'))
  for (const name of ['a.sock', 'b.sock']) {
    await t.rejects(server.listen(join(dir, name)), { message: /is not a socket/ })
    t.ok(existsSync(join(dir, name)))
  }
})

t.test('a path that unix(7) has no room for is refused, not cut', async (t) => {
  const { server } = bench(t)
  const dir = tempDir(t)
  const name = 'x'.repeat(103 - dir.length - 1)
  await t.rejects(server.listen(join(dir, `${name}y`)), { message: /has too long a path$/ })
  await server.listen(join(dir, name))
  t.ok(existsSync(join(dir, name)))
})

t.test('close leaves a socket that another plugin has put in place of ours', async (t) => {
  const old = bench(t)
  const { socket, dockerd, server } = await listening(t)
  t.ok(existsSync(socket))
  const aside = `${socket}.aside`
  await old.server.listen(aside)
  renameSync(aside, socket)
  await server.close()
  t.ok(existsSync(socket))
  t.equal((await dockerd.call('NetworkDriver.Leave', LEAVE)).status, 200)
})

t.test(
  'close answers what is under way, ends idle connections and takes no new ones',
  async (t) => {
    const { server, socket, dockerd, recorder } = await listening(t)
    await dockerd.call('NetworkDriver.GetCapabilities')
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    recorder.behave('leave', () => gate)
    const idle = new Dockerd(socket)
    await idle.call('NetworkDriver.GetCapabilities')
    const under = dockerd.call('NetworkDriver.Leave', LEAVE)
    while (recorder.calls.length === 0) await sleep(5)
    const closed = server.close()
    while (existsSync(socket)) await sleep(5)
    await t.rejects(new Dockerd(socket).call('Plugin.Activate'), { code: 'ENOENT' })
    open()
    const answer = await under
    t.equal(answer.status, 200)
    t.equal(answer.headers.connection, 'close')
    await closed
    await t.rejects(idle.call('Plugin.Activate'))
    idle.close()
  },
)

t.test('close gives calls under way 5 s, then aborts them and drops half a request', async (t) => {
  const { server, socket, dockerd, recorder } = await listening(t, { deadlineMs: 60_000 })
  const half = connect(socket)
  half.on('error', () => {})
  half.write('POST /NetworkDriver.Leave HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{')
  recorder.behave('leave', (signal) => sleep(60_000, undefined, { signal }))
  recorder.behave('join', () => new Promise(() => {}))
  const aborted = dockerd.call('NetworkDriver.Leave', LEAVE)
  const hanging = dockerd.call('NetworkDriver.Join', REQUESTS['NetworkDriver.Join'])
  while (recorder.calls.length < 2) await sleep(5)
  await server.close()
  t.equal(errorOf((await aborted).body), 'NetworkDriver.Leave was ended as the plugin stops')
  t.equal(errorOf((await hanging).body), 'NetworkDriver.Join was ended as the plugin stops')
  if (!half.closed) await once(half, 'close')
  t.ok(half.closed)
})

t.test('close without any socket, and twice, is nothing', async (t) => {
  const { server } = bench(t)
  await server.close()
  await server.close()
  t.pass('both end')
})
