import t, { type Test } from 'tap'
import type { DockerContents, DockerNetwork } from '../../../src/control/dockerd/docker-networks.js'
import { DockerSweep } from '../../../src/control/sweeps/docker-sweep.js'
import { folder } from '../../fakes/folder.js'
import { MemoryStore } from '../../fakes/memory-store.js'
import { RecordingDataplane } from '../../fakes/recording-dataplane.js'
import { until } from '../../fakes/until.js'
import { type HostOptions, host, idOf, startHost, type TestHost } from '../host.js'

const BLUE = idOf('blue')
const WEB = idOf('web')
const DB = idOf('db')

/** What the test says that dockerd has. */
class Contents implements DockerContents {
  readonly networks = new Map<string, string>()
  readonly containers = new Set<string>()
  /** libnetwork's own list, of containers that are starting */
  readonly starting = new Set<string>()
  up = true

  async list(): Promise<readonly DockerNetwork[]> {
    if (!this.up) throw new Error('connect ECONNREFUSED')
    return [...this.networks].map(([id, subnet]) => ({
      id,
      name: id.slice(0, 4),
      driver: 'tsoverlay',
      options: {},
      labels: {},
      ipamDriver: 'tsoverlay',
      ipamOptions: {},
      pools: [{ subnet, aux: {} }],
      internal: false,
      attachable: false,
      ipv6: false,
    }))
  }

  async endpointIds(): Promise<ReadonlySet<string>> {
    return new Set(this.containers)
  }

  async endpointsOf(): Promise<ReadonlySet<string>> {
    return new Set([...this.containers, ...this.starting])
  }
}

async function swept(t: Test, options: Partial<HostOptions> = {}) {
  const one = await host(t, options)
  const contents = new Contents()
  const clock = { now: 1_000 }
  let forgotten = 0
  const sweep = new DockerSweep({
    ...one,
    docker: contents,
    now: () => clock.now,
    onForgotten: () => {
      forgotten += 1
    },
  })
  /** As often as needed, with time between. */
  const looks = async (count: number): Promise<void> => {
    for (let look = 0; look < count; look += 1) {
      await sweep.sweep()
      clock.now += 20_000
    }
  }
  return { one, contents, sweep, clock, looks, forgotten: () => forgotten }
}

async function withContainers(t: Test) {
  const all = await swept(t)
  const { one, contents } = all
  await one.docker.createNetwork(BLUE, { subnet: '10.20.0.0/16' })
  await one.docker.run(BLUE, WEB)
  await one.docker.run(BLUE, DB)
  contents.networks.set(BLUE, '10.20.0.0/16')
  contents.containers.add(WEB).add(DB)
  return all
}

/** The plugin was off while dockerd went on: a process that finds the journal of the former one. */
async function inherited(t: Test) {
  const dirs = folder(t)
  const store = new MemoryStore()
  const dataplane = new RecordingDataplane()
  const former = await startHost({ store, dir: dirs, vtep: '192.0.2.1', dataplane })
  await former.docker.createNetwork(BLUE, { subnet: '10.20.0.0/16' })
  await former.docker.run(BLUE, WEB)
  await former.docker.run(BLUE, DB)
  await former.close()
  const all = await swept(t, { store: store.peer(), dir: dirs, dataplane })
  all.contents.networks.set(BLUE, '10.20.0.0/16')
  return all
}

t.test('what a former process left and dockerd does not have goes at the first look', async (t) => {
  const { one, contents, sweep } = await inherited(t)
  contents.containers.add(DB)
  t.match(one.status().networks[0]?.held, ['10.20.0.2', '10.20.0.3'])
  await sweep.sweep()
  t.same(ids(one), [DB])
  t.same(one.status().networks[0]?.held, ['10.20.0.3'], 'its address is free')
  await until('the store knows', () => one.outbox.owed === 0)
  t.match(await one.store.keys('/endpoints/'), [new RegExp(`/${DB}$`)])
  contents.containers.clear()
  await sweep.sweep()
  t.same(ids(one), [DB], 'what came through the first look is as any other')
})

t.test('nothing of it goes before dockerd has answered', async (t) => {
  const { one, contents, sweep } = await inherited(t)
  contents.up = false
  await t.rejects(sweep.sweep(), /ECONNREFUSED/)
  t.equal(ids(one).length, 2)
  contents.up = true
  contents.starting.add(WEB)
  await sweep.sweep()
  t.same(ids(one), [WEB], 'one whose container is still starting is there')
})

t.test('an endpoint that dockerd asks for once more is not of the former process', async (t) => {
  const { one, sweep } = await inherited(t)
  const known = one.journal.endpoints.get(WEB)
  const { addresses = [], mac } = known ?? {}
  const again = { network: BLUE, id: WEB, addresses, ...(mac && { mac }) }
  await one.driver.createEndpoint(again, AbortSignal.timeout(5_000))
  await sweep.sweep()
  t.same(ids(one), [WEB])
})

t.test('a network that was removed while the plugin was off goes at the first look', async (t) => {
  const { one, contents, sweep, forgotten } = await inherited(t)
  contents.networks.clear()
  await sweep.sweep()
  t.same([...one.journal.bindings.values()], [])
  t.equal(forgotten(), 1)
})

