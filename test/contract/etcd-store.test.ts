import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { EtcdProcess, etcdVersion, freePort } from './etcd-process.js'
import { Follower } from './follower.js'
import { retrying } from './harness.js'
import { mute, proxy } from './network.js'
import { connect, outcome, single } from './real-store.js'
import { storeContract } from './store.contract.js'

if (etcdVersion() === undefined) t.bailout('etcd is not installed: apt-get install etcd-server')

// real time: leases run out, connections hang
t.setTimeout(240_000)

t.test('the contract', async (t) => {
  const etcd = await EtcdProcess.create()
  t.teardown(() => etcd.remove())
  await storeContract(t, {
    open: (prefix) => connect([etcd.endpoint], prefix === undefined ? {} : { prefix }),
    compact: () => etcd.compact(),
    interrupt: async (during) => {
      await etcd.kill()
      await during()
      await etcd.start()
    },
  })
})

t.test('an endpoint where nobody listens is refused, by name', async (t) => {
  const endpoint = `http://127.0.0.1:${await freePort()}`
  const store = connect([endpoint])
  const { message } = await outcome(store.get('/a'))
  t.equal(message, `etcd at ${endpoint} (setting STORE) failed to get /a: connection refused`)
  const named = connect(['http://no-such-host.invalid:2379'])
  t.match((await outcome(named.get('/a'))).message, /: its name does not resolve$/)
  await Promise.all([store.close(), named.close()])
})

t.test('a call that meets a restarting etcd waits for it, a write too', async (t) => {
  const { etcd, store } = await single(t)
  await etcd.kill()
  const calls = [store.get('/a'), store.txn([], [{ put: '/a', value: '1' }])]
  const outcomes = calls.map((call) => outcome(call))
  await etcd.start()
  for (const { message } of await Promise.all(outcomes)) t.equal(message, 'success')
})

t.test('an endpoint that swallows packets is given up after three seconds', async (t) => {
  const store = connect([await mute(t)])
  const { message, took } = await outcome(store.txn([], [{ put: '/a', value: '1' }]))
  t.match(message, /failed to write \/a: timed out after 3\.\d s$/)
  t.ok(took > 2_500 && took < 4_000)
  await store.close()
})

t.test('of several endpoints the dead ones are passed by', async (t) => {
  const { etcd } = await single(t)
  const hanging = await mute(t)
  const dead = `http://127.0.0.1:${await freePort()}`
  for (let turn = 0; turn < 6; turn++) {
    const store = connect([dead, etcd.endpoint, hanging])
    t.equal((await outcome(store.get('/a'))).message, 'success')
    t.equal((await outcome(store.txn([], [{ put: '/a', value: '1' }]))).message, 'success')
    await store.close()
  }
})

t.test('a stopped process fails calls in time, and all goes on when it is continued', async (t) => {
  const { etcd, store } = await single(t)
  await store.txn([], [{ put: '/s', value: '1' }])
  const follower = new Follower(store, '/s')
  t.teardown(() => follower.close())
  await follower.until((view) => view.get('/s') === '1')
  etcd.pause()
  const { message, took } = await outcome(store.txn([], [{ put: '/s', value: '2' }]))
  t.match(message, /timed out after 3\.\d s; whether it was done is not known$/)
  t.ok(took < 4_000)
  t.ok((await outcome(store.get('/s'))).took < 4_000)
  await sleep(5_000)
  etcd.resume()
  const back = Date.now()
  t.equal((await outcome(store.get('/s'))).message, 'success')
  t.ok(Date.now() - back < 1_000, 'the next call succeeds')
  await store.txn([], [{ put: '/s', value: '3' }])
  await follower.until((view) => view.get('/s') === '3', 5_000)
})

t.test('a hanging connection is noticed by a watch that nobody calls beside', async (t) => {
  const { etcd, store } = await single(t)
  const between = await proxy(t, etcd.endpoint)
  const watcher = connect([between.endpoint])
  t.teardown(() => watcher.close())
  await store.txn([], [{ put: '/h', value: '1' }])
  const follower = new Follower(watcher, '/h')
  await follower.until((view) => view.get('/h') === '1')
  between.swallow(true)
  await store.txn([], [{ put: '/h', value: '2' }])
  await sleep(200)
  t.equal(follower.view.get('/h'), '1')
  await sleep(9_500)
  between.swallow(false)
  await follower.until((view) => view.get('/h') === '2', 5_000)
  await follower.close()
})

