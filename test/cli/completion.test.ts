/** Completion as bash, zsh and fish do it, with names of a cluster of two hosts. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { chores } from '../../src/control/records/chores.js'
import { pairOfHosts } from '../admin/resources.js'
import { idOf, type TestHost } from '../control/host.js'
import { folder } from '../fakes/folder.js'
import { until } from '../fakes/until.js'
import { installCli } from './bundled.js'
import { cli, listen } from './run.js'

const run = promisify(execFile)

async function named(at: TestHost, id: string, names: readonly string[]): Promise<void> {
  const endpoint = at.journal.endpoints.get(id)
  if (endpoint === undefined) throw new Error('no endpoint')
  at.journal.endpoints.put({ ...endpoint, names })
  await at.outbox.submit(chores.publishEndpoint(endpoint))
}

/** A cluster whose containers have names, and a folder with the command `tsoverlay` that asks it. */
async function clusterWithNames(t: Test) {
  const { a, b } = await pairOfHosts(t)
  const socket = await listen(t, b)
  await named(a, idOf('ca'), ['web-a'])
  await named(b, idOf('cb'), ['web-b', 'x$(touch /tmp/pwned)'])
  await until('names are known', async () => /web-a/.test((await cli(socket, 'dns', 'ls')).out))
  const bin = folder(t)
  await installCli(bin, socket)
  const env = { PATH: `${bin}:/usr/bin:/bin`, HOME: bin, TERM: 'dumb' }
  return { a, b, socket, bin, env }
}

const ask = async (socket: string, ...words: string[]) =>
  (await cli(socket, '__complete', '--', ...words)).out
    .split('\n')
    .map((line) => line.split('\t')[0])
    .filter((value) => value !== '')

t.test('what may stand where', async (t) => {
  const { a, b, socket } = await clusterWithNames(t)
  t.same(await ask(socket, 'ho'), ['hosts', 'host'])
  t.same(await ask(socket, 'host', ''), ['rm'])
  const ids = [a, b].map(({ identity }) => identity.name)
  t.same(await ask(socket, 'host', 'rm', ''), [...new Set(ids)])
  t.same(await ask(socket, 'endpoints', 'pools:'), ['pools:10.20.0.0/24'])
  t.same(await ask(socket, 'ipam', '10'), ['10.20.0.0/24'])
  t.same(await ask(socket, 'dns', 'lookup', 'x', '--as', 'web'), ['web-a', 'web-b'])
  t.same(await ask(socket, 'dns', 'lookup', '--as', 'web-a', 'web'), ['web-a', 'web-b'])
  t.same(await ask(socket, 'status', '--j'), ['--json'])
  t.same(await ask(socket, 'diag', '-o', ''), [':files'])
  t.same(await ask(socket, 'completion', ''), ['bash', 'zsh', 'fish'])
  t.same(await ask(socket, 'hosts', ''), [], 'nothing stands there')
  const all = await ask(socket, 'dns', 'lookup', '')
  t.notMatch(all.join(), /touch/, 'what a shell would run is not offered')
})

t.test('without the plugin verbs are completed, and names are not, without a word', async (t) => {
  const { code, out, err } = await cli('/nowhere', '__complete', '--', 'host', 'rm', '')
  t.same({ code, out, err }, { code: 0, out: '', err: '' })
  t.same(await ask('/nowhere', 'sta'), ['status'])
  t.match(await cli('/nowhere', 'completion', 'csh'), { code: 2, err: /bash, zsh, fish/ })
})

t.test('bash', async (t) => {
  const { env } = await clusterWithNames(t)
  const complete = async (line: string) => {
    const script = `source <(tsoverlay completion bash); COMP_LINE=$1; COMP_POINT=\${#1}; _tsoverlay; printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout } = await run('bash', ['--norc', '-c', script, 'bash', line], { env })
    return stdout.split('\n').filter((each) => each !== '')
  }
  t.same(await complete('tsoverlay ho'), ['hosts', 'host'])
  t.same(await complete('tsoverlay dns lookup --as we'), ['web-a', 'web-b'])
  t.same(
    await complete('tsoverlay endpoints pools:10'),
    ['10.20.0.0/24'],
    'bash keeps what is before the colon',
  )
  t.same(
    await complete('tsoverlay diag -o /etc/host'),
    (await run('bash', ['-c', 'compgen -f /etc/host'])).stdout.trim().split('\n'),
  )
})

t.test('zsh', async (t) => {
  const { env } = await clusterWithNames(t)
  // `words` and `CURRENT` are what zsh gives, `_describe` and `_files` what it has for completers
  const script = `
    compdef() { :; }
    _describe() { print -rl -- "\${(@P)2}"; }
    _files() { print FILES; }
    eval "$(tsoverlay completion zsh)"
    words=("$@"); CURRENT=$#
    _tsoverlay`
  const complete = async (...words: string[]) => {
    const { stdout } = await run('zsh', ['-f', '-c', script, 'zsh', 'tsoverlay', ...words], { env })
    return stdout.split('\n').filter((each) => each !== '')
  }
  t.match(await complete('hos'), ['hosts:hosts of the cluster', /^host:/])
  t.match(await complete('dns', 'lookup', '--as', 'we'), [/^web-a:container on/, /^web-b:/])
  t.match(await complete('endpoints', ''), [/^pools\\:10\.20\.0\.0\/24:network /])
  t.same(await complete('diag', '-o', ''), ['FILES'])
  t.same(await complete('hosts', ''), [])
})

t.test('fish', async (t) => {
  const { env } = await clusterWithNames(t)
  const complete = async (line: string) => {
    const script = 'tsoverlay completion fish | source; complete -C "$argv[1]"'
    const { stdout } = await run('fish', ['--no-config', '-c', script, line], { env })
    return stdout.split('\n').filter((each) => each !== '')
  }
  t.match(await complete('tsoverlay hos'), [/^host\t/, 'hosts\thosts of the cluster'])
  t.match(await complete('tsoverlay dns lookup --as we'), [/^web-a\tcontainer on /, /^web-b\t/])
  t.match(await complete('tsoverlay endpoints '), [/^pools:10\.20\.0\.0\/24\tnetwork /])
  t.match((await complete('tsoverlay diag -o /etc/hostn')).join(), '/etc/hostname')
})
