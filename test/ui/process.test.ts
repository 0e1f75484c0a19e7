/** `tsoverlay ui` as a process of its own: it begins, refuses and ends. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import t from 'tap'
import { PAGE_FILES } from './browser.js'
import { THREE, testCluster } from './fixture.js'

const CLI = join(PAGE_FILES, '..', 'cli.js')
const run = promisify(execFile)

/** @returns the process, and the URL that it has printed */
async function start(socket: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [CLI, '--socket', socket, 'ui', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { child, url }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(`it serves until ${signal}, with requests that go on`, async (t) => {
    const cluster = await testCluster(t, THREE)
    const { child, url } = await start(cluster.socketPath)
    t.teardown(() => child.kill('SIGKILL'))
    t.match(await (await fetch(url)).text(), /<title>tsoverlay<\/title>/)
    const events = await fetch(`${url}api/events`)
    t.equal(events.status, 200)
    child.kill(signal)
    t.strictSame(await once(child, 'exit'), [0, null])
    await t.rejects(fetch(url))
    await events.body?.cancel().catch(() => undefined)
  })
}

t.test('a port that is in use, or is none, is one line', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const outcome = (wanted: string) =>
    run(process.execPath, [CLI, 'ui', '--port', wanted]).catch((error: unknown) => error)
  t.match(await outcome(`${port}`), {
    code: 1,
    stderr: `tsoverlay: port ${port} of 127.0.0.1 is in use: --port names another, --port 0 takes any\n`,
  })
  for (const wanted of ['65536', '-1', 'x', '']) {
    t.match(await outcome(wanted), { code: 2, stderr: /^tsoverlay: --port .* is no port: 0 to 65535/ })
  }
})
