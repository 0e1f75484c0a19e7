import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Logger } from '../../src/core/ports.js'
import { EmbeddedEtcd } from '../../src/state/embedded-etcd.js'
import { createEtcdStore } from '../../src/state/etcd-store.js'
import { ETCD_BINARY, etcdVersion } from '../contract/etcd-process.js'
import { retrying } from '../contract/harness.js'

t.setTimeout(120_000)
if (etcdVersion() === undefined) t.bailout('etcd is not installed: apt-get install etcd-server')

interface Line {
  readonly level: string
  readonly message: string
  readonly fields: object
}

function logger(): { lines: Line[]; log: Logger } {
  const lines: Line[] = []
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, message, fields })
  }
  return {
    lines,
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
  }
}

function embedded(t: Test, dataDir: string, binary = ETCD_BINARY) {
  const { lines, log } = logger()
  const etcd = new EmbeddedEtcd({ binary, dataDir, logger: log })
  t.teardown(() => etcd.stop())
  return { etcd, lines }
}

function connect(t: Test, endpoints: readonly string[]) {
  const config = { endpoints: [], prefix: '/tsoverlay' }
  const store = createEtcdStore({ config, endpoints, logger: logger().log })
  t.teardown(() => store.close())
  return store
}

/** True while the process lives; a zombie does not. */
function lives(pid: number): boolean {
  const file = `/proc/${pid}/stat`
  return existsSync(file) && !/\) Z /.test(readFileSync(file, 'utf8'))
}

t.test('it answers at once with its endpoint and is usable soon', async (t) => {
  const dataDir = join(t.testdir(), 'deep', 'etcd')
  const { etcd } = embedded(t, dataDir)
  const started = Date.now()
  const endpoints = await etcd.start()
  t.ok(Date.now() - started < 1_000)
  t.match(endpoints, [/^http:\/\/127\.0\.0\.1:\d+$/])
  t.equal(statSync(dataDir).mode & 0o777, 0o700)
  const store = connect(t, endpoints)
  await retrying(() => store.txn([], [{ put: '/a', value: '1' }]))
  const pid = etcd.pid ?? 0
  t.ok(lives(pid))
  await etcd.stop()
  t.notOk(lives(pid))
  t.equal(existsSync(join(dataDir, 'pid')), false)
  await etcd.stop()
})

t.test('what was written is there after a start on other ports', async (t) => {
  const dataDir = t.testdir()
  const first = embedded(t, dataDir)
  const before = await first.etcd.start()
  const writer = connect(t, before)
  await retrying(() => writer.txn([], [{ put: '/a', value: 'kept' }]))
  await first.etcd.stop()
  const second = embedded(t, dataDir)
  const after = await second.etcd.start()
  t.notSame(after, before)
  const reader = connect(t, after)
  t.match(await retrying(() => reader.get('/a')), { value: 'kept' })
  t.equal((await reader.txn([], [{ put: '/b', value: '1' }])).done, true, 'it can write, too')
})

t.test('it is started again on the same port when it dies', async (t) => {
  const { etcd, lines } = embedded(t, t.testdir())
  const store = connect(t, await etcd.start())
  await retrying(() => store.txn([], [{ put: '/a', value: '1' }]))
  const pid = etcd.pid ?? 0
  process.kill(pid, 'SIGKILL')
  t.match(await retrying(() => store.get('/a')), { value: '1' })
  t.not(etcd.pid, pid)
  t.match(
    lines.find(({ level }) => level === 'error'),
    { message: 'embedded etcd ended, starting it again', fields: { signal: 'SIGKILL' } },
  )
})

t.test('an etcd left over by a killed plugin is ended and its data taken over', async (t) => {
  const dataDir = t.testdir()
  const left = embedded(t, dataDir)
  const writer = connect(t, await left.etcd.start())
  await retrying(() => writer.txn([], [{ put: '/a', value: 'kept' }]))
  const stale = left.etcd.pid ?? 0
  // the plugin is gone: nobody starts it again
  const { lines, etcd } = embedded(t, dataDir)
  const started = Date.now()
  const endpoints = await etcd.start()
  t.ok(Date.now() - started < 1_000)
  t.notOk(lives(stale))
  t.match(lines[0], {
    message: 'ending the etcd of a plugin that was killed',
    fields: { pid: stale },
  })
  await left.etcd.stop()
  const reader = connect(t, endpoints)
  t.match(await retrying(() => reader.get('/a')), { value: 'kept' })
})

t.test('a process that only looks like it is left alone', async (t) => {
  const dataDir = t.testdir()
  const flag = `--data-dir=${join(dataDir, 'data')}`
  const sleeper = 'setTimeout(() => {}, 60000)'
  const run = (argv0: string, cwd: string): ChildProcess =>
    spawn(process.execPath, ['-e', sleeper, '--', flag], { argv0, cwd, stdio: 'ignore' })
  const others = [run('etcd', '/'), run('node', dataDir)]
  t.teardown(() => others.map((child) => child.kill('SIGKILL')))
  await Promise.all(others.map((child) => once(child, 'spawn')))
  for (const other of others) {
    writeFileSync(join(dataDir, 'pid'), `${other.pid}\n`)
    const { etcd } = embedded(t, dataDir)
    await etcd.start()
    await etcd.stop()
    t.ok(lives(other.pid ?? 0))
  }
  for (const text of ['1', '-1', 'rubbish', '999999999']) {
    writeFileSync(join(dataDir, 'pid'), text)
    const { etcd } = embedded(t, dataDir)
    await etcd.start()
    await etcd.stop()
  }
})

t.test('a binary that is not there is an error that names it', async (t) => {
  const { etcd } = embedded(t, t.testdir(), '/nowhere/etcd')
  await t.rejects(etcd.start(), {
    code: 'STORE_UNAVAILABLE',
    message: /^embedded etcd "\/nowhere\/etcd" cannot run in/,
  })
  await etcd.stop()
})

t.test('one that ends again and again is retried ever more slowly, its words logged', async (t) => {
  const dir = t.testdir()
  const binary = join(dir, 'etcd')
  const info = '{"level":"info","msg":"hello"}'
  const warn = '{"level":"warn","msg":"oh"}'
  writeFileSync(
    binary,
    `#!/bin/sh\necho '${info}'\necho '${warn}' >&2\necho 'panic: x' >&2\nexit 3\n`,
  )
  chmodSync(binary, 0o755)
  const { etcd, lines } = embedded(t, join(dir, 'data'), binary)
  await etcd.start()
  await sleep(1_000)
  await etcd.stop()
  const delays = lines.flatMap(({ fields }) => ('delay' in fields ? [fields.delay] : []))
  t.same(delays.slice(0, 2), [200, 400])
  const said = lines.filter(({ message }) => message === 'embedded etcd says')
  t.match(
    said.find(({ fields }) => 'line' in fields && fields.line === info),
    { level: 'debug' },
  )
  for (const line of [warn, 'panic: x']) {
    t.match(
      said.find(({ fields }) => 'line' in fields && fields.line === line),
      { level: 'warn' },
    )
  }
})

t.test('one that ignores SIGTERM is killed after five seconds', async (t) => {
  const dir = t.testdir()
  const binary = join(dir, 'etcd')
  writeFileSync(binary, `#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n`)
  chmodSync(binary, 0o755)
  const { etcd } = embedded(t, join(dir, 'data'), binary)
  await etcd.start()
  await sleep(200)
  const pid = etcd.pid ?? 0
  const started = Date.now()
  await etcd.stop()
  t.ok(Date.now() - started > 4_500)
  t.notOk(lives(pid))
})
