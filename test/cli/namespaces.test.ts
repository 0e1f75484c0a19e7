import t from 'tap'
import { findNamespace } from '../../src/cli/namespaces.js'
import { guarded } from '../../src/cli/verbs/netns.js'
import type { NamespaceReport } from '../../src/core/admin/kernel.js'

const report = (name: string, more: Partial<NamespaceReport> = {}): NamespaceReport => ({
  name,
  aliases: [],
  path: `/run/docker/netns/${name}`,
  inode: 1,
  kind: 'container',
  owner: '',
  containers: [],
  links: [],
  ...more,
})
const WEB = report('aaaaaaaaaaaa', {
  owner: 'web',
  containers: [{ id: 'c0ffee01'.padEnd(64, '0'), name: 'web', networks: ['shop'] }],
})
const DB = report('aabbbbbbbbbb', {
  owner: 'db',
  containers: [{ id: 'c0ffee02'.padEnd(64, '0'), name: 'db', networks: ['shop'] }],
})
const SHOP = report('1-0123456789', {
  kind: 'network',
  owner: 'network shop',
  network: 'shop',
  networkId: '0123456789'.padEnd(64, '0'),
})
const BALANCER = report('lb_012345678', { kind: 'docker', network: 'shop', owner: 'balancer' })
const ALL = [
  report('host', { kind: 'host', aliases: ['default'], path: '' }),
  WEB,
  DB,
  BALANCER,
  SHOP,
]

t.test('a namespace is found by whatever people call it', async (t) => {
  for (const [wanted, found] of [
    ['web', WEB],
    ['aaaaaaaaaaaa', WEB],
    ['aaa', WEB],
    ['c0ffee01', WEB],
    ['c0ffee01'.padEnd(64, '0'), WEB],
    ['shop', SHOP],
    ['0123', SHOP],
    ['1-0', SHOP],
    ['lb_', BALANCER],
    ['default', ALL[0]],
  ] as const) {
    t.equal(findNamespace(ALL, wanted), found, wanted)
  }
})

t.test('the beginning of several names the candidates', async (t) => {
  t.throws(() => findNamespace(ALL, 'aa'), {
    exitCode: 1,
    message:
      "'aa' may be any of aaaaaaaaaaaa (web, namespace aaaaaaaaaaaa), aabbbbbbbbbb (db, namespace aabbbbbbbbbb)",
  })
  t.throws(() => findNamespace(ALL, 'c0ffee'), {
    message:
      "'c0ffee' may be any of c0ffee010000 (container web, namespace aaaaaaaaaaaa), c0ffee020000 (container db, namespace aabbbbbbbbbb)",
  })
})

t.test('a container of one name is meant before a network of that name', async (t) => {
  const same = { ...WEB, containers: [{ id: 'd0', name: 'shop', networks: [] }] }
  t.equal(findNamespace([SHOP, same], 'shop'), same)
})

t.test('nothing there is told in the words of docker_netns.sh', async (t) => {
  for (const wanted of ['nowhere', '']) {
    t.throws(() => findNamespace(ALL, wanted), {
      exitCode: 1,
      message: `Cannot open network namespace '${wanted}': No such file or directory`,
    })
  }
})

t.test('what stands behind the name is the command’s', async (t) => {
  const typed = (line: string): string => guarded(line.split(' ')).join(' ')
  t.equal(typed('netns web ip -d link --json'), 'netns web -- ip -d link --json')
  t.equal(typed('--socket /x netns --json web ls -h'), '--socket /x netns --json web -- ls -h')
  t.equal(typed('netns --socket /x web ls'), 'netns --socket /x web -- ls')
  for (const line of [
    'netns',
    'netns web',
    'netns web --json',
    'netns --help',
    'netns web -- ls -l',
    'netns -- web ls',
    'dns lookup netns x',
    'status --json',
  ]) {
    t.equal(typed(line), line)
  }
})
