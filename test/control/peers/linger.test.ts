/** A sandbox outlives its last container for a while, but not its network nor its plugin. */
import t from 'tap'
import { sandboxName } from '../../../src/backends/overlay/names.js'
import { folder } from '../../fakes/folder.js'
import { until } from '../../fakes/until.js'
import { host, idOf } from '../host.js'

const BLUE = idOf('blue')
const WEB = idOf('web')
const DB = idOf('db')
const SUBNET = { subnet: '10.20.0.0/16' }
const LONG = 60_000

/** A host on which the only container of a network has gone. */
async function vacated(t: Parameters<typeof host>[0], lingerMs: number) {
  const dir = folder(t)
  const a = await host(t, { lingerMs, dir })
  await a.docker.createNetwork(BLUE, SUBNET)
  await a.docker.stop(BLUE, WEB, await a.docker.run(BLUE, WEB))
  await until('the pass is over', () => a.reconciler.counters.passes >= 2)
  return { ...a, dir }
}

const removals = (calls: readonly string[]): number =>
  calls.filter((call) => call === `remove ${sandboxName(BLUE)}`).length

t.test('the next container finds the sandbox of the one before it', async (t) => {
  const a = await vacated(t, LONG)
  const before = removals(a.dataplane.calls)
  await a.docker.run(BLUE, DB)
  t.equal(removals(a.dataplane.calls), before)
  t.match(a.dataplane.toString(), `veth${DB.slice(0, 7)}`)
  t.notMatch(a.dataplane.toString(), `veth${WEB.slice(0, 7)}`)
})

t.test('with nobody coming it goes by itself', async (t) => {
  const a = await vacated(t, 30)
  await until('the sandbox is gone', () => a.dataplane.sandboxes.size === 0)
})

t.test('it goes with its network at once', async (t) => {
  const a = await vacated(t, LONG)
  await a.docker.removeNetwork(BLUE)
  t.equal(a.dataplane.sandboxes.size, 0)
})

t.test('a plugin that ends leaves no sandbox that nobody uses', async (t) => {
  const a = await vacated(t, LONG)
  await a.close()
  t.equal(a.dataplane.sandboxes.size, 0)
})

t.test('what another process left unused is removed at once', async (t) => {
  const a = await vacated(t, LONG)
  const { dataplane, dir, store } = a
  await a.close()
  const sandbox = sandboxName(BLUE)
  dataplane.sandboxes.set(sandbox, { place: sandbox, links: [], neighbours: [], fdb: [] })
  const again = await host(t, { dataplane, dir, store, lingerMs: LONG })
  await until('the sandbox is gone', () => again.dataplane.sandboxes.size === 0)
})
