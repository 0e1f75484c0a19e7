import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { lockHost } from '../../src/state/host-lock.js'

const NAME = `\0tsoverlay-test-${process.pid}`
const MODULE = fileURLToPath(new URL('../../src/state/host-lock.ts', import.meta.url))

/** Another process that has the lock until it is killed. */
async function other(name: string) {
  const script = `import { lockHost } from ${JSON.stringify(MODULE)}
await lockHost(${JSON.stringify(name)}, 0)
console.log('locked')
setInterval(() => {}, 1000)`
  const argv = ['--import', 'tsx', '--input-type=module', '-e', script]
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

t.test('the lock is for one process, also after a kill -9', async (t) => {
  const child = await other(NAME)
  t.teardown(() => child.kill('SIGKILL'))
  await t.rejects(lockHost(NAME, 0), {
    code: 'SOCKET_IN_USE',
    message: new RegExp(`^another tsoverlay plugin runs on this host \\(process ${child.pid}\\): `),
  })
  const waiting = lockHost(NAME, 20_000)
  child.kill('SIGKILL')
  const lock = await waiting
  t.teardown(() => lock.release())
  await t.rejects(lockHost(NAME, 0), { code: 'SOCKET_IN_USE' })
})

t.test('a lock that was released can be taken again', async (t) => {
  const lock = await lockHost(`${NAME}-again`, 0)
  await lock.release()
  const again = await lockHost(`${NAME}-again`, 0)
  await again.release()
  t.pass('it was free')
})
