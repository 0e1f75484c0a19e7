/** Networks whose addresses come from dockerd's own IPAM. */
import t from 'tap'
import type { Cidr } from '../../../src/core/ip.js'
import { until } from '../../fakes/until.js'
import { host, idOf, twoHosts } from '../host.js'

const BLUE = idOf('blue')
const RED = idOf('red')
const WEB = idOf('web')
const DB = idOf('db')
const POOL = '10.30.0.0/16'

t.test("an address that another host's dockerd chose too is refused with a way out", async (t) => {
  const { a, b } = await twoHosts(t)
  await a.docker.createForeign(BLUE, POOL)
  await b.docker.createForeign(RED, POOL)
  await a.docker.runForeign(BLUE, WEB, '10.30.0.2/16')
  await t.rejects(b.docker.runForeign(RED, DB, '10.30.0.2/16'), {
    code: 'ADDRESS_TAKEN',
    message:
      /is held by a container on host .*; where dockerd chose it by itself, create the network with --ipam-driver tsoverlay/,
  })
  t.same([...b.journal.endpoints.values()], [])
  await b.docker.runForeign(RED, DB, '10.30.0.3/16')
  await a.docker.stop(BLUE, WEB)
  await until('it is free', () => a.outbox.owed === 0)
  await b.docker.runForeign(RED, idOf('third'), '10.30.0.2/16')
})

t.test('the last host that removes the network frees its subnet', async (t) => {
  const a = await host(t)
  await a.docker.createForeign(BLUE, POOL)
  await a.docker.runForeign(BLUE, WEB, '10.30.0.2/16')
  await a.docker.removeNetwork(BLUE)
  await until('nothing is owed', () => a.outbox.owed === 0)
  const parts = await Promise.all(
    ['/pools/', '/addresses/', '/blocks/', '/holders/'].map((p) => a.store.keys(p)),
  )
  t.same(parts.flat(), [])
})

t.test('a network of ours that asks for the same subnet in vain does not free it', async (t) => {
  const a = await host(t)
  await a.docker.createForeign(BLUE, POOL)
  await a.docker.runForeign(BLUE, WEB, '10.30.0.2/16')
  await t.rejects(a.docker.createNetwork(RED, { subnet: POOL }), { code: 'NETWORK_CONFLICT' })
  await until('nothing is owed', () => a.outbox.owed === 0)
  t.same(a.blocks.holdings({ space: '', pool: POOL as Cidr }).addresses, ['10.30.0.2'])
  await a.docker.runForeign(BLUE, DB, '10.30.0.3/16')
})

t.test('after a reboot the addresses of dead containers are free again', async (t) => {
  const { a, dirs } = await twoHosts(t)
  await a.docker.createForeign(BLUE, POOL)
  await a.docker.runForeign(BLUE, WEB, '10.30.0.2/16')
  await a.close()
  const { rmSync } = await import('node:fs')
  rmSync(`${dirs}/a/run`, { recursive: true })
  const again = await host(t, { store: a.store.peer(), dir: `${dirs}/a` })
  t.equal(again.identity.id, a.identity.id)
  t.equal(again.logger.count('endpoint of an earlier boot dropped'), 1)
  await again.docker.runForeign(BLUE, DB, '10.30.0.2/16')
  t.equal((await again.store.keys('/endpoints/')).length, 1)
})
