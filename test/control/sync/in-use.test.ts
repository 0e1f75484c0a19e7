/** A network that a user removes on one host while others have containers of it that do not run. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Wishes } from '../../../src/control/sync/wishes.js'
import type { Publication } from '../../../src/state/documents.js'
import { until } from '../../fakes/until.js'
import { cluster, everywhere, nowhere, type SyncedHost } from './cluster.js'

const SUBNET = { subnet: '10.20.0.0/16' }
/** A container that is gone may have been taken away to be made anew: it takes some seconds. */
const PATIENT_MS = 30_000

const idOn = ({ docker }: SyncedHost): string | undefined => docker.byName('blue')?.id

async function gone(hosts: readonly SyncedHost[]): Promise<void> {
  await until('blue is on no host', () => hosts.every((one) => idOn(one) === undefined), PATIENT_MS)
}

async function withBlue(t: Parameters<typeof cluster>[0]) {
  const { hosts } = await cluster(t)
  await hosts[0].docker.user('blue', SUBNET)
  await everywhere(hosts, 'blue')
  const [a, b, c] = hosts
  const unwanted = async () => {
    const key = a.host.journal.bindings.get(idOn(a) ?? '')?.network.key ?? ''
    return (await a.host.publications.get(key))?.unwanted
  }
  return { hosts, a, b, c, unwanted }
}

t.test('a stopped container keeps it where it is, and it goes with the container', async (t) => {
  const { hosts, a, b, unwanted } = await withBlue(t)
  b.docker.createContainer('web', 'blue')
  const [before, there] = [idOn(a), idOn(b)]
  await a.docker.userRemoves('blue')
  await until('it is back', () => idOn(a) !== undefined && idOn(a) !== before)
  await everywhere(hosts, 'blue')
  t.equal(idOn(b), there, 'the host that uses it has kept it')
  t.match(await unwanted(), { users: [b.host.identity.id] })
  b.docker.removeContainer('web')
  await gone(hosts)
})

t.test('two hosts with stopped containers: the last one decides', async (t) => {
  const { hosts, a, b, c, unwanted } = await withBlue(t)
  b.docker.createContainer('web', 'blue')
  c.docker.createContainer('db', 'blue')
  const ids = [idOn(b), idOn(c)]
  await a.docker.userRemoves('blue')
  await until('both hold it', async () => (await unwanted())?.users.length === 2)
  t.same([idOn(b), idOn(c)], ids)
  b.docker.removeContainer('web')
  await until('one holds it', async () => (await unwanted())?.users.length === 1, PATIENT_MS)
  await everywhere(hosts, 'blue')
  t.equal(idOn(c), ids[1])
  c.docker.removeContainer('db')
  await gone(hosts)
})

t.test('a removal while a container runs is remembered as well', async (t) => {
  const { hosts, a, b, unwanted } = await withBlue(t)
  await b.docker.run('blue', 'web')
  await until('the endpoint is published', () => b.host.outbox.owed === 0)
  await a.docker.userRemoves('blue')
  await until('it is back', async () => (await unwanted())?.users.length === 1)
  await everywhere(hosts, 'blue')
  await b.docker.stopContainer('blue', 'web')
  await gone(hosts)
})

t.test('a container made after the removal keeps the network for good', async (t) => {
  const { hosts, a, b, unwanted } = await withBlue(t)
  b.docker.createContainer('web', 'blue')
  await a.docker.userRemoves('blue')
  await until('it is back', async () => (await unwanted())?.users.length === 1)
  await everywhere(hosts, 'blue')
  await until('both have looked', () => a.sync.status().problems.length === 0)
  await sleep(500)
  a.docker.createContainer('new', 'blue')
  b.docker.removeContainer('web')
  await until('nobody wants it away', async () => (await unwanted()) === undefined, PATIENT_MS)
  await everywhere(hosts, 'blue')
  a.docker.removeContainer('new')
  await sleep(5_000)
  t.not(idOn(a), undefined, 'it is as any other network')
  await b.docker.userRemoves('blue')
  await nowhere(hosts, 'blue')
})

t.test(
  'where it was removed, a container that cannot start on it any more is no use',
  async (t) => {
    const { hosts, a } = await withBlue(t)
    a.docker.createContainer('web', 'blue')
    await a.docker.userRemoves('blue')
    await nowhere(hosts, 'blue')
  },
)

t.test('which containers use a network, and since when', async (t) => {
  let now = 0
  const wishes = new Wishes(() => now)
  const docker = { id: 'ab12', name: 'blue' } as Parameters<Wishes['look']>[1]
  const going = (at: string) => ({ key: 'k', removal: { host: 'h', at } }) as Publication
  const on = (name: string, id: string) => [{ id: 'c', networks: [{ name, id }] }]
  t.equal(wishes.look(going('1'), docker, on('blue', 'ab12')), 'old')
  t.equal(wishes.look(going('1'), docker, on('blue', '')), 'old', 'never started, by name')
  t.equal(wishes.look(going('1'), docker, on('ab1', '')), 'old', 'never started, by id')
  t.equal(wishes.look(going('1'), docker, []), 'going', 'a moment ago')
  now = 4_000
  t.equal(wishes.look(going('1'), docker, on('blue', 'ff00')), 'none', 'one of that name before')
  wishes.end('k')
  t.equal(wishes.look(going('1'), docker, on('blue', 'ab12')), 'anew')
  t.equal(wishes.look(going('2'), docker, on('blue', 'ab12')), 'old', 'another removal')
  t.equal(wishes.look(going('3'), docker, []), 'none')
  t.equal(wishes.look(going('3'), docker, on('blue', 'ab12')), 'anew')
})
