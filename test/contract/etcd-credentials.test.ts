import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EtcdProcess, etcdVersion } from './etcd-process.js'
import { Follower } from './follower.js'
import { retrying } from './harness.js'
import { makePki } from './pki.js'
import { connect, outcome, single } from './real-store.js'

if (etcdVersion() === undefined) t.bailout('etcd is not installed: apt-get install etcd-server')

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
