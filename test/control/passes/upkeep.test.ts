/** What is looked at without anybody asking, and what is said about drift. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { sandboxName } from '../../../src/backends/overlay/names.js'
import { Upkeep } from '../../../src/control/passes/upkeep.js'
import { until } from '../../fakes/until.js'
import { host, idOf } from '../host.js'

const BLUE = idOf('blue')
const RED = idOf('red')

t.test('each network with a sandbox is compared with the kernel, again and again', async (t) => {
  const a = await host(t)
  await a.docker.createNetwork(BLUE, { subnet: '10.20.0.0/16' })
  await a.docker.createNetwork(RED, { subnet: '10.30.0.0/16' })
  await a.docker.run(BLUE, idOf('web'))
  const upkeep = new Upkeep({ ...a, periodMs: 20, share: Number.POSITIVE_INFINITY })
  upkeep.start()
  const resyncs = (id: string): number =>
    a.dataplane.calls.filter((call) => call === `resync ${sandboxName(id)}`).length
  await until('it was looked at three times', () => resyncs(BLUE) > 2)
  t.equal(resyncs(RED), 0, 'no sandbox, no work')
  upkeep.close()
  await sleep(60)
  const ended = resyncs(BLUE)
  await sleep(60)
  t.equal(resyncs(BLUE), ended)
})

t.test('a network whose pass takes long is looked at less often', async (t) => {
  const a = await host(t)
  await a.docker.createNetwork(BLUE, { subnet: '10.20.0.0/16' })
  await a.docker.run(BLUE, idOf('web'))
  const looks = (): number =>
    a.dataplane.calls.filter((call) => call === `resync ${sandboxName(BLUE)}`).length
  const upkeep = new Upkeep({ ...a, periodMs: 5, share: 1e-9 })
  upkeep.start()
  t.teardown(() => upkeep.close())
  await until('it was looked at', () => looks() === 1)
  await sleep(100)
  t.equal(looks(), 1)
})

t.test('a sandbox that no network has is removed, also when it comes late', async (t) => {
  const a = await host(t)
  const upkeep = new Upkeep({ ...a, periodMs: 20, share: Number.POSITIVE_INFINITY })
  upkeep.start()
  t.teardown(() => upkeep.close())
  const left = { place: '1-aaaaaaaaaa', links: [], neighbours: [], fdb: [] }
  await sleep(50)
  a.dataplane.sandboxes.set(left.place, left)
  await until('it is gone', () => a.dataplane.sandboxes.size === 0)
  t.equal(a.logger.count('sandbox without a network removed'), 1)
  a.dataplane.failNext('list')
  await until('a failure is told', () => a.logger.count('sweep failed') === 1)
  a.dataplane.sandboxes.set(left.place, left)
  await until('and does not end it', () => a.dataplane.sandboxes.size === 0)
})

t.test('drift of a sandbox is a pass over its network, counted, and told once', async (t) => {
  const a = await host(t)
  await a.docker.createNetwork(BLUE, { subnet: '10.20.0.0/16' })
  await a.docker.run(BLUE, idOf('web'))
  for (let turn = 1; turn <= 3; turn += 1) {
    a.dataplane.driftNext(2)
    a.dataplane.drift(sandboxName(BLUE))
    await until('it is counted', () => a.status().kernel.drift === 2 * turn)
  }
  t.equal(a.logger.count('kernel state was changed by others and is repaired'), 1)
  const { passes } = a.status().kernel
  a.dataplane.drift('1-ffffffffff')
  await sleep(20)
  t.equal(a.status().kernel.passes, passes, 'a sandbox that no network has')
})
