/** Ranges of hosts in the store, what is refused for them, and where it is said. */
import t from 'tap'
import type { Cidr } from '../../../src/core/ip.js'
import { documents } from '../../../src/state/documents.js'
import { keys } from '../../../src/state/keys.js'
import { until } from '../../fakes/until.js'
import { type TestHost, twoHosts } from '../host.js'

/** The host has a route, and the store knows. */
async function route(host: TestHost, range: string, dev = 'br-web'): Promise<void> {
  host.dataplane.routeList.push(range as Cidr)
  host.dataplane.routeDevices.set(range as Cidr, dev)
  host.ranges.hostChanged()
  await until('the store knows', async () => (await published(host)).includes(range))
}

async function published({ store, identity }: TestHost): Promise<string> {
  return (await store.get(keys.ranges(identity.id)))?.value ?? ''
}

t.test('a chosen subnet is free on all hosts', async (t) => {
  const { a, b } = await twoHosts(t)
  await route(b, '10.0.0.0/15')
  await a.api.user('blue')
  t.match([...a.journal.bindings.values()], [{ network: { identity: 'pools:10.2.0.0/16' } }])
})

t.test('one that is given and not free is refused, and nothing stays', async (t) => {
  const { a, b, store } = await twoHosts(t)
  await route(b, '10.0.5.0/24')
  const docker = a.api
  const refusal = {
    code: 'POOL_OVERLAP',
    message: new RegExp(
      `^subnet 10.0.0.0/16 overlaps 10.0.5.0/24 \\(the route by br-web\\) of host ${b.identity.name}: choose another --subnet such as 10.1.0.0/16`,
    ),
  }
  await t.rejects(docker.user('blue', { subnet: '10.0.0.0/16' }), refusal)
  await t.rejects(docker.user('blue', { subnet: '10.0.0.0/16', ipamDriver: 'default' }), refusal)
  await route(a, '10.7.0.0/24')
  await t.rejects(docker.user('blue', { subnet: '10.7.0.0/16' }), { message: /of this host/ })
  await until('the pool is gone', async () => (await store.keys('/pools/')).length === 0)
  t.same(await store.keys('/networks/'), [])
  t.same(await store.keys('/holders/'), [])
  t.same([...a.journal.pools.values(), ...a.journal.bindings.values()], [])
})

t.test('a network that the cluster has comes to a host that has its range', async (t) => {
  const { a, b } = await twoHosts(t)
  await a.api.user('blue', { subnet: '10.20.0.0/16' })
  await route(b, '10.20.4.0/24')
  await b.api.user('blue', { subnet: '10.20.0.0/16' })
  b.ranges.hostChanged()
  await until('it is a problem', () => b.problems.list().length === 1)
  t.match(b.problems.list(), [
    {
      part: 'ranges',
      about: 'pools:10.20.0.0/16',
      problem: /overlaps 10.20.4.0\/24 \(the route by br-web\) of this host/,
    },
  ])
})

t.test('a start is refused in our words only where it cannot work', async (t) => {
  const { a } = await twoHosts(t)
  const docker = a.api
  await docker.user('blue', { subnet: '10.20.0.0/16' })
  await docker.user('inner', { subnet: '10.21.0.0/16', internal: true })
  await route(a, '10.20.4.0/24', 'br-web')
  t.ok(await docker.run('blue', 'e1'.padEnd(64, '0')), 'another bridge is not in the container')
  await route(a, '10.20.0.0/15', 'docker_gwbridge')
  await t.rejects(docker.run('blue', 'e2'.padEnd(64, '0')), {
    code: 'POOL_OVERLAP',
    message:
      /^the container cannot start: subnet 10.20.0.0\/16 of network pools:10.20.0.0\/16 overlaps 10.20.0.0\/15 \(the route by docker_gwbridge\) of this host, which its containers have as well: stop/,
  })
  t.ok(await docker.run('inner', 'e3'.padEnd(64, '0')), 'without a way out there is no such bridge')
  const [binding] = [...a.journal.bindings.values()]
  if (binding === undefined) throw new Error('no network')
  a.dataplane.connected.add('/run/docker/netns/abc')
  await a.ranges.refuseStart(binding, '/run/docker/netns/abc')
  t.pass('one that has an interface may get out by that')
  a.dataplane.routeList.length = 0
  await a.ranges.refuseStart(binding, undefined)
  t.pass('and a bridge that is gone is seen at once')
})

t.test('what is not well on one host is said on the others', async (t) => {
  const { a, b } = await twoHosts(t)
  const [mine, other] = [a.board, b.board]
  for (const board of [mine, other]) board.start()
  mine.tell('sync', new Map([['blue', 'the name is taken']]))
  mine.tell('ranges', new Map([['red', 'it overlaps']]))
  await until('b says so', () => b.problems.list().length === 2)
  const name = a.identity.name
  t.same(b.problems.list(), [
    { part: 'other hosts', about: 'blue', problem: `on ${name}: the name is taken` },
    { part: 'other hosts', about: 'red', problem: `on ${name}: it overlaps` },
  ])
  t.same(a.problems.list(), [], 'where it is known already')
  const { value = '' } = (await a.store.get(keys.troubles(a.identity.id))) ?? {}
  t.same(documents.troubles.decode(value)?.networks, {
    blue: 'the name is taken',
    red: 'it overlaps',
  })
  mine.tell('sync', new Map())
  mine.tell('ranges', new Map())
  await until('it is well again', () => b.problems.list().length === 0)
  other.rewrite()
})
