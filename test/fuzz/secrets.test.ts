/** The built plugin with a password in its settings: it is in nothing that it prints or answers. */
import { lstatSync } from 'node:fs'
import { EtcdProcess } from '../contract/etcd-process.js'
import { until } from '../fakes/until.js'
import { httpOnSocket } from '../lab/plugin-call.js'
import { onThrowAwayHost } from '../net/kernel.js'
import { PluginProcess } from './plugin-process.js'

const SECRET = 'correct-horse-battery'
const WRONG = 'wrong-horse-battery'
const USER = { LOG_LEVEL: 'debug', STORE_USER: 'root', STORE_PASSWORD_FILE: '/tmp/password' }

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const etcd = await EtcdProcess.create()
  t.teardown(() => etcd.remove())
  await etcd.post('auth/user/add', { name: 'root', password: SECRET })
  await etcd.post('auth/user/grant', { user: 'root', role: 'root' })
  await etcd.post('auth/enable', {})

  /** Calls that succeed and calls that fail; @returns all answers, as text */
  const use = async (plugin: PluginProcess): Promise<string[]> => {
    const { rpc, admin } = plugin.sockets
    const post = (method: string, body: object) =>
      httpOnSocket(rpc[0], 'POST', `/${method}`, JSON.stringify(body))
    const pool = { AddressSpace: 'tsoverlay-local', Pool: '10.20.0.0/16', V6: false, Options: {} }
    const answers = [
      await post('IpamDriver.RequestPool', pool),
      await post('IpamDriver.RequestPool', { ...pool, Options: { password: 'x' } }),
      await post('NetworkDriver.CreateNetwork', { NetworkID: 'x' }),
      await httpOnSocket(admin, 'GET', '/status'),
      await httpOnSocket(admin, 'GET', '/hosts'),
      await httpOnSocket(admin, 'GET', '/nothing'),
    ]
    const printed = [['status'], ['hosts'], ['networks', '--json'], ['nonsense']]
    return [...answers.map((one) => JSON.stringify(one)), ...printed.map((a) => plugin.cli(...a))]
  }

  t.test('the right password, also while etcd comes and goes; sockets are root’s', async (t) => {
    const plugin = await PluginProcess.start(etcd.endpoint, USER, { password: `${SECRET}\n` })
    const before = await use(plugin)
    t.match(before[0], /"status":200/, 'it is logged in')
    for (const socket of [...plugin.sockets.rpc, plugin.sockets.admin]) {
      const { mode, uid } = lstatSync(socket)
      t.same([mode & 0o777, uid], [0o600, 0], socket.slice(plugin.root.length))
    }
    await etcd.kill()
    await until('it is told', () => plugin.lines.some((line) => /store/.test(line)))
    const meanwhile = await use(plugin)
    await etcd.start()
    const isBack = async (): Promise<boolean> =>
      (await httpOnSocket(plugin.sockets.admin, 'GET', '/hosts')).status === 200
    await until('it is logged in again', isBack, 30_000)
    const text = [...before, ...meanwhile, ...(await use(plugin))]
    await plugin.stop()
    t.ok(plugin.lines.some((line) => line.includes('"level":"debug"')))
    t.notOk([...text, ...plugin.lines].some((one) => one.includes(SECRET)))
  })

  t.test('a wrong password', async (t) => {
    const plugin = await PluginProcess.start(etcd.endpoint, USER, { password: WRONG })
    const text = await use(plugin)
    await plugin.stop()
    t.match(text.join('\n'), /authentication failed for STORE_USER/)
    t.notOk([...text, ...plugin.lines].some((one) => one.includes(WRONG)))
  })

  t.test('a password in STORE', async (t) => {
    const store = etcd.endpoint.replace('://', `://root:${SECRET}@`)
    const refused = PluginProcess.start(store, { LOG_LEVEL: 'debug' })
    const { message } = await refused.then(
      () => new Error('it started'),
      (error: Error) => error,
    )
    t.match(message, /setting STORE/)
    t.notMatch(message, SECRET)
  })
})
