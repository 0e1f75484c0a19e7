/** The CLI as a process: readers that leave, colour, ctrl-C, and a plugin of another kind. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { wantsColour } from '../../src/cli/colour.js'
import { program } from '../../src/cli/program.js'
import { pairOfHosts } from '../admin/resources.js'
import { folder } from '../fakes/folder.js'
import { installCli } from './bundled.js'
import { cli, listen } from './run.js'

async function installed(t: Test) {
  const { b } = await pairOfHosts(t)
  const socket = await listen(t, b)
  const dir = folder(t)
  chmodSync(dir, 0o755)
  return { socket, command: await installCli(dir, socket) }
}

t.test('a reader that leaves is no error, for any verb', async (t) => {
  const { command } = await installed(t)
  const verbs = ['status', 'hosts', 'networks', 'endpoints', 'ipam', 'dns ls', 'man', '--help']
  verbs.push('hosts --json', 'diag -o /dev/null', 'completion bash')
  for (const verb of verbs) {
    const child = spawn('bash', ['-o', 'pipefail', '-c', `${command} ${verb} | true`])
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    t.same({ code, said }, { code: 0, said: '' }, verb)
  }
})

t.test('watch ends by ctrl-C, and when nobody reads, without a word', async (t) => {
  const { command } = await installed(t)
  const child = spawn(command, ['watch'])
  const said = text(child.stderr)
  await once(child.stdout, 'data')
  child.kill('SIGINT')
  const [code] = await once(child, 'exit')
  t.same({ code, said: await said }, { code: 0, said: '' })
})

t.test('colour is for terminals only, and NO_COLOR forbids it', async (t) => {
  const { command, socket } = await installed(t)
  t.equal(wantsColour(true, {}), true)
  t.equal(wantsColour(false, {}), false)
  t.equal(wantsColour(true, { NO_COLOR: '1' }), false)
  t.equal(wantsColour(true, { TERM: 'dumb' }), false)
  t.notMatch((await cli(socket, 'hosts')).out, '\u001b')
  // script(1) runs it on a terminal of its own
  const onTerminal = (env: Record<string, string>): Promise<string> => {
    const child = spawn('script', ['-qec', `${command} hosts`, '/dev/null'], {
      env: { PATH: '/usr/bin:/bin', TERM: 'xterm', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    return text(child.stdout)
  }
  t.match(await onTerminal({}), '\u001b[31maway')
  t.notMatch(await onTerminal({ NO_COLOR: '1' }), '\u001b')
})

t.test('a plugin of another version is named, where it does not know what is asked', async (t) => {
  const { socket } = await installed(t)
  const socketOfOther = `${folder(t)}/admin.sock`
  const other = createServer((_request, response) => {
    response.writeHead(404, { 'tsoverlay-version': '0.0.7' }).end('{"message":"Not Found"}')
  })
  await once(other.listen(socketOfOther), 'listening')
  t.teardown(() => other.close())
  t.match(await cli(socketOfOther, 'ipam'), {
    code: 1,
    err: /the plugin is of version 0\.0\.7, this command of \d/,
  })
  t.notMatch((await cli(socket, 'endpoints', 'green')).err, /version/, 'not else')
})

t.test('only root may ask, and is told so', async (t) => {
  const { command } = await installed(t)
  const nobody = ['--reuid=65534', '--clear-groups', '--', 'sh', command, 'status']
  const { status, stderr } = spawnSync('setpriv', nobody, { encoding: 'utf8' })
  t.equal(status, 1)
  t.match(stderr, /^tsoverlay: only root may use the admin socket [^\n]*\n$/)
})

t.test('all verbs are in the help', async (t) => {
  const root = program({ env: {}, out: () => {}, err: () => {} }, () => {})
  const { out } = await cli('/nowhere', '--help')
  for (const verb of root.createHelp().visibleCommands(root)) t.match(out, verb.name())
  t.notMatch(out, '__complete')
})
