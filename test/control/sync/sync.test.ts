import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { NetworkSync } from '../../../src/control/sync/network-sync.js'
import { forgetNames } from '../../../src/control/sync/steps.js'
import type { Cidr } from '../../../src/core/ip.js'
import { until } from '../../fakes/until.js'
import { cluster, everywhere, keyOn, logOf, nowhere } from './cluster.js'

const SUBNET = { subnet: '10.20.0.0/16' }

t.test('a network made on one host appears on all, as it is', async (t) => {
  const { hosts } = await cluster(t)
  const [a, b, c] = hosts
  await a.docker.user('blue', {
    ...SUBNET,
    gateway: '10.20.0.9',
    aux: '10.20.0.7',
    labels: { 'com.docker.compose.project': 'shop' },
    options: { 'com.docker.network.driver.mtu': '1400' },
    attachable: true,
  })
  await everywhere(hosts, 'blue')
  for (const host of [b, c]) {
    const { id: _id, ipamOptions, ...made } = host.docker.byName('blue') ?? { id: '' }
    const { id: _other, ipamOptions: _none, ...wanted } = a.docker.byName('blue') ?? { id: '' }
    t.same(made, wanted)
    t.same(ipamOptions, { sync: keyOn(a, 'blue') }, 'by which the driver knows the network')
    t.equal(keyOn(host, 'blue'), keyOn(a, 'blue'))
  }
  t.same(a.sync.status(), { docker: true, problems: [] })
})

t.test('the subnet that IPAM chose is the same everywhere', async (t) => {
  const { hosts } = await cluster(t)
  await hosts[0].docker.user('blue')
  await hosts[1].docker.user('green')
  await everywhere(hosts, 'blue')
  await everywhere(hosts, 'green')
  for (const name of ['blue', 'green']) {
    t.equal(new Set(hosts.map((host) => keyOn(host, name))).size, 1)
  }
})

t.test('removed on one host and used by nobody, it goes everywhere', async (t) => {
  const { hosts, store } = await cluster(t)
  const [a, b] = hosts
  await a.docker.user('blue', SUBNET)
  await everywhere(hosts, 'blue')
  await b.docker.userRemoves('blue')
  await nowhere(hosts, 'blue')
  const left = (): Promise<readonly string[]> => store.keys('/')
  await until('the store has but hosts', async () =>
    (await left()).every((key) => /^.(hosts|alive|ranges|gates.hosts)/.test(key)),
  )
  await a.docker.user('blue', SUBNET)
  await everywhere(hosts, 'blue')
})

t.test('removed on one host while another uses it, it comes back', async (t) => {
  const { hosts } = await cluster(t)
  const [a, b] = hosts
  await a.docker.user('blue', SUBNET)
  await everywhere(hosts, 'blue')
  await b.docker.run('blue', 'web')
  await until('the endpoint is published', () => b.host.outbox.owed === 0)
  const before = a.docker.byName('blue')?.id
  await a.docker.userRemoves('blue')
  await everywhere(hosts, 'blue')
  t.not(a.docker.byName('blue')?.id, before)
  t.match(logOf(a), /is created here again, as others use it .*"usedBy":\{".+":1\}/)
  await b.docker.stopContainer('blue', 'web')
  await a.docker.userRemoves('blue')
  await nowhere(hosts, 'blue')
})

t.test('a container that starts during the removal keeps the network everywhere', async (t) => {
  const { hosts, store } = await cluster(t)
  const [a, b] = hosts
  await a.docker.user('blue', SUBNET)
  await everywhere(hosts, 'blue')
  // Docker counts the container before the driver hears of it, and the store hears of it last.
  const id = b.docker.byName('blue')?.id ?? ''
  b.docker.endpoints.set(id, 1)
  await a.docker.userRemoves('blue')
  await until('b has kept it', () => /as containers here use it/.test(logOf(b)))
  await everywhere(hosts, 'blue')
  t.equal(b.docker.byName('blue')?.id, id, 'it was never removed there')
  const [publication] = (await store.list('/published/')).entries
  t.notMatch(publication?.value, /removal/)
})

