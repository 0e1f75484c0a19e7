import t from 'tap'
import { sandboxName } from '../../../src/backends/overlay/names.js'
import { Misses } from '../../../src/control/passes/misses.js'
import type { Ip } from '../../../src/core/ip.js'
import { until } from '../../fakes/until.js'
import { host, idOf, twoHosts } from '../host.js'

const BLUE = idOf('blue')
const RED = idOf('red')
const SUBNET = { subnet: '10.20.0.0/16' }
const SANDBOX = sandboxName(BLUE)

t.test('a miss of a known peer makes the network be compared with the kernel', async (t) => {
  const { a, b } = await twoHosts(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  await b.docker.createNetwork(RED, SUBNET)
  await a.docker.run(BLUE, idOf('web'))
  await b.docker.run(RED, idOf('db'))
  await until('a knows db', () => a.dataplane.toString().includes('neighbour vxlan0 10.20.0.64 '))
  const miss = { sandbox: SANDBOX, dev: 'vxlan0', ip: '10.20.0.64' as Ip }
  a.dataplane.calls.length = 0
  a.dataplane.miss(miss)
  a.dataplane.miss(miss)
  t.same(a.dataplane.calls, [`resync ${SANDBOX}`], 'once for both')
  await until('a pass follows', () => a.dataplane.calls.includes(`apply ${SANDBOX}`))
  t.same(a.status().misses, { known: 1, unknown: 0 })
})

t.test('a miss of what nobody has is only counted, once in a second', async (t) => {
  const a = await host(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  await a.docker.run(BLUE, idOf('web'))
  let now = 0
  const misses = new Misses({ ...a, now: () => now })
  a.dataplane.calls.length = 0
  for (const ip of ['10.20.9.9', '10.20.9.9', '10.20.9.8']) {
    misses.handle({ sandbox: SANDBOX, dev: 'vxlan0', ip: ip as Ip })
  }
  t.same(misses.counters, { known: 0, unknown: 2 })
  now = 1_000
  misses.handle({ sandbox: SANDBOX, dev: 'vxlan0', ip: '10.20.9.9' as Ip })
  misses.handle({ sandbox: '1-elsewhere0', dev: 'vxlan0', ip: '10.20.0.2' as Ip })
  t.same(misses.counters, { known: 0, unknown: 4 })
  t.same(a.dataplane.calls, [])
})

t.test('a miss of a container of this host or of the gateway is none', async (t) => {
  const a = await host(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  await a.docker.run(BLUE, idOf('web'))
  for (const ip of ['10.20.0.1', '10.20.0.2']) {
    a.dataplane.miss({ sandbox: SANDBOX, dev: 'vxlan0', ip: ip as Ip })
  }
  t.same(a.status().misses, { known: 0, unknown: 0 })
})
