import { readFileSync } from 'node:fs'
import t from 'tap'
import { RecentLines } from '../../src/core/recent-lines.js'
import { withoutSecrets } from '../../src/core/secrets.js'
import { SETTINGS, settingsOf } from '../../src/core/settings.js'

t.test('passwords, tokens, keys and credentials are taken out, in all their forms', async (t) => {
  const key = '-----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY-----'
  for (const text of [
    'password=hunter2',
    'STORE_PASSWORD: hunter2',
    '{"password":"hunter2","a":1}',
    '{"dbPassword" : "hunter2 with \' and blanks"}',
    JSON.stringify({ msg: JSON.stringify({ token: 'hunter2' }) }),
    JSON.stringify([JSON.stringify({ msg: JSON.stringify({ client_secret: 'hunter2' }) })]),
    'https://root:hunter2@etcd:2379',
    'http://a:1,http://root:hunter2@b:2',
    'http://root:hunter2/@:x@b:2',
    'Authorization: Bearer hunter2',
    '{"authorization":"Basic hunter2"}',
    'authorization=hunter2',
    'api_key=hunter2 private-key: hunter2 credentials=hunter2',
    key,
    JSON.stringify({ key }),
  ]) {
    const left = withoutSecrets(text)
    t.notMatch(left, 'hunter2', text)
    t.match(left, '***')
  }
})

t.test('all else stays', async (t) => {
  for (const text of [
    'http://etcd:2379 answers',
    '{"name":"web","addresses":["10.20.0.2/16"],"note":"a@b"}',
    'tokenless words: x',
    '{"msg":"the key of the network","key":"d0c4e7"}',
  ])
    t.equal(withoutSecrets(text), text)
  t.equal(withoutSecrets('{"password":"x","port":4789}'), '{"password":"***","port":4789}')
})

t.test('settings are shown without what opens a door, and all are known', async (t) => {
  t.same(
    settingsOf({ STORE: 'http://u:p@e:1', STORE_USER: 'root', SCOPE: 'local', PATH: '/bin' }),
    { STORE: 'http://***@e:1', STORE_USER: '***', SCOPE: 'local' },
  )
  const manifest = JSON.parse(readFileSync(new URL('../../config.json', import.meta.url), 'utf8'))
  const settable = manifest.env
    .filter(({ settable = [] }: { settable?: string[] }) => settable.includes('value'))
    .map(({ name }: { name: string }) => name)
    // of glibc
    .filter((name: string) => name !== 'MALLOC_ARENA_MAX')
  t.same([...SETTINGS].sort(), settable.sort())
})

t.test('the last lines are kept', async (t) => {
  const lines = new RecentLines(3)
  for (const line of ['a\n', 'b\n', 'c\n', 'd\n', 'e\n', 'f\n', 'g\n']) lines.add(line)
  t.same(lines.list(), ['e', 'f', 'g'])
})
