/** Which containers have a resolver of ours, and when. */
import t from 'tap'
import { NameServices } from '../../../src/control/names/name-services.js'
import type { NamePlace } from '../../../src/core/ports.js'
import type { DockerNetworkId, LocalEndpoint } from '../../../src/core/types.js'
import { FakePlace, RecordingDataplane } from '../../fakes/recording-dataplane.js'
import { RecordingLogger } from '../../fakes/recording-logger.js'
import { until } from '../../fakes/until.js'

const network = (name: string): DockerNetworkId => name as DockerNetworkId

function world() {
  const dataplane = new RecordingDataplane()
  const endpoints = new Map<string, LocalEndpoint>()
  const journal = { endpoints }
  const served: { place: NamePlace; networks: () => readonly DockerNetworkId[]; open: boolean }[] =
    []
  const logger = new RecordingLogger()
  const services = new NameServices({
    journal: journal as never,
    dataplane,
    serve: (place, networks) => {
      const one = { place, networks, open: true }
      served.push(one)
      return {
        counters: { questions: 4, answered: 2, passed: 1, lost: 1, faults: 0 },
        close: async () => {
          // First the rules: no question shall find a closed socket.
          if (place instanceof FakePlace && place.isOpen) throw new Error('too early')
          one.open = false
        },
      }
    },
    isWanted: (id) => id !== 'silent',
    logger,
  })
  t.teardown(() => services.close())
  dataplane.onNamespace((name) => services.appeared(name))
  const join = (id: string, on: string, sandboxKey = `/var/run/docker/netns/${id}`): void => {
    const endpoint = { id, joined: true, dockerNetwork: network(on), sandboxKey }
    endpoints.set(id, endpoint as never)
    services.look()
  }
  const leave = (id: string): void => {
    endpoints.delete(id)
    services.look()
  }
  return { dataplane, services, served, logger, join, leave }
}

t.test('from the namespace on, until the container leaves', async (t) => {
  const { dataplane, services, served, join, leave } = world()
  services.start()
  join('c1', 'blue')
  t.equal(services.count, 0, 'dockerd has not made it yet')
  dataplane.makeNamespace('c1')
  await until('it is served', () => services.count === 1)
  t.same(served[0]?.networks(), ['blue'])
  leave('c1')
  t.equal(services.count, 0)
  await until('it has ended', () => served[0]?.open === false)
  t.equal(dataplane.places[0]?.isOpen, false)
  t.equal(services.counters.answered, 2, 'what it answered stays counted')
})

t.test('one for all networks of a container, which may change', async (t) => {
  const { dataplane, services, served, join, leave } = world()
  dataplane.named.add('c1')
  services.start()
  join('e1', 'blue', '/netns/c1')
  join('e2', 'red', '/netns/c1')
  await until('it is served', () => services.count === 1)
  t.same(served[0]?.networks(), ['blue', 'red'])
  leave('e1')
  t.same(served[0]?.networks(), ['red'])
  t.equal(served.length, 1)
  t.equal(served[0]?.open, true)
})

t.test('none where names are not wanted', async (t) => {
  const { dataplane, services, join } = world()
  dataplane.named.add('c1')
  services.start()
  join('c1', 'silent')
  join('c2', 'blue')
  dataplane.makeNamespace('c2')
  await until('the other is served', () => services.count === 1)
  t.equal(dataplane.places.length, 1)
})

t.test('a container that left while its place was opened keeps none', async (t) => {
  const { dataplane, services, join, leave } = world()
  services.start()
  dataplane.named.add('c1')
  join('c1', 'blue')
  leave('c1')
  await until('it was opened', () => dataplane.places.length === 1)
  await until('and closed', () => dataplane.places[0]?.isOpen === false)
  t.equal(services.count, 0)
})

t.test('it says all the time that it is well, and repairs what is not', async (t) => {
  const { dataplane, services, join } = world()
  services.start()
  dataplane.named.add('c1')
  join('c1', 'blue')
  await until('it is served', () => services.count === 1)
  const [place] = dataplane.places
  if (place === undefined) throw new Error('no place')
  place.isWell = false
  await until('it was repaired', () => place.repairs === 1)
  await until('it is well', () => place.beats >= 2)
  t.equal(place.repairs, 1)
})

t.test('a kernel that cannot is told of once, and the container runs all the same', async (t) => {
  const { dataplane, services, join, logger } = world()
  dataplane.openNames = () => Promise.reject(new Error('no nat'))
  services.start()
  join('c1', 'blue')
  join('c2', 'blue')
  await until('both were tried', () => logger.lines.length >= 2)
  t.equal(logger.lines.filter((line) => line.startsWith('error ')).length, 1)
  t.equal(services.count, 0)
})

t.test('many that are waited for at once are worth no warning of a leak', async (t) => {
  const warnings: string[] = []
  const note = (warning: Error): void => void warnings.push(warning.name)
  process.on('warning', note)
  t.teardown(() => process.off('warning', note))
  const { services, join } = world()
  services.start()
  for (let n = 0; n < 20; n += 1) join(`c${n}`, 'blue')
  await new Promise((resolve) => setTimeout(resolve, 40))
  await services.close()
  t.same(warnings, [])
})
