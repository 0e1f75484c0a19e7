/** Whether a port of this host can be had: real sockets, on loopback. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { hostPorts } from '../../../src/control/endpoints/host-ports.js'
import type { Ip } from '../../../src/core/ip.js'

const HERE = '127.0.0.1' as Ip
const LISTENS = 'a program of this host listens on it'

t.test('a port is taken while a program listens on it, and free afterwards', async (t) => {
  const server = createServer().listen(0, HERE)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  t.equal(await hostPorts.problem('tcp', HERE, port), LISTENS)
  t.equal(await hostPorts.problem('tcp', '0.0.0.0' as Ip, port), LISTENS, 'of all addresses, too')
  t.equal(await hostPorts.problem('udp', HERE, port), undefined)
  server.close()
  await once(server, 'close')
  for (const time of ['once', 'twice'])
    t.equal(await hostPorts.problem('tcp', HERE, port), undefined, time)
})

t.test('the same of UDP', async (t) => {
  const socket = createSocket('udp4').bind(0, HERE)
  await once(socket, 'listening')
  const { port } = socket.address()
  t.equal(await hostPorts.problem('udp', HERE, port), LISTENS)
  t.equal(await hostPorts.problem('udp', '0.0.0.0' as Ip, port), LISTENS)
  socket.close()
  await once(socket, 'close')
  t.equal(await hostPorts.problem('udp', HERE, port), undefined)
})

t.test('an address must be of the host', async (t) => {
  for (const protocol of ['tcp', 'udp'] as const) {
    const problem = await hostPorts.problem(protocol, '192.0.2.77' as Ip, 8080)
    t.equal(problem, 'this host does not have that address', protocol)
  }
})

t.test('one that the kernel chooses can be had', async (t) => {
  for (const protocol of ['tcp', 'udp', 'sctp'] as const) {
    const port = await hostPorts.choose(protocol, HERE)
    t.ok(port > 0 && port < 65_536, `${protocol} ${port}`)
    t.equal(await hostPorts.problem(protocol, HERE, port), undefined)
  }
})
