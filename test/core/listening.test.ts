import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { checkListening } from '../../src/core/listening.js'

const host = '127.0.0.1'

t.test('a free port is fine and stays free, a taken one is named with its setting', async (t) => {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  await t.rejects(checkListening('METRICS', { host, port }), {
    code: 'SETTING_INVALID',
    message: new RegExp(`^setting METRICS="127.0.0.1:${port}" cannot be used .*: allowed is`),
  })
  await new Promise((resolve) => server.close(resolve))
  await checkListening('METRICS', { host, port })
  await checkListening('METRICS', { host, port })
})

t.test('so is an address that is not of this host', async (t) => {
  const promise = checkListening('METRICS', { host: '203.0.113.1', port: 9000 })
  await t.rejects(promise, { code: 'SETTING_INVALID', message: /203\.0\.113\.1:9000/ })
})