t.test('two hosts that create one name at once end with one network', async (t) => {
  const { hosts } = await cluster(t)
  const [a, b] = hosts
  await Promise.all([
    a.docker.user('blue', SUBNET),
    b.docker.user('blue', { subnet: '10.21.0.0/16' }),
  ])
  const same = (): boolean =>
    hosts.every((host) => keyOn(host, 'blue') !== undefined) &&
    new Set(hosts.map((host) => keyOn(host, 'blue'))).size === 1
  await until('all have the same', same)
  t.match(logOf(a) + logOf(b), /removed here in favour of the cluster's/)
})

t.test('the loser of a name keeps its network while containers use it', async (t) => {
  const { hosts } = await cluster(t, 0)
  const [a, b] = hosts
  await a.docker.user('blue', SUBNET)
  await b.docker.user('blue', { subnet: '10.21.0.0/16' })
  await b.docker.run('blue', 'web')
  a.sync.start()
  await until('a has published', () => /published/.test(logOf(a)))
  b.sync.start()
  await until('b reports it', () => b.sync.status().problems.length === 1)
  t.match(b.sync.status().problems, [{ network: 'blue', problem: /another network of this name/ }])
  await b.docker.stopContainer('blue', 'web')
  b.sync.trigger()
  await until('they are one', () => keyOn(a, 'blue') === keyOn(b, 'blue'))
  await until('and well', () => b.sync.status().problems.length === 0)
})

t.test('the same network with other labels becomes the cluster’s', async (t) => {
  const { hosts } = await cluster(t, 0)
  const [a, b] = hosts
  await a.docker.user('blue', { ...SUBNET, labels: { team: 'x' } })
  await b.docker.user('blue', { ...SUBNET, labels: { team: 'y' } })
  a.sync.start()
  await until('a has published', () => /published/.test(logOf(a)))
  b.sync.start()
  await until('b has it', () => b.docker.byName('blue')?.labels['team'] === 'x')
  t.match(logOf(b), /labels: team=x there, team=y here/)
  t.equal(a.docker.byName('blue')?.labels['team'], 'x')
})

t.test('two names are two networks, also with one subnet and on one host', async (t) => {
  const { hosts } = await cluster(t)
  const [a, b] = hosts
  await Promise.all([
    a.docker.user('blue', SUBNET),
    a.docker.user('red', SUBNET),
    b.docker.user('green', SUBNET),
  ])
  const names = ['blue', 'red', 'green']
  for (const name of names) await everywhere(hosts, name)
  for (const host of hosts) t.equal(new Set(names.map((name) => keyOn(host, name))).size, 3)
  for (const name of names) {
    t.equal(new Set(hosts.map((host) => keyOn(host, name))).size, 1, name)
    const address = await hosts[2].docker.run(name, `on-${name}`, '10.20.9.9')
    t.equal(address, '10.20.9.9/16', 'each has an address plan of its own')
    t.not(await a.docker.run(name, `a-${name}`), address)
  }
})

/** Two hosts have made one name; the first has published it, the second has a container on its own. */
async function loser(t: Parameters<typeof cluster>[0]) {
  const { hosts } = await cluster(t, 0)
  const [a, b] = hosts
  await a.docker.user('blue', SUBNET)
  b.docker.age = { created: Date.now() - 10_000 }
  await b.docker.user('blue', { subnet: '10.21.0.0/16' })
  await b.docker.run('blue', 'web')
  a.sync.start()
  await until('a has published', () => /published/.test(logOf(a)))
  return [a, b] as const
}

t.test('the loser’s containers are moved while its network is young', async (t) => {
  const [a, b] = await loser(t)
  b.sync.start()
  await until('they are one', () => keyOn(a, 'blue') === keyOn(b, 'blue'))
  await until('web is on it', () => b.docker.endpoints.get(b.docker.byName('blue')?.id ?? '') === 1)
  t.match(b.host.journal.endpoints.get('web')?.addresses, [/^10\.20\./])
  t.match(logOf(b), /containers moved to the cluster's network .*"web"/)
  await until('and well', () => b.sync.status().problems.length === 0)
})

t.test('a move that a crash cut off is finished by the next process', async (t) => {
  const [, b] = await loser(t)
  const connect = b.docker.connect.bind(b.docker)
  let asked = 0
  const fail = async (): Promise<void> => {
    asked += 1
    throw new Error('cut off')
  }
  Object.assign(b.docker, { connect: fail })
  b.sync.start()
  await until('it was taken off', () => asked > 0 && b.docker.byName('blue') !== undefined)
  await b.sync.close()
  t.same([...b.host.journal.endpoints.values()], [], 'web is on no network')
  Object.assign(b.docker, { connect })
  const next = new NetworkSync({ ...b.host, docker: b.docker })
  t.teardown(() => next.close())
  next.start()
  await until('web is on it', () => b.docker.endpoints.get(b.docker.byName('blue')?.id ?? '') === 1)
  t.match(b.host.journal.endpoints.get('web')?.addresses, [/^10\.20\./])
  await until('nothing is left to do', () => next.status().problems.length === 0)
  t.same([...b.host.journal.moves.values()], [])
})

t.test('what network sync creates too late is no wish of anybody', async (t) => {
  const { hosts, store } = await cluster(t, 2)
  const [a, b, c] = hosts
  await a.docker.user('blue', SUBNET)
  await everywhere([a, b], 'blue')
  const key = keyOn(a, 'blue') ?? ''
  const late = c.docker.user('blue', { ...SUBNET, ipamOptions: { sync: key } })
  await late
  await a.docker.userRemoves('blue')
  await nowhere([b], 'blue')
  c.sync.start()
  await nowhere(hosts, 'blue')
  t.notMatch(logOf(c), /published/)
  await until('nothing is left', async () => (await store.keys('/networks/')).length === 0)
  await t.rejects(c.docker.user('blue', { ...SUBNET, ipamOptions: { sync: key } }), {
    code: 'NETWORK_UNKNOWN',
  })
})

t.test('two names for one network are reported', async (t) => {
  const { hosts } = await cluster(t, 0)
  const [a, b] = hosts
  const ipamOptions = { network: 'x' }
  await a.docker.user('blue', { ...SUBNET, ipamOptions })
  await b.docker.user('green', { ...SUBNET, ipamOptions })
  a.sync.start()
  await until('a has published', () => /published/.test(logOf(a)))
  b.sync.start()
  await until('b reports it', () => b.sync.status().problems.length > 0)
  t.match(b.sync.status().problems, [{ network: 'green', problem: /same network as blue/ }])
  t.ok(b.docker.byName('green'))
})

t.test('a host that joins later gets all', async (t) => {
  const { hosts } = await cluster(t, 2)
  const [a, , c] = hosts
  for (const n of [1, 2, 3]) await a.docker.user(`net${n}`, { subnet: `10.${n}.0.0/16` })
  await everywhere(hosts.slice(0, 2), 'net3')
  c.sync.start()
  for (const n of [1, 2, 3]) await everywhere([c], `net${n}`)
  t.equal(c.docker.networks.size, 4, 'and docker_gwbridge')
})

t.test('a host whose dockerd was down gets what came and loses what went', async (t) => {
  const { hosts } = await cluster(t)
  const [a, b] = hosts
  await a.docker.user('old', { subnet: '10.1.0.0/16' })
  await everywhere(hosts, 'old')
  b.docker.die()
  await a.docker.userRemoves('old')
  await a.docker.user('new', { subnet: '10.2.0.0/16' })
  await until('b says that dockerd is away', () => b.sync.status().problems.length > 0)
  t.equal(b.sync.status().docker, false)
  b.docker.comeBack()
  await everywhere(hosts, 'new')
  await nowhere(hosts, 'old')
  await until('b is well', () => b.sync.status().problems.length === 0)
})

t.test('while a missed removal is pending its name can be given again', async (t) => {
  const { hosts } = await cluster(t)
  const [a, b] = hosts
  await a.docker.user('blue', SUBNET)
  await everywhere(hosts, 'blue')
  b.docker.die()
  await a.docker.userRemoves('blue')
  await nowhere([hosts[2]], 'blue')
  await a.docker.user('blue', { subnet: '10.30.0.0/16' })
  b.docker.comeBack()
  await until('b has the new one', () => keyOn(b, 'blue') === keyOn(a, 'blue'))
  t.match(b.docker.byName('blue')?.pools, [{ subnet: '10.30.0.0/16' }])
})

t.test('a network that is made anew while its removal is pending is another one', async (t) => {
  const { hosts } = await cluster(t)
  const [a, b, c] = hosts
  await a.docker.user('blue', SUBNET)
  await everywhere(hosts, 'blue')
  c.docker.die()
  await a.docker.userRemoves('blue')
  await nowhere([b], 'blue')
  await a.docker.user('blue', SUBNET)
  await everywhere([a, b], 'blue')
  c.docker.comeBack()
  await until('c is well', () => c.sync.status().problems.length === 0)
  await until('c has the new one', () => keyOn(c, 'blue') === keyOn(a, 'blue'))
})

t.test('a name that another driver has on one host concerns only that host', async (t) => {
  const { hosts } = await cluster(t)
  const [a, b, c] = hosts
  const bridge = { driver: 'bridge', options: {}, labels: {}, ipamDriver: 'default' }
  const rest = { ipamOptions: {}, pools: [], internal: false, attachable: false, ipv6: false }
  await b.docker.create({ ...bridge, ...rest, name: 'blue' })
  await a.docker.user('blue', SUBNET)
  await everywhere([a, c], 'blue')
  await until('b reports it', () => b.sync.status().problems.length > 0)
  t.match(b.sync.status().problems, [{ network: 'blue', problem: /network of driver bridge/ }])
  t.match(logOf(b), /network is not in sync .*driver bridge/)
  await b.docker.userRemoves('blue')
  await until('b has it', () => b.docker.byName('blue')?.driver === 'tsoverlay')
  t.ok(a.docker.byName('blue'), 'removing the other network removes nothing of the cluster')
})

t.test('without network sync a removal is of nobody else’s concern', async (t) => {
  const { hosts } = await cluster(t)
  const [a, b] = hosts
  await a.docker.user('blue', SUBNET)
  await everywhere(hosts, 'blue')
  await b.sync.close()
  forgetNames(b.host.journal)
  await b.docker.userRemoves('blue')
  await until('b has told the store', () => b.host.outbox.owed === 0)
  a.sync.trigger()
  await a.docker.user('green', { subnet: '10.30.0.0/16' })
  await everywhere([a, hosts[2]], 'green')
  t.ok(a.docker.byName('blue'))
  t.notOk(b.docker.byName('blue'))
  t.notOk(b.docker.byName('green'))
})

t.test('with dockerd’s own IPAM the other hosts begin at the top', async (t) => {
  const { hosts } = await cluster(t)
  const [a, b, c] = hosts
  await a.docker.user('plain', {
    subnet: '172.18.0.0/16',
    gateway: '172.18.0.1',
    ipamDriver: 'default',
  })
  await everywhere(hosts, 'plain')
  t.match(b.docker.byName('plain'), {
    ipamDriver: 'tsoverlay',
    pools: [{ subnet: '172.18.0.0/16', gateway: '172.18.0.1' }],
  })
  await a.docker.run('plain', 'a1', '172.18.0.2/16')
  const others = [await b.docker.run('plain', 'b1'), await c.docker.run('plain', 'c1')]
  t.same(others.sort(), ['172.18.255.128/16', '172.18.255.192/16'])
  await a.docker.run('plain', 'a2', '172.18.0.64/16')
})

const NETWORK = {
  options: {},
  labels: {},
  ipamDriver: 'default',
  ipamOptions: {},
  internal: false,
  attachable: false,
  ipv6: false,
}
/** As dockerd makes it itself. */
const GATEWAY_BRIDGE = {
  ...NETWORK,
  name: 'docker_gwbridge',
  driver: 'bridge',
  options: {
    'com.docker.network.bridge.name': 'docker_gwbridge',
    'com.docker.network.bridge.enable_icc': 'false',
    'com.docker.network.bridge.enable_ip_masquerade': 'true',
  },
  pools: [{ subnet: '172.18.0.0/16', aux: {} }],
}
const FREE = [{ subnet: '198.19.0.0/16' }]

t.test('docker_gwbridge is there before any network, where nobody is given a subnet', async (t) => {
  const { hosts } = await cluster(t)
  await everywhere(hosts, 'docker_gwbridge')
  for (const { docker } of hosts) t.match(docker.byName('docker_gwbridge'), { pools: FREE })
})

t.test('docker_gwbridge gives way to what the host has there already', async (t) => {
  const { hosts } = await cluster(t, 0)
  const [a] = hosts
  a.host.dataplane.routeList.push('198.19.7.0/24' as Cidr)
  a.sync.start()
  await everywhere([a], 'docker_gwbridge')
  t.match(a.docker.byName('docker_gwbridge')?.pools, [{ subnet: '198.18.0.0/16' }])
})

t.test('one that dockerd made is moved, unless a container uses it', async (t) => {
  const { hosts } = await cluster(t, 0)
  const [a, b] = hosts
  await a.docker.create(GATEWAY_BRIDGE)
  const used = await b.docker.create(GATEWAY_BRIDGE)
  b.docker.endpoints.set(used, 1)
  a.sync.start()
  b.sync.start()
  await until('it is moved', () =>
    isDeepStrictEqual(
      a.docker.byName('docker_gwbridge')?.pools.map(({ subnet }) => subnet),
      ['198.19.0.0/16'],
    ),
  )
  await b.docker.user('blue', { subnet: '10.20.0.0/16' })
  await everywhere([a, b], 'blue')
  t.match(b.docker.byName('docker_gwbridge'), { id: used })
  t.match(logOf(a), /docker_gwbridge moved/)
})

t.test('one that went by a prune is there again before a container needs it', async (t) => {
  const { hosts } = await cluster(t, 0)
  const [a] = hosts
  a.sync.start()
  await everywhere([a], 'docker_gwbridge')
  await a.sync.gatewayReady()
  await a.docker.userRemoves('docker_gwbridge')
  t.equal(a.docker.byName('docker_gwbridge'), undefined, 'its owner may be about to make another')
  await Promise.all([a.sync.gatewayReady(), a.sync.gatewayReady()])
  t.match(a.docker.byName('docker_gwbridge'), { pools: FREE })
  const id = a.docker.byName('docker_gwbridge')?.id
  a.sync.trigger()
  await a.sync.gatewayReady()
  t.equal(a.docker.byName('docker_gwbridge')?.id, id, 'once')
})

t.test('one that a user made stays', async (t) => {
  const { hosts } = await cluster(t, 0)
  const [a, b] = hosts
  const ids = [
    await a.docker.create({ ...GATEWAY_BRIDGE, pools: [{ subnet: '172.18.4.0/24', aux: {} }] }),
    await b.docker.create({ ...GATEWAY_BRIDGE, labels: { team: 'x' } }),
  ]
  a.sync.start()
  b.sync.start()
  await a.docker.user('blue', { subnet: '10.20.0.0/16' })
  await everywhere([a, b], 'blue')
  t.same(
    [a, b].map(({ docker }) => docker.byName('docker_gwbridge')?.id),
    ids,
  )
})
