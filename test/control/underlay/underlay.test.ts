/** The host's address changes while containers run. */
import { rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { UnderlaySource } from '../../../src/control/underlay/underlay-source.js'
import { TsoverlayError } from '../../../src/core/errors.js'
import type { Ip } from '../../../src/core/ip.js'
import type { Underlay } from '../../../src/core/types.js'
import { folder } from '../../fakes/folder.js'
import { RecordingDataplane } from '../../fakes/recording-dataplane.js'
import { RecordingLogger } from '../../fakes/recording-logger.js'
import { until } from '../../fakes/until.js'
import { host, idOf, twoHosts } from '../host.js'

const BLUE = idOf('blue')
const RED = idOf('red')
const SUBNET = { subnet: '10.20.0.0/16' }
const at = (vtep: string, mtu = 1500) => ({ vtep: vtep as Ip, mtu })

t.test('VTEPs follow the address of a host, on it and on the others', async (t) => {
  const { a, b } = await twoHosts(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  await b.docker.createNetwork(RED, SUBNET)
  await a.docker.run(BLUE, idOf('web'))
  await b.docker.run(RED, idOf('db'))
  await until('b knows web', () => b.dataplane.toString().includes('dst 192.0.2.1'))
  a.dataplane.changeHost(at('192.0.2.77', 1400))
  await until('a sends from it', () => a.dataplane.toString().includes('local 192.0.2.77'))
  t.match(a.dataplane.toString(), /vxlan vxlan0 mtu 1350 .*\n.* veth\w+ mtu 1350/)
  t.notMatch(a.dataplane.toString(), '192.0.2.1 ')
  await until('b sends to it', () => b.dataplane.toString().includes('dst 192.0.2.77'))
  t.match(a.status().host, { vtep: '192.0.2.77', mtu: 1400 })
  t.equal(a.logger.count('underlay changed'), 1)
})

t.test('changes of the host that leave the underlay as it is write nothing', async (t) => {
  const { a } = await twoHosts(t)
  await a.docker.createNetwork(BLUE, SUBNET)
  await a.docker.run(BLUE, idOf('web'))
  const before = a.reconciler.counters.passes
  a.dataplane.changeHost(a.dataplane.address)
  await a.underlay.look()
  t.equal(a.reconciler.counters.passes, before)
  t.equal(a.logger.count('underlay changed'), 0)
})

function sourceOf(t: Test, answers: (Omit<Underlay, 'port'> | undefined)[]) {
  const logger = new RecordingLogger()
  const known: string[] = []
  const underlay = async (): Promise<Omit<Underlay, 'port'>> => {
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    if (answer === undefined) throw new TsoverlayError('UNDERLAY_UNKNOWN', 'no such address')
    return answer
  }
  const source = new UnderlaySource({
    dataplane: { underlay },
    advertise: '',
    port: 4789,
    logger,
    onKnown: ({ vtep }) => known.push(vtep),
  })
  t.teardown(() => source.close())
  return { source, logger, known }
}

t.test('an address that is gone is kept in use until there is another', async (t) => {
  const { source, logger, known } = sourceOf(t, [
    at('192.0.2.1'),
    undefined,
    undefined,
    at('192.0.2.1'),
    undefined,
    at('192.0.2.2'),
  ])
  await source.start()
  await source.look()
  t.same(source.summary(), { vtep: '192.0.2.1', mtu: 1500, problem: 'no such address' })
  t.equal(source.current().vtep, '192.0.2.1')
  await source.look()
  t.equal(logger.count('underlay lost, keeping the last one'), 1, 'told once')
  await source.look()
  t.same(source.summary(), { vtep: '192.0.2.1', mtu: 1500 })
  t.equal(logger.count('underlay is there again'), 1)
  await source.look()
  await until('it looks again by itself', () => known.length === 2)
  t.same(known, ['192.0.2.1', '192.0.2.2'])
})

t.test('looks that come while one is under way are one more', async (t) => {
  const { source, known } = sourceOf(t, [at('192.0.2.1'), at('192.0.2.2'), at('192.0.2.3')])
  await Promise.all([source.start(), source.look(), source.look()])
  t.same(known, ['192.0.2.1', '192.0.2.2'])
})

t.test('a start waits for an underlay that comes after dockerd', async (t) => {
  const dir = folder(t)
  const first = await host(t, { dir })
  await first.docker.createNetwork(BLUE, SUBNET)
  await first.close()
  rmSync(`${dir}/run`, { recursive: true })
  const dataplane = new RecordingDataplane()
  dataplane.failNext('underlay')
  const again = await host(t, { store: first.store, dir, dataplane })
  t.equal(again.underlay.known, undefined)
  await again.docker.runForeign(BLUE, idOf('web'), '10.20.0.9/16')
  t.match(dataplane.toString(), 'vxlan vxlan0')
})
