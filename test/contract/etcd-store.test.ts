import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect as connectTcp, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { StoreConfig } from '../../src/core/config.js'
import type { Logger, Store } from '../../src/core/ports.js'
import { createEtcdStore } from '../../src/state/etcd-store.js'
import { EtcdProcess, etcdVersion, freePort } from './etcd-process.js'
import { Follower } from './follower.js'
import { makePki } from './pki.js'
import { retrying, storeContract } from './store.contract.js'

if (etcdVersion() === undefined) t.bailout('etcd is not installed: apt-get install etcd-server')

// real time: leases run out, connections hang
t.setTimeout(240_000)

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

function connect(endpoints: readonly string[], more: Partial<StoreConfig> = {}): Store {
  const config = { endpoints, prefix: '/tsoverlay', ...more }
  return createEtcdStore({ config, endpoints, logger: silent })
}

/** One etcd and a store of its own for a test that ill-treats them. */
async function single(t: Test): Promise<{ etcd: EtcdProcess; store: Store }> {
  const etcd = await EtcdProcess.create()
  const store = connect([etcd.endpoint])
  t.teardown(async () => {
    await store.close()
    await etcd.remove()
  })
  return { etcd, store }
}

/** A listener that accepts and never says a word. @returns its URL */
async function mute(t: Test): Promise<string> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

/** A forwarder that can be told to swallow what the server answers. */
async function proxy(t: Test, endpoint: string) {
  const target = Number(new URL(endpoint).port)
  const sockets = new Set<Socket>()
  let swallow = false
  const server = createServer((client) => {
    const upstream = connectTcp(target, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
    }
    client.on('data', (data) => upstream.write(data))
    upstream.on('data', (data) => swallow || client.write(data))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(() => {
    cut()
    server.close()
  })
  return {
    endpoint: `http://127.0.0.1:${port}`,
    cut,
    swallow: (on: boolean) => {
      swallow = on
    },
  }
}

async function outcome(call: Promise<unknown>): Promise<{ message: string; took: number }> {
  const started = Date.now()
  const message = await call.then(
    () => 'success',
    (error: Error) => error.message,
  )
  return { message, took: Date.now() - started }
}

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

t.test('an endpoint where nobody listens is refused at once, by name', async (t) => {
  const endpoint = `http://127.0.0.1:${await freePort()}`
  const store = connect([endpoint])
  const { message, took } = await outcome(store.get('/a'))
  t.equal(message, `etcd at ${endpoint} (setting STORE) failed to get /a: connection refused`)
  t.ok(took < 1_000)
  const named = connect(['http://no-such-host.invalid:2379'])
  t.match((await outcome(named.get('/a'))).message, /: its name does not resolve$/)
  await Promise.all([store.close(), named.close()])
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

t.test('login: a wrong password, none at all, and a token that etcd has forgotten', async (t) => {
  const { etcd } = await single(t)
  await etcd.post('auth/user/add', { name: 'root', password: 'secret' })
  await etcd.post('auth/user/grant', { user: 'root', role: 'root' })
  await etcd.post('auth/enable', {})
  const dir = t.testdir({ right: 'secret\n', wrong: 'guess\n' })
  const as = (file: string) =>
    connect([etcd.endpoint], { user: 'root', passwordFile: join(dir, file) })
  const [right, wrong, nobody] = [as('right'), as('wrong'), connect([etcd.endpoint])]
  t.teardown(() => Promise.all([right, wrong, nobody].map((store) => store.close())))
  t.match((await outcome(wrong.get('/a'))).message, /authentication failed for STORE_USER/)
  t.match((await outcome(nobody.get('/a'))).message, /authentication needed: set STORE_USER/)
  t.equal((await outcome(right.txn([], [{ put: '/a', value: '1' }]))).message, 'success')
  const follower = new Follower(right, '/a')
  await follower.until((view) => view.get('/a') === '1')
  await etcd.kill()
  await etcd.start()
  await retrying(() => right.txn([], [{ put: '/a', value: '2' }]))
  await follower.until((view) => view.get('/a') === '2')
  await follower.close()
})

t.test('TLS: certificates are checked, and missing files name their setting', async (t) => {
  const dir = t.testdir()
  const pki = makePki(dir)
  const etcd = await EtcdProcess.create({
    secure: true,
    extra: [
      '--cert-file',
      pki.cert,
      '--key-file',
      pki.key,
      '--client-cert-auth',
      '--trusted-ca-file',
      pki.ca,
    ],
  })
  t.teardown(() => etcd.remove())
  const { ca, cert, key } = pki
  const [good, noCa, noCert] = [{ ca, cert, key }, { cert, key }, { ca }].map((more) =>
    connect([etcd.endpoint], more),
  )
  const plain = connect([etcd.endpoint.replace('https', 'http')])
  t.equal((await outcome(good?.get('/a') ?? Promise.reject())).message, 'success')
  t.match(
    (await outcome(noCa?.get('/a') ?? Promise.reject())).message,
    /: TLS failed \(.*certificate/,
  )
  t.match(
    (await outcome(noCert?.get('/a') ?? Promise.reject())).message,
    /TLS failed|connection lost/,
  )
  t.match((await outcome(plain.get('/a'))).message, /connection lost|timed out/)
  for (const store of [good, noCa, noCert, plain]) await store?.close()
  const missing = { ca: join(dir, 'none.pem') }
  t.throws(() => connect([etcd.endpoint], missing), {
    code: 'SETTING_INVALID',
    message: /^setting STORE_CA=".*none\.pem" cannot be read/,
  })
  writeFileSync(join(dir, 'empty'), '')
  t.throws(() => connect([etcd.endpoint], { user: 'x', passwordFile: join(dir, 'empty') }), {
    code: 'SETTING_INVALID',
    message: /^setting STORE_PASSWORD_FILE=/,
  })
})

t.test('a process that closes its store ends by itself', async (t) => {
  const { etcd } = await single(t)
  for (const endpoint of [etcd.endpoint, 'http://127.0.0.1:1', await mute(t)]) {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', 'test/contract/use-and-close.ts', endpoint],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
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
