/** When paths are looked at, what is set, and what `status` says of it. */
import t from 'tap'
import { Problems } from '../../../src/control/troubles/problems.js'
import { PathMtu } from '../../../src/control/underlay/path-mtu.js'
import type { Ip } from '../../../src/core/ip.js'
import type { Host, HostId } from '../../../src/core/types.js'
import { RecordingDataplane } from '../../fakes/recording-dataplane.js'
import { RecordingLogger } from '../../fakes/recording-logger.js'
import { until } from '../../fakes/until.js'

const hostOf = (name: string, vtep: string): Host => ({
  id: name as HostId,
  name,
  boot: 'b',
  vtep: vtep as Ip,
})
const H2 = hostOf('h2', '192.0.2.2')
const H3 = hostOf('h3', '192.0.2.3')

function world(paths: Record<string, number> = {}) {
  const dataplane = new RecordingDataplane()
  for (const [vtep, mtu] of Object.entries(paths)) dataplane.paths.set(vtep as Ip, mtu)
  const logger = new RecordingLogger()
  const problems = new Problems(logger)
  const hosts: Host[] = [H2, H3]
  const used: Host[] = [H2]
  const kept: string[] = []
  const keepTo = (narrow: ReadonlyMap<Ip, number>): void => {
    kept.push([...narrow].map((each) => each.join(' ')).join())
  }
  const peers = { used: () => used, hosts: () => hosts, knowsHosts: true, keepTo }
  const underlay = { known: { vtep: '192.0.2.1' as Ip, mtu: 1_500, port: 4789 } }
  const looked: string[] = []
  const echo = dataplane.echo.bind(dataplane)
  dataplane.echo = (from, to, size, count) => {
    looked.push(to)
    return echo(from, to, size, count)
  }
  const mtus = new PathMtu({ dataplane, peers, underlay, problems, logger })
  t.teardown(() => mtus.close())
  return { dataplane, problems, hosts, used, underlay, looked, kept, mtus }
}

t.test('a narrow path is kept to what passes, and said', async (t) => {
  const { dataplane, problems, mtus, looked, kept } = world({ '192.0.2.2': 1_400 })
  await mtus.start()
  await until('it is said', () => problems.list().length > 0)
  t.same([...dataplane.lowered], [['192.0.2.2', 1_400]])
  t.same(kept, ['192.0.2.2 1400'], 'routes to its containers, too')
  const [{ part, about, problem } = { part: '', about: '', problem: '' }] = problems.list()
  t.same([part, about], ['path', 'h2'])
  t.match(
    problem,
    /^packets of more than 1400 bytes do not arrive at 192\.0\.2\.2, .* here is 1500: /,
  )
  t.notOk(looked.includes('192.0.2.3'), 'nobody sends to h3')
})

t.test('nothing is set where all is well, or where nothing answers', async (t) => {
  const { dataplane, problems, mtus, used, looked } = world({ '192.0.2.3': 0 })
  used.push(H3)
  await mtus.start()
  await until('both were looked at', () => new Set(looked).size === 2)
  await mtus.close()
  t.same([...dataplane.lowered], [])
  t.same(problems.list(), [])
})

t.test('what a former run has set goes when the path is well, or the host is gone', async (t) => {
  const { dataplane, problems, mtus, hosts, kept } = world()
  hosts.pop()
  dataplane.lowered.set(H2.vtep, 1_400)
  dataplane.lowered.set(H3.vtep, 1_400)
  await mtus.start()
  await until('both are gone', () => dataplane.lowered.size === 0)
  await mtus.close()
  t.same(problems.list(), [])
  t.equal(kept.at(-1), '')
})

t.test('a path is looked at again when an end of it changes', async (t) => {
  const { dataplane, mtus, underlay, looked } = world()
  await mtus.start()
  await until('it was looked at', () => looked.length > 0)
  mtus.trigger()
  dataplane.paths.set(H2.vtep, 1_400)
  underlay.known = { ...underlay.known, mtu: 9_000 }
  mtus.trigger()
  await until('it is set', () => dataplane.lowered.get(H2.vtep) === 1_400)
  dataplane.paths.clear()
  underlay.known = { ...underlay.known, mtu: 1_500 }
  mtus.trigger()
  await until('it is not any more', () => dataplane.lowered.size === 0)
  t.ok(looked.length > 3)
})

t.test('what the kernel refuses is said, and other paths are looked at', async (t) => {
  const { dataplane, problems, mtus, used } = world({ '192.0.2.2': 1_400, '192.0.2.3': 1_450 })
  used.push(H3)
  const set = dataplane.setPathMtu.bind(dataplane)
  dataplane.setPathMtu = async (vtep, mtu) => {
    if (vtep === H2.vtep) throw new Error('somebody else’s route')
    await set(vtep, mtu)
  }
  await mtus.start()
  await until('both are said', () => problems.list().length === 2)
  t.match(
    problems.list().map(({ problem }) => problem),
    [/: somebody else’s route; correct/, /: they are kept to 1450 on that path; correct/],
  )
})

t.test('ours follow when the routes of the host change', async (t) => {
  const { dataplane, problems, mtus } = world({ '192.0.2.2': 1_400 })
  await mtus.start()
  await until('it is said', () => problems.list().length > 0)
  dataplane.lowered.clear()
  mtus.routesChanged()
  await until('it is there again', () => dataplane.lowered.size > 0)
  t.same([...dataplane.lowered], [[H2.vtep, 1_400]])
})
