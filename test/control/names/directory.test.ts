/** What names mean to a container, on two hosts. */
import t, { type Test } from 'tap'
import { Directory } from '../../../src/control/names/directory.js'
import { Living } from '../../../src/control/names/living.js'
import { StaticNames } from '../../../src/control/names/static-names.js'
import { chores } from '../../../src/control/records/chores.js'
import type { Cidr, Ip } from '../../../src/core/ip.js'
import type { DockerNetworkId } from '../../../src/core/types.js'
import { until } from '../../fakes/until.js'
import { idOf, type TestHost, twoHosts } from '../host.js'

const [BLUE, GREEN] = [
  { a: idOf('blue on a'), b: idOf('blue on b') },
  { a: idOf('green on a'), b: idOf('green on b') },
]
const CALLED: Readonly<Record<string, string>> = {
  ...{ [BLUE.a]: 'Blue', [BLUE.b]: 'blue', [GREEN.a]: 'my.green', [GREEN.b]: 'my.green' },
}

/** `docker run`, and what dockerd tells of it a moment later; @returns its address */
async function run(at: TestHost, network: string, names: readonly string[]): Promise<Ip> {
  const id = idOf(`${network} ${names.join()}`)
  const address = await at.docker.run(network, id)
  await named(at, id, names)
  return ipOf(address)
}

const ipOf = (cidr: Cidr) => cidr.replace(/\/.*/, '') as Ip

async function named(at: TestHost, id: string, names: readonly string[]): Promise<void> {
  const endpoint = at.journal.endpoints.get(id)
  if (endpoint === undefined) throw new Error('no endpoint')
  at.journal.endpoints.put({ ...endpoint, names })
  await at.outbox.submit(chores.publishEndpoint(endpoint))
}

async function blueAndGreen(t: Test) {
  const { a, b, store } = await twoHosts(t)
  for (const [at, blue, green] of [
    [a, BLUE.a, GREEN.a],
    [b, BLUE.b, GREEN.b],
  ] as const) {
    await at.docker.createNetwork(blue, { subnet: '10.20.0.0/16' })
    await at.docker.createNetwork(green, { subnet: '10.30.0.0/16' })
  }
  const staticsOf = (host: TestHost): StaticNames => {
    const statics = new StaticNames(host)
    statics.start()
    t.teardown(() => statics.close())
    return statics
  }
  const directoryOf = (host: TestHost) => {
    const own = { networkName: (id: DockerNetworkId) => CALLED[id] }
    const living = new Living(host)
    t.teardown(() => living.close())
    return new Directory({ ...host, statics: staticsOf(host), own, living })
  }
  const [onA, onB] = [directoryOf(a), directoryOf(b)]
  return { a, b, store, onA, onB }
}

t.test('a container knows the names of all hosts, in its own networks', async (t) => {
  const { a, b, onA } = await blueAndGreen(t)
  const web = await run(a, BLUE.a, ['web', 'aaaaaaaaaaaa'])
  await a.docker.run(GREEN.a, idOf('app'))
  const db = await run(b, BLUE.b, ['db', 'data', 'bbbbbbbbbbbb'])
  const other = await run(b, GREEN.b, ['db', 'cccccccccccc'])
  const blue = onA.viewOf(() => [BLUE.a])
  const both = onA.viewOf(() => [BLUE.a, GREEN.a, 'gone'])
  await until('they are known', () => both.addressesOf('db')?.length === 2)
  t.strictSame(blue.addressesOf('web'), [web], 'of its own host')
  for (const name of ['db', 'data', 'bbbbbbbbbbbb', 'db.blue'])
    t.strictSame(blue.addressesOf(name), [db], name)
  t.strictSame(both.addressesOf('db.my.green'), [other])
  for (const name of ['cccccccccccc', 'db.my.green', 'db.red', 'blue', '.blue', 'd', ''])
    t.equal(blue.addressesOf(name), undefined, name)
  t.strictSame(blue.namesOf(db), ['db.Blue', 'data.Blue', 'bbbbbbbbbbbb.Blue'])
  t.strictSame(blue.namesOf(web), ['web.Blue', 'aaaaaaaaaaaa.Blue'])
  t.equal(blue.namesOf(other), undefined)
  t.equal(blue.namesOf('192.0.2.7' as Ip), undefined)
})