t.test('the subnet of a creation that a former process did not see the end of', async (t) => {
  const dir = folder(t)
  const store = new MemoryStore()
  const former = await startHost({ store, dir, vtep: '192.0.2.1' })
  const request = { addressSpace: 'tsoverlay-local', options: {}, ipv6: false }
  const pool = '10.30.0.0/16' as never
  await former.ipam.requestPool({ ...request, pool }, new AbortController().signal)
  await former.close()
  const { one, looks } = await swept(t, { store: store.peer(), dir })
  await looks(1)
  t.equal((await one.book.pools('')).length, 1, 'dockerd may be about to repeat its call')
  await looks(2)
  await until('the store knows', () => one.outbox.owed === 0)
  t.same(await one.book.pools(''), [])
})

const ids = ({ journal }: TestHost): string[] => [...journal.endpoints.values()].map(({ id }) => id)

t.test('a container that was removed while the plugin was off goes from everywhere', async (t) => {
  const { one, contents, looks } = await withContainers(t)
  contents.containers.delete(WEB)
  await looks(2)
  t.equal(ids(one).length, 2, 'not before it looked dead for some time')
  await looks(1)
  t.same(ids(one), [DB])
  await until('the store knows', () => one.outbox.owed === 0)
  t.match(await one.store.keys('/endpoints/'), [new RegExp(`/${DB}$`)])
  t.notMatch(one.dataplane.toString(), WEB.slice(0, 7))
  t.equal(await one.docker.run(BLUE, WEB, '10.20.0.9'), '10.20.0.9/16', 'its id may come again')
})

t.test('what dockerd is making is left alone, however long that takes', async (t) => {
  const { one, contents, looks } = await withContainers(t)
  contents.containers.delete(WEB)
  contents.starting.add(WEB)
  await looks(10)
  t.equal(ids(one).length, 2)
})

t.test('looks that come at once, or not in a row, prove nothing', async (t) => {
  const { one, contents, sweep, clock, looks } = await withContainers(t)
  contents.containers.delete(WEB)
  for (let look = 0; look < 5; look += 1) await sweep.sweep()
  t.equal(ids(one).length, 2, 'no time has passed')
  contents.containers.add(WEB)
  clock.now += 60_000
  await looks(1)
  contents.containers.delete(WEB)
  await looks(2)
  t.equal(ids(one).length, 2, 'it was there in between')
})

t.test('a dockerd that is away proves nothing', async (t) => {
  const { one, contents, sweep, looks } = await withContainers(t)
  contents.containers.clear()
  await looks(1)
  contents.up = false
  await t.rejects(sweep.sweep(), /ECONNREFUSED/)
  t.equal(ids(one).length, 2)
  contents.up = true
  await looks(2)
  t.same(ids(one), [], 'both looks count that were answered')
})

t.test('a network that dockerd has lost is let go, and stays one of the cluster', async (t) => {
  const { one, contents, looks, forgotten } = await withContainers(t)
  const bound = one.journal.bindings.get(BLUE)
  const key = bound?.network.key ?? ''
  if (bound !== undefined) one.journal.bindings.put({ ...bound, name: 'blue' })
  const texts = { labels: {}, options: {}, ipamOptions: {} }
  const flags = { internal: false, attachable: false, ipv6: false, ipam: 'tsoverlay' as const }
  await one.publications.publish({ key, name: 'blue', pools: [], ...texts, ...flags })
  await one.store.txn([], [{ put: `/attached/${key}/another`, value: '{"dockerNetwork":"x"}' }])
  contents.networks.clear()
  await looks(3)
  t.same([...one.journal.bindings.values()], [])
  t.same(ids(one), [])
  t.equal(one.dataplane.toString(), '')
  t.equal(forgotten(), 1)
  await until('the store knows', () => one.outbox.owed === 0)
  t.same(await one.store.keys('/attached/'), [`/attached/${key}/another`])
  t.equal((await one.publications.get(key))?.removal, undefined, 'nobody has removed it')
})

t.test('the subnet of a creation that dockerd gave up is given back', async (t) => {
  const { one, contents, looks } = await swept(t)
  const request = { addressSpace: 'tsoverlay-local', options: {}, ipv6: false }
  const { signal } = new AbortController()
  const lost = await one.ipam.requestPool({ ...request, pool: '10.30.0.0/16' as never }, signal)
  const other = await one.ipam.requestPool({ ...request, pool: '10.40.0.0/16' as never }, signal)
  contents.networks.set(idOf('a bridge with our IPAM'), '10.40.0.0/16')
  await looks(2)
  t.equal((await one.book.pools('')).length, 2, 'it may be under way')
  await looks(1)
  await until('the store knows', () => one.outbox.owed === 0)
  t.match(await one.book.pools(''), [{ pool: '10.40.0.0/16' }])
  t.same(
    [one.journal.pools.get(lost.id), one.journal.pools.get(other.id)?.id],
    [undefined, other.id],
  )
})
