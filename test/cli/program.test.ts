/** The CLI against a real admin socket over a store in memory. */
import t, { type Test } from 'tap'
import { chores } from '../../src/control/records/chores.js'
import { pairOfHosts } from '../admin/resources.js'
import { idOf, type TestHost } from '../control/host.js'
import { until } from '../fakes/until.js'
import { cli, listen } from './run.js'

async function clusterOfTwo(t: Test) {
  const { a, b } = await pairOfHosts(t)
  return { a, b, socket: await listen(t, b) }
}

t.test('listings are tables for people and JSON for programs', async (t) => {
  const { a, b, socket } = await clusterOfTwo(t)
  const hosts = await cli(socket, 'hosts')
  t.match(hosts, { code: 0, err: '' })
  t.match(hosts.out, /^NAME +ID +VTEP +STATE +NETWORKS +ENDPOINTS +BLOCKS$/m)
  t.match(hosts.out, new RegExp(`^\\S+ +${a.identity.id} +192\\.0\\.2\\.1 +away +1 +1 +1$`, 'm'))
  t.match(hosts.out, new RegExp(`^\\S+ \\* +${b.identity.id} `, 'm'), 'the own one is marked')
  const networks = await cli(socket, 'networks', '--json')
  t.match(JSON.parse(networks.out), [
    { identity: 'pools:10.20.0.0/24', vnis: [256], subnets: ['10.20.0.0/24'], endpoints: 2 },
  ])
  const endpoints = await cli(socket, 'endpoints', '--json')
  t.same(
    JSON.parse(endpoints.out)
      .map(({ host }: { host: string }) => host)
      .sort(),
    [a.identity.id, b.identity.id].sort(),
  )
  const some = await cli(socket, 'endpoints', 'pools:10.20.0.0/24')
  t.match(some.out, new RegExp(`^pools:10\\.20\\.0\\.0/24 +${idOf('ca').slice(0, 12)} `, 'm'))
  const status = await cli(socket, 'status')
  t.match(status.out, new RegExp(`^host +\\S+ \\(${b.identity.id}\\)$`, 'm'))
  t.match(status.out, /^pools:10\.20\.0\.0\/24 .* 1 +1 +yes$/m)
  t.match(JSON.parse((await cli(socket, 'status', '--json')).out), { host: { id: b.identity.id } })
})

t.test('host rm frees a dead host, and says what', async (t) => {
  const { a, socket } = await clusterOfTwo(t)
  await a.close()
  a.store.unavailable = true
  const { code, out } = await cli(socket, 'host', 'rm', a.identity.id)
  t.equal(code, 0)
  t.match(out, /removed: 1 network, 1 endpoint, 1 pool, 1 block\n$/)
  const again = await cli(socket, 'host', 'rm', a.identity.id)
  t.equal(again.code, 1)
  t.match(again.err, /^tsoverlay: the cluster has no host ".*": it has \S+\n$/)
})

t.test('a host that runs is refused, unless forced', async (t) => {
  const { a, socket } = await clusterOfTwo(t)
  await a.presence.start()
  const refused = await cli(socket, 'host', 'rm', a.identity.id)
  t.equal(refused.code, 1)
  t.match(refused.err, new RegExp(`^tsoverlay: host \\S+ \\(${a.identity.id}\\) runs: [^\n]*\n$`))
  t.match(await cli(socket, 'host', 'rm', a.identity.id, '--force'), { code: 0, err: '' })
})

t.test('a removal that takes long tells how far it is', async (t) => {
  const { a, b } = await clusterOfTwo(t)
  const slow = b.store.peer()
  const socket = await listen(t, b, slow)
  await a.close()
  a.store.unavailable = true
  slow.delay = 400
  const { code, err } = await cli(socket, 'host', 'rm', a.identity.id)
  t.equal(code, 0)
  t.match(err, /^removing \S+: (network|subnet) 1 of 1$/m)
})

t.test('failures are one line on stderr and exit code 1', async (t) => {
  const { b, socket } = await clusterOfTwo(t)
  const unknown = await cli(socket, 'endpoints', 'green')
  t.equal(unknown.code, 1)
  t.match(unknown.err, /^tsoverlay: the cluster has no network "green": [^\n]*\n$/)
  b.store.unavailable = true
  const away = await cli(socket, 'hosts')
  t.equal(away.code, 1)
  t.match(away.err, /^tsoverlay: store in memory failed: connection refused\n$/)
  const nowhere = await cli('/nowhere/admin.sock', 'status')
  t.match(nowhere, { code: 1, out: '' })
  t.match(nowhere.err, /^tsoverlay: the plugin does not run on this host: [^\n]*\n$/)
  t.match(await cli(socket, 'status', '--socket', '/else/where.sock'), {
    code: 1,
    err: /\/else\/where/,
  })
})

t.test('wrong usage is exit code 2, help is not', async (t) => {
  for (const argv of [
    ['frobnicate'],
    ['host'],
    ['host', 'rm'],
    ['status', '--wrong'],
    ['hosts', 'a'],
  ]) {
    const { code, err } = await cli('/nowhere', ...argv)
    t.equal(code, 2, argv.join(' '))
    t.not(err, '')
  }
  const help = await cli('/nowhere', '--help')
  t.match(help, { code: 0, err: '' })
  for (const command of ['status', 'hosts', 'networks', 'endpoints', 'host', '--socket'])
    t.match(help.out, command)
  t.match(await cli('/nowhere', 'host', 'rm', '--help'), { code: 0, out: /--force/ })
})