t.test('several holders, renames and ends are followed', async (t) => {
  const { a, b, onA } = await blueAndGreen(t)
  const here = await run(a, BLUE.a, ['one', 'api'])
  const there = await run(b, BLUE.b, ['two', 'api'])
  const view = onA.viewOf(() => [BLUE.a])
  await until('both are known', () => view.addressesOf('api')?.length === 2)
  t.strictSame(view.addressesOf('api'), [here, there])
  const id = idOf(`${BLUE.b} two,api`)
  await named(b, id, ['three', 'api'])
  await until('it has its new name', () => view.addressesOf('three') !== undefined)
  t.equal(view.addressesOf('two'), undefined)
  t.strictSame(view.namesOf(there), ['three.Blue', 'api.Blue'])
  await b.docker.stop(BLUE.b, id)
  await until('it is gone', () => view.addressesOf('three') === undefined)
  t.strictSame(view.addressesOf('api'), [here])
  t.equal(view.namesOf(there), undefined)
  await a.docker.stop(BLUE.a, idOf(`${BLUE.a} one,api`))
  t.equal(view.addressesOf('api'), undefined, 'the own one at once')
})

t.test('of several holders those whose hosts are on', async (t) => {
  const { a, b, onA } = await blueAndGreen(t)
  const here = await run(a, BLUE.a, ['one', 'api'])
  const there = await run(b, BLUE.b, ['two', 'api'])
  const view = onA.viewOf(() => [BLUE.a])
  await b.presence.start()
  await until('both are known', () => view.addressesOf('api')?.length === 2)
  await b.presence.close()
  await until('the other is off', () => view.addressesOf('api')?.length === 1)
  t.strictSame(view.addressesOf('api'), [here])
  t.strictSame(view.addressesOf('two'), [there], 'one that nobody else has stays')
  await a.docker.stop(BLUE.a, idOf(`${BLUE.a} one,api`))
  t.strictSame(view.addressesOf('api'), [there], 'and so does the last one')
})

t.test('what was known last is answered while the store is away', async (t) => {
  const { a, b, onA, onB } = await blueAndGreen(t)
  const web = await run(a, BLUE.a, ['web'])
  const db = await run(b, BLUE.b, ['db'])
  const [viewA, viewB] = [onA.viewOf(() => [BLUE.a]), onB.viewOf(() => [BLUE.b])]
  await until('they know each other', () => {
    return viewA.addressesOf('db') !== undefined && viewB.addressesOf('web') !== undefined
  })
  for (const { store } of [a, b]) {
    store.unavailable = true
    store.breakWatches()
  }
  t.strictSame(viewA.addressesOf('db'), [db])
  t.strictSame(viewB.addressesOf('web.blue'), [web])
})

t.test('a name that people have added is known in all networks, beside containers', async (t) => {
  const { a, b, onA } = await blueAndGreen(t)
  const web = await run(a, BLUE.a, ['web'])
  await a.docker.run(GREEN.a, idOf('app'))
  const statics = new StaticNames(b)
  t.teardown(() => statics.close())
  await statics.put('Web', ['192.0.2.9', '192.0.2.9', '2001:db8::9'])
  const [blue, green] = [onA.viewOf(() => [BLUE.a]), onA.viewOf(() => [GREEN.a])]
  await until('it is known', () => green.addressesOf('web') !== undefined)
  t.strictSame(green.addressesOf('web'), ['192.0.2.9', '2001:db8::9'])
  t.strictSame(blue.addressesOf('web'), [web, '192.0.2.9', '2001:db8::9'])
  t.strictSame(green.namesOf('2001:db8::9' as Ip), ['web'])
  await statics.remove('web')
  await until('it is gone', () => green.addressesOf('web') === undefined)
  t.strictSame(blue.addressesOf('web'), [web])
  t.equal(green.namesOf('192.0.2.9' as Ip), undefined)
})

t.test('with dns=off on all its networks a container is answered nothing', async (t) => {
  const { a, onA } = await blueAndGreen(t)
  await a.docker.createNetwork(idOf('off'), { subnet: '10.40.0.0/16', options: { dns: 'off' } })
  const web = await run(a, BLUE.a, ['web'])
  const off = await run(a, idOf('off'), ['quiet'])
  const [alone, both] = [onA.viewOf(() => [idOf('off')]), onA.viewOf(() => [idOf('off'), BLUE.a])]
  t.strictSame(both.addressesOf('web'), [web])
  t.equal(both.addressesOf('quiet'), undefined)
  t.equal(alone.addressesOf('quiet'), undefined)
  t.equal(alone.namesOf(off), undefined)
  const statics = new StaticNames(a)
  t.teardown(() => statics.close())
  await statics.put('printer', ['192.0.2.9'])
  await until('it is known', () => both.addressesOf('printer') !== undefined)
  t.equal(alone.addressesOf('printer'), undefined)
  t.equal(alone.namesOf('192.0.2.9' as Ip), undefined)
})
