/**
 * The built rootfs runs the program: alone in a chroot, with namespaces of its own, without Docker.
 * Needs root.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { buildRootfs } from '../../plugin/rootfs.js'

const project = fileURLToPath(new URL('../..', import.meta.url))

/** What runc and dockerd mount around the program; `$1` is the rootfs. */
const SURROUNDINGS = `set -e
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount -t tmpfs tmpfs "$1/host/run"
mount -t tmpfs tmpfs "$1/data"
mkdir -p "$1/host/run/docker/plugins"
ip link set lo up
cd "$1"
exec env -u NODE_OPTIONS chroot "$1" /usr/bin/node /app/main.js`

interface Program {
  readonly child: ChildProcess
  readonly output: () => string
}

function start(rootfs: string, env: Readonly<Record<string, string>>): Program {
  const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child']
  const child = spawn('/usr/bin/unshare', [...namespaces, 'sh', '-c', SURROUNDINGS, 'sh', rootfs], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  return { child, output: () => output }
}

/** dockerd's call: POST with neither body nor Content-Type. */
function call(socketPath: string, method: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: `/${method}`, method: 'POST' }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      response.once('end', () => resolve(body))
    })
    sent.once('error', reject)
    sent.end()
  })
}

/** Calls until the socket answers, ten seconds at most. */
async function answer(program: Program, socketPath: string, method: string): Promise<string> {
  for (let tries = 0; tries < 100 && program.child.exitCode === null; tries++) {
    const body = await call(socketPath, method).catch(() => undefined)
    if (body !== undefined) return body
    await sleep(100)
  }
  throw new Error(`no answer to ${method}; the program printed: ${program.output()}`)
}

const skip = process.getuid?.() === 0 ? false : 'needs root for chroot and namespaces'

t.test('the plugin in its rootfs', { skip, timeout: 60_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tsoverlay-plugin-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const rootfs = join(folder, 'rootfs')
  await buildRootfs({
    project,
    rootfs,
    cache: join(project, 'build/cache'),
    report: (line) => t.comment(line),
  })

  t.test('a wrong setting stops the start with one line that names it', async (t) => {
    const program = start(rootfs, { SCOPE: 'sideways' })
    t.teardown(() => program.child.kill('SIGKILL'))
    for (let tries = 0; tries < 100 && program.output() === ''; tries++) await sleep(100)
    t.match(program.output(), /^[^\n]*SCOPE="sideways"[^\n]*local or global\n$/)
    t.notOk(existsSync(join(rootfs, 'run/docker/plugins/tsoverlay.sock')))
  })

  t.test(
    'dockerd gets its capabilities from the socket, on an etcd of the plugin’s own',
    async (t) => {
      const program = start(rootfs, { LOG_LEVEL: 'debug' })
      t.teardown(() => program.child.kill('SIGKILL'))
      const socket = join(rootfs, 'run/docker/plugins/tsoverlay.sock')
      const body = await answer(program, socket, 'NetworkDriver.GetCapabilities')
      t.match(JSON.parse(body), { Scope: 'local' })
    },
  )
})