t.test('etcd killed and started again under a watch loses and repeats nothing', async (t) => {
  const { etcd, store } = await single(t)
  const follower = new Follower(store, '/k/')
  t.teardown(() => follower.close())
  await follower.until(() => true)
  let writing = true
  const writer = (async () => {
    for (let n = 0; writing; n++) {
      await store.txn([], [{ put: `/k/${n % 50}`, value: String(n) }]).catch(() => sleep(50))
    }
  })()
  for (let turn = 0; turn < 3; turn++) {
    await sleep(300)
    await etcd.kill()
    await sleep(300)
    await etcd.start()
  }
  writing = false
  await writer
  const { revision } = await retrying(() => store.txn([], [{ put: '/k/end', value: 'end' }]))
  await follower.until((_, seen) => seen >= revision)
  const list = await store.list('/k/')
  t.same(follower.view, new Map(list.entries.map(({ key, value }) => [key, value])))
  t.same(follower.disorder, [])
})

t.test('an etcd that comes back empty empties the watch', async (t) => {
  const { etcd, store } = await single(t)
  await store.txn([], [{ put: '/e', value: '1' }])
  const follower = new Follower(store, '/')
  t.teardown(() => follower.close())
  await follower.until((view) => view.size === 1)
  await etcd.stop()
  etcd.wipe()
  await etcd.start()
  await follower.until((view) => view.size === 0)
})

t.test('a transaction whose answer is lost is not repeated', async (t) => {
  const { etcd, store } = await single(t)
  const between = await proxy(t, etcd.endpoint)
  const victim = connect([between.endpoint])
  t.teardown(() => victim.close())
  await victim.get('/warm')
  between.swallow(true)
  const claim = victim.txn([{ key: '/c', is: 'absent' }], [{ put: '/c', value: 'me' }])
  await retrying(async () => {
    if ((await store.get('/c')) === undefined) throw new Error('not yet')
  })
  between.cut()
  between.swallow(false)
  const { message } = await outcome(claim)
  t.match(message, /: connection lost; whether it was done is not known$/)
  t.match(await retrying(() => victim.get('/c')), { value: 'me' })
})

t.test('a lease is lost when etcd is away for longer than it lives', async (t) => {
  const { etcd, store } = await single(t)
  const lease = await store.lease(2)
  await store.txn([], [{ put: '/l', value: 'x', lease }])
  await etcd.kill()
  const started = Date.now()
  await once(lease.lost, 'abort')
  t.ok(Date.now() - started < 2_500)
  await etcd.start()
  await retrying(() => store.get('/l'))
  const next = await store.lease(2)
  await store.txn([], [{ put: '/l', value: 'y', lease: next }])
  await next.revoke()
  t.equal(await store.get('/l'), undefined)
})

t.test('a lease revoked behind our back is lost with the next use', async (t) => {
  const { etcd, store } = await single(t)
  const [used, kept] = [await store.lease(60), await store.lease(3)]
  for (const { id } of [used, kept]) await etcd.post('lease/revoke', { ID: id })
  t.match(
    (await outcome(store.txn([], [{ put: '/l', value: 'x', lease: used }]))).message,
    /lease not found/,
  )
  t.equal(used.lost.aborted, true)
  await once(kept.lost, 'abort')
  t.equal(kept.lost.aborted, true)
})

t.test('a process that closes its store ends by itself', async (t) => {
  const { etcd } = await single(t)
  const program = fileURLToPath(new URL('./use-and-close.ts', import.meta.url))
  for (const endpoint of [etcd.endpoint, 'http://127.0.0.1:1', await mute(t)]) {
    const child = spawn(process.execPath, ['--import', 'tsx', program, endpoint], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
    let text = ''
    child.stdout.on('data', (data) => {
      text += data
    })
    const [code] = await once(child, 'exit')
    clearTimeout(timer)
    t.equal(code, 0)
    const took = Number(/exit (\d+)/.exec(text)?.[1])
    t.ok(took < 1_500, `ended ${took} ms after close`)
  }
})