async function named(at: TestHost, id: string, names: readonly string[]): Promise<void> {
  const endpoint = at.journal.endpoints.get(id)
  if (endpoint === undefined) throw new Error('no endpoint')
  at.journal.endpoints.put({ ...endpoint, names })
  await at.outbox.submit(chores.publishEndpoint(endpoint))
}

t.test('dns: what is known, where it comes from, and what is not clear', async (t) => {
  const { a, b, socket } = await clusterOfTwo(t)
  await named(a, idOf('ca'), ['web', 'api', 'aaaaaaaaaaaa'])
  await named(b, idOf('cb'), ['web', 'bbbbbbbbbbbb'])
  const list = async () => (await cli(socket, 'dns', 'ls', '--ids')).out
  await until('both are known', async () => /aaaaaaaaaaaa/.test(await list()))
  const table = (await cli(socket, 'dns', 'ls')).out
  t.notMatch(table, /aaaaaaaaaaaa/)
  t.match((await cli(socket, 'dns', 'ls', '--json')).out, /"name": "aaaaaaaaaaaa"/)
  t.match(table, /^NAME +NETWORK +ADDRESSES +SOURCE +NOTE$/m)
  t.match(table, /^api +\S+ +10\.20\.0\.\d+ +web on \S+$/m)
  t.match(table, /^web +\S+ +10\.20\.0\.\d+, 10\.20\.0\.\d+ +.* 2 containers have this name: /m)
  const json = JSON.parse((await cli(socket, 'dns', 'lookup', 'WEB.', '--json')).out)
  t.match(json, [{ name: 'web', sources: [{ host: b.identity.id }, { host: a.identity.id }] }])
  const [address] = json[0].sources[1].addresses
  t.match((await cli(socket, 'dns', 'lookup', address)).out, /^api /m)
  for (const as of ['web', 'bbbbbbbbbbbb', `${'b'.repeat(12)}cafe`, 'bbbb'])
    t.match(await cli(socket, 'dns', 'lookup', 'api', '--as', as), { code: 0, out: /^api /m }, as)
  const nobody = await cli(socket, 'dns', 'lookup', 'api', '--as', 'other')
  t.match(nobody, { code: 1, err: /^tsoverlay: option --as other is not valid: .* it has web\n$/ })
  const unknown = await cli(socket, 'dns', 'lookup', 'nobody')
  t.match(unknown, { code: 1, err: /^tsoverlay: the cluster does not know "nobody": [^\n]*\n$/ })
})

t.test('dns: names of what is no container', async (t) => {
  const { a, b, socket } = await clusterOfTwo(t)
  await named(b, idOf('cb'), ['web', 'bbbbbbbbbbbb'])
  const added = await cli(socket, 'dns', 'add', 'Printer.Example', '192.0.2.9', '2001:DB8::9')
  t.match(added, { code: 0, err: '' })
  const socketOfA = await listen(t, a)
  const known = async () => (await cli(socketOfA, 'dns', 'lookup', 'printer.example')).out
  await until('the other host knows it', async () => /^printer/m.test(await known()))
  t.match(await known(), /^printer\.example +all +192\.0\.2\.9, 2001:db8::9 +dns add$/m)
  t.match((await cli(socket, 'dns', 'lookup', '2001:db8:0::9')).out, /^printer\.example /m)
  await cli(socket, 'dns', 'add', 'web', '192.0.2.10')
  await until('it is noted', async () => {
    return /^web .*of a container, and by dns add$/m.test((await cli(socket, 'dns', 'ls')).out)
  })
  t.match(await cli(socket, 'dns', 'rm', 'printer.example'), { code: 0 })
  await until('it is gone', async () => !/^printer/m.test(await known()))
  t.match(await cli(socket, 'dns', 'rm', 'printer.example'), { code: 1, err: /nobody has added/ })
})

t.test('dns: bad names and addresses are one clear error', async (t) => {
  const { socket } = await clusterOfTwo(t)
  const bad = [
    '-x',
    'a..b',
    '.a',
    'a.',
    'ä',
    'a b',
    'x'.repeat(64),
    '10.0.0.1',
    `${'a.'.repeat(130)}b`,
  ]
  for (const name of [...bad, 'a/b']) {
    const { code, err } = await cli(socket, 'dns', 'add', '--', name, '192.0.2.9')
    t.equal(code, 1, name)
    t.match(err, /^tsoverlay: name ".*" is not valid: allowed are [^\n]*\n$/, name)
  }
  for (const address of ['192.0.2.300', '192.0.2.1/24', 'fe80::1%eth0', 'web', '']) {
    const { code, err } = await cli(socket, 'dns', 'add', 'x', '192.0.2.9', address)
    t.match({ code, err }, { code: 1, err: /^tsoverlay: address ".*" is not valid: allowed are / })
  }
  for (const argv of [
    ['dns'],
    ['dns', 'add'],
    ['dns', 'add', 'x'],
    ['dns', 'rm'],
    ['dns', 'lookup'],
  ])
    t.equal((await cli(socket, ...argv)).code, 2, argv.join(' '))
  t.match(await cli(socket, 'dns', 'rm', 'a b'), { code: 1, err: /is not valid/ })
})
