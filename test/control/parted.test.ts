/** Hosts of one cluster whose VTEPs are of different address families. */
import t from 'tap'
import { sandboxName } from '../../src/backends/overlay/names.js'
import { folder } from '../fakes/folder.js'
import { MemoryStore } from '../fakes/memory-store.js'
import { until } from '../fakes/until.js'
import { host, idOf } from './host.js'

const BLUE = idOf('blue')
const SUBNET = { subnet: '10.20.0.0/16' }
const MESSAGE =
  'host not reached, its VTEP is of another address family: set ADVERTISE alike on all hosts'

t.test('a peer behind a VTEP of the other family is left out and told of once', async (t) => {
  const dirs = folder(t)
  const store = new MemoryStore()
  const a = await host(t, { store, dir: `${dirs}/a`, vtep: '192.0.2.1' })
  const b = await host(t, { store: store.peer(), dir: `${dirs}/b`, vtep: '2001:db8::2' })
  const c = await host(t, { store: store.peer(), dir: `${dirs}/c`, vtep: '192.0.2.3' })
  for (const one of [a, b, c]) await one.docker.createNetwork(BLUE, SUBNET)
  await a.docker.run(BLUE, idOf('on a'))
  const onB = await b.docker.run(BLUE, idOf('on b'))
  const onC = await c.docker.run(BLUE, idOf('on c'))
  const key = a.journal.bindings.get(BLUE)?.network.key ?? ''
  await until('a knows of b', () => a.peers.parted(key).length === 1)
  await until('a reaches c', () => a.dataplane.toString().includes('dst 192.0.2.3'))
  t.match(a.dataplane.toString(), `neighbour vxlan0 ${onC.split('/')[0]} `)
  t.notMatch(a.dataplane.toString(), '2001:db8::2')
  t.notMatch(a.dataplane.toString(), `neighbour vxlan0 ${onB.split('/')[0]} `)
  t.match(a.status().networks, [{ endpoints: 1, peers: 1, parted: [b.identity.name] }])
  await b.docker.run(BLUE, idOf('another on b'))
  await until('b tells, too', () => b.peers.parted(key).length === 1)
  t.equal(a.logger.count(MESSAGE), 1)
  t.equal(b.logger.count(MESSAGE), 2, 'each of the other hosts once')
  a.dataplane.calls.length = 0
  a.dataplane.miss({ sandbox: sandboxName(BLUE), dev: 'vxlan0', ip: onB.split('/')[0] as never })
  t.same(a.dataplane.calls, [], 'the kernel is right not to know it')
})
