/** How a host learns what its containers are called. */
import t, { type Test } from 'tap'
import type { Attachment, NamedContainer } from '../../../src/control/dockerd/docker-names.js'
import { namesOf } from '../../../src/control/names/names-of.js'
import { OwnNames } from '../../../src/control/names/own-names.js'
import { documents } from '../../../src/state/documents.js'
import { until } from '../../fakes/until.js'
import { FakeNames } from '../dockerd/fake-names.js'
import { host, idOf } from '../host.js'

const BLUE = idOf('blue')
const [WEB, DB] = [idOf('ep of web'), idOf('ep of db')]
const C1 = idOf('c1')

const attachment = (endpoint: string, aliases: readonly string[] = []): Attachment => ({
  ...{ endpoint, aliases },
  network: BLUE,
  networkName: 'blue',
})

async function blue(t: Test, options: { readonly slowMs?: number } = {}) {
  const one = await host(t)
  const docker = new FakeNames()
  let learned = 0
  const names = new OwnNames({
    ...one,
    docker,
    ...options,
    onLearned: () => {
      learned += 1
    },
  })
  t.teardown(() => names.close())
  await one.docker.createNetwork(BLUE, { subnet: '10.20.0.0/16' })
  const known = (endpoint: string) => one.journal.endpoints.get(endpoint)?.names
  const published = async (endpoint: string) => {
    const { entries } = await one.store.list('/endpoints/')
    return documents.endpoint.decode(entries.find(({ key }) => key.endsWith(endpoint))?.value ?? '')
      ?.names
  }
  return { ...one, dockerd: one.docker, docker, names, known, published, learned: () => learned }
}

t.test('the names are those that Docker answers to, in lower case, each once', async (t) => {
  const container: NamedContainer = {
    ...{ id: C1, name: 'Shop-Web-1', hostname: C1.slice(0, 12), isTask: false, attachments: [] },
  }
  const aliases = ['web', 'WEB', 'shop-web-1', C1.slice(0, 12), '', 'x'.repeat(254)]
  const short = C1.slice(0, 12)
  t.strictSame(namesOf(container, attachment(WEB, aliases)), ['shop-web-1', 'web', short])
  t.strictSame(
    namesOf({ ...container, hostname: 'Db.Example' }, attachment(WEB)),
    ['shop-web-1', 'db.example', short],
    'a hostname of its own',
  )
  t.strictSame(
    namesOf({ ...container, isTask: true }, attachment(WEB, aliases)),
    ['shop-web-1', short],
    'what a service is called swarm answers, with its VIP',
  )
  const many = Array.from({ length: 500 }, (_, at) => `alias-${at}`)
  t.equal(namesOf(container, attachment(WEB, many)).length, 101)
})

t.test('a container that starts, its alias and its new name', async (t) => {
  const { dockerd, docker, names, known, published, learned } = await blue(t)
  names.start()
  await dockerd.run(BLUE, WEB)
  t.equal(known(WEB), undefined)
  let started = (): void => undefined
  docker.starting = new Promise((resolve) => {
    started = resolve
  })
  docker.put({ id: C1, name: 'web', attachments: [attachment(WEB, ['api'])] })
  docker.tell('connect', C1)
  docker.tell('start', C1)
  started()
  const short = C1.slice(0, 12)
  await until('it is published', async () => (await published(WEB))?.[0] === 'web')
  t.strictSame(await published(WEB), ['web', 'api', short])
  t.strictSame(docker.asked, [C1], 'asked once, by the look that waited for its start')
  t.equal(names.networkName(BLUE), 'blue')
  const before = learned()
  docker.put({ id: C1, name: 'web', attachments: [attachment(WEB, ['api'])] })
  docker.tell('rename', C1)
  await until('it was asked', () => docker.asked.length === 2)
  docker.put({ id: C1, name: 'www', attachments: [attachment(WEB)] })
  docker.tell('rename', C1)
  await until('the new name is published', async () => (await published(WEB))?.[0] === 'www')
  t.strictSame(known(WEB), ['www', short])
  t.equal(learned(), before + 1, 'the same names again are no news')
})

t.test('what happened while nobody listened is found by a listing', async (t) => {
  const { dockerd, docker, names, known } = await blue(t)
  await dockerd.run(BLUE, WEB)
  docker.put({ id: C1, name: 'web', attachments: [attachment(WEB)] })
  names.start()
  await until('it is known from the start on', () => known(WEB)?.[0] === 'web')
  docker.put({ id: C1, name: 'www', attachments: [attachment(WEB)] })
  docker.restart()
  await until('its new name is known', () => known(WEB)?.[0] === 'www')
  const { length } = docker.asked
  docker.restart()
  await until('it has listed again', () => docker.lists === 3)
  t.equal(docker.asked.length, length, 'nothing new, nothing asked')
})

t.test('a lost event is made up for, a failed inspect is done again', async (t) => {
  const { dockerd, docker, names, known, problems } = await blue(t, { slowMs: 50 })
  names.start()
  await dockerd.run(BLUE, WEB)
  docker.failures = 4
  docker.put({ id: C1, name: 'web', attachments: [attachment(WEB)] })
  await until('status says so', () => problems.list().length === 1)
  t.match(problems.list(), [{ part: 'names', about: `container ${C1.slice(0, 12)}` }])
  await until('it is known', () => known(WEB)?.[0] === 'web')
  await until('status is well again', () => problems.list().length === 0)
})

t.test('containers that are gone, and networks of others, are let be', async (t) => {
  const { dockerd, docker, names, known, journal } = await blue(t)
  names.start()
  await dockerd.run(BLUE, WEB)
  docker.tell('connect', 'gone', BLUE)
  docker.tell('connect', C1, idOf('bridge'))
  const bridge = { ...attachment(DB), network: idOf('bridge'), networkName: 'bridge' }
  docker.put({ id: C1, name: 'web', attachments: [bridge, attachment(WEB)] })
  docker.tell('connect', C1, BLUE)
  await until('it is known', () => known(WEB) !== undefined)
  t.equal(journal.endpoints.get(DB), undefined)
  t.strictSame(docker.asked, ['gone', C1], 'nobody was asked about the bridge')
  t.equal(names.networkName(idOf('bridge')), undefined)
})

t.test('while it closes nothing goes on', async (t) => {
  const { dockerd, docker, names, known } = await blue(t)
  names.start()
  await dockerd.run(BLUE, WEB)
  docker.failures = 1_000
  docker.put({ id: C1, name: 'web', attachments: [attachment(WEB)] })
  docker.tell('connect', C1)
  await names.close()
  docker.failures = 0
  docker.tell('connect', C1)
  t.equal(known(WEB), undefined)
})

t.test('a network with dns=off has no names', async (t) => {
  const { dockerd, docker, names, known, journal } = await blue(t, { slowMs: 20 })
  const binding = journal.bindings.get(BLUE)
  if (binding === undefined) throw new Error('no network')
  journal.bindings.put({ ...binding, network: { ...binding.network, dns: false } })
  names.start()
  await dockerd.run(BLUE, WEB)
  docker.put({ id: C1, name: 'web', attachments: [attachment(WEB)] })
  docker.tell('connect', C1)
  await until('it was asked', () => docker.asked.length === 1)
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.equal(known(WEB), undefined)
  t.equal(docker.lists, 1, 'nothing is missing, so nothing is listed again')
})
