/** Networks and endpoints from creation to removal, on one host and on two. */
import t from 'tap'
import { sandboxName } from '../../src/backends/overlay/names.js'
import type { MemoryStore } from '../fakes/memory-store.js'
import { until } from '../fakes/until.js'
import { host, idOf, twoHosts } from './host.js'

const BLUE_A = idOf('blue on a')
const BLUE_B = idOf('blue on b')
const WEB = idOf('web')
const DB = idOf('db')
const SUBNET = { subnet: '10.20.0.0/16' }

async function keysOf(store: MemoryStore): Promise<string[]> {
  const parts = [
    '/networks/',
    '/vnis/',
    '/subnets/',
    '/attached/',
    '/endpoints/',
    '/pools/',
    '/holders/',
    '/blocks/',
  ]
  return (await Promise.all([...parts, '/addresses/'].map((part) => store.keys(part)))).flat()
}

t.test('a container gets an address and a place in the kernel, and leaves nothing', async (t) => {
  const a = await host(t)
  await a.docker.createNetwork(BLUE_A, SUBNET)
  t.same([...a.dataplane.sandboxes], [], 'nothing in the kernel before the first container')
  const address = await a.docker.run(BLUE_A, WEB)
  t.equal(address, '10.20.0.2/16')
  t.equal(
    a.dataplane.toString(),
    [
      `sandbox ${sandboxName(BLUE_A)}`,
      '  bridge br0 mtu 1450 10.20.0.1/16',
      '  vxlan vxlan0 mtu 1450 master br0 vni 256 local 192.0.2.1 port 4789',
      `  veth veth${WEB.slice(0, 7)} mtu 1450 master br0 peer tso${WEB.slice(0, 12)} 02:42:0a:14:00:02`,
      `  source veth${WEB.slice(0, 7)} 02:42:0a:14:00:02 10.20.0.2`,
    ].join('\n'),
  )
  t.equal((await a.store.keys('/endpoints/')).length, 1)
  t.same(await a.driver.endpointInfo(BLUE_A, WEB), {
    'tsoverlay.network': a.journal.bindings.get(BLUE_A)?.network.key,
    'tsoverlay.mac': '02:42:0a:14:00:02',
  })
  await a.docker.stop(BLUE_A, WEB, address)
  await until('the kernel is empty', () => a.dataplane.toString() === '')
  await a.docker.removeNetwork(BLUE_A)
  await until('all is gone', async () => (await keysOf(a.store)).length === 0)
  t.same(
    [a.journal.bindings, a.journal.pools, a.journal.endpoints].flatMap((s) => [...s.values()]),
    [],
  )
})

t.test('two daemons with other NetworkIDs are on one network', async (t) => {
  const { a, b } = await twoHosts(t)
  await a.docker.createNetwork(BLUE_A, SUBNET)
  await b.docker.createNetwork(BLUE_B, SUBNET)
  const [ofA, ofB] = [a.journal.bindings.get(BLUE_A), b.journal.bindings.get(BLUE_B)]
  t.strictSame(ofA?.network, ofB?.network)
  t.equal(await a.docker.run(BLUE_A, WEB), '10.20.0.2/16')
  t.equal(await b.docker.run(BLUE_B, DB), '10.20.0.64/16', 'of a block of its own')
  const onB = `neighbour vxlan0 10.20.0.2 02:42:0a:14:00:02`
  const onA = `fdb vxlan0 02:42:0a:14:00:40 dst 192.0.2.2`
  await until('b knows web', () => b.dataplane.toString().includes(onB))
  await until('a knows db', () => a.dataplane.toString().includes(onA))
  t.match(a.status().networks, [{ endpoints: 1, peers: 1, synced: true, vnis: [256] }])
  await b.docker.stop(BLUE_B, DB)
  await until('a has forgotten db', () => !a.dataplane.toString().includes('neighbour'))
})

t.test('the network stays as long as another host has it', async (t) => {
  const { store, a, b } = await twoHosts(t)
  await a.docker.createNetwork(BLUE_A, SUBNET)
  await b.docker.createNetwork(BLUE_B, SUBNET)
  await a.docker.removeNetwork(BLUE_A)
  await until('a has left', async () => (await store.keys('/attached/')).length === 1)
  t.equal(await b.docker.run(BLUE_B, DB), '10.20.0.64/16')
  await a.docker.createNetwork(BLUE_A, SUBNET)
  t.equal(a.journal.bindings.get(BLUE_A)?.network.segments[0]?.vni, 256)
})

t.test('a peer that moves to another VTEP is followed', async (t) => {
  const { a, b, dirs, store } = await twoHosts(t)
  await a.docker.createNetwork(BLUE_A, SUBNET)
  await b.docker.createNetwork(BLUE_B, SUBNET)
  await a.docker.run(BLUE_A, WEB)
  await b.docker.run(BLUE_B, DB)
  await until('a knows db', () => a.dataplane.toString().includes('dst 192.0.2.2'))
  await b.close()
  await host(t, { store: store.peer(), dir: `${dirs}/b`, vtep: '192.0.2.9' })
  await until('a knows where db is now', () => a.dataplane.toString().includes('dst 192.0.2.9'))
  t.notMatch(a.dataplane.toString(), '192.0.2.2')
})

t.test('the same create again is success, another one is a conflict', async (t) => {
  const a = await host(t)
  await a.docker.createNetwork(BLUE_A, SUBNET)
  const pools = [{ addressSpace: 'tsoverlay-local', pool: '10.20.0.0/16', aux: [] }]
  const again = { options: {}, internal: false, ipv6: false, pools } as never as object
  const { signal } = new AbortController()
  await a.driver.createNetwork({ ...again, id: BLUE_A } as never, signal)
  await t.rejects(a.driver.createNetwork({ ...again, id: BLUE_B } as never, signal), {
    code: 'NETWORK_CONFLICT',
    message: new RegExp(`^this host already has the network .* as ${BLUE_A.slice(0, 12)}`),
  })
  const endpoint = { network: BLUE_A, id: WEB, addresses: ['10.20.0.9/16'] } as never as object
  t.same(await a.driver.createEndpoint(endpoint as never, signal), { mac: '02:42:0a:14:00:09' })
  t.same(await a.driver.createEndpoint(endpoint as never, signal), { mac: '02:42:0a:14:00:09' })
  const other = { ...endpoint, addresses: ['10.20.0.8/16'] } as never
  await t.rejects(a.driver.createEndpoint(other, signal), { code: 'ENDPOINT_CONFLICT' })
})

t.test('ids that nobody made are refused where that helps, and ignored elsewhere', async (t) => {
  const a = await host(t)
  const { signal } = new AbortController()
  await t.rejects(a.driver.join(BLUE_A, WEB, signal), {
    code: 'NETWORK_UNKNOWN',
    message: new RegExp(`^network ${BLUE_A} is not known to tsoverlay on this host`),
  })
  await a.docker.createNetwork(BLUE_A, SUBNET)
  await t.rejects(a.driver.join(BLUE_A, WEB, signal), { code: 'ENDPOINT_UNKNOWN' })
  const outside = { network: BLUE_A, id: WEB, addresses: ['10.21.0.1/16'] } as never
  await t.rejects(a.driver.createEndpoint(outside, signal), { code: 'ADDRESS_INVALID' })
  const none = { network: BLUE_A, id: WEB, addresses: [] }
  await t.rejects(a.driver.createEndpoint(none, signal), { code: 'ADDRESS_INVALID' })
  await a.driver.leave(BLUE_A, WEB)
  await a.driver.deleteEndpoint(BLUE_A, WEB)
  await a.driver.leave(BLUE_B, WEB)
  await a.driver.deleteNetwork(BLUE_B)
  t.same(await a.driver.endpointInfo(BLUE_A, WEB), {})
})

t.test('ids that name the same kernel objects are refused and touch no others', async (t) => {
  const a = await host(t)
  const { signal } = new AbortController()
  const twinOf = (id: string, length: number): string => id.slice(0, length).padEnd(64, '0')
  await a.docker.createNetwork(BLUE_A, SUBNET)
  await a.docker.run(BLUE_A, WEB)
  const before = a.dataplane.toString()
  const network = { id: twinOf(BLUE_A, 10), options: {}, internal: false, ipv6: false, pools: [] }
  await t.rejects(a.driver.createNetwork(network, signal), { code: 'NETWORK_CONFLICT' })
  await a.driver.deleteNetwork(network.id)
  for (const length of [7, 12]) {
    const id = twinOf(WEB, length)
    const endpoint = { network: BLUE_A, id, addresses: ['10.20.0.9/16'] } as never
    await t.rejects(a.driver.createEndpoint(endpoint, signal), { code: 'ENDPOINT_CONFLICT' })
    await a.driver.leave(BLUE_A, id)
    await a.driver.deleteEndpoint(BLUE_A, id)
  }
  t.equal(a.dataplane.toString(), before)
  t.notOk(a.dataplane.calls.includes(`deleteHostLink tso${WEB.slice(0, 12)}`))
})

t.test(
  'of two creations of one id at once, one is made and nothing of the other stays',
  async (t) => {
    const a = await host(t)
    const { signal } = new AbortController()
    const create = (subnet: string): Promise<void> => {
      const pools = [{ addressSpace: 'LocalDefault', pool: subnet, aux: [] }]
      const request = { id: BLUE_A, options: {}, internal: false, ipv6: false, pools }
      return a.driver.createNetwork(request as never, signal)
    }
    await Promise.all([create('10.20.0.0/16'), create('10.30.0.0/16')])
    t.equal((await a.store.keys('/networks/')).length, 1)
    await a.driver.deleteNetwork(BLUE_A)
    await until('all is gone', async () => (await keysOf(a.store)).length === 0)
  },
)

t.test('one subnet twice is refused', async (t) => {
  const a = await host(t)
  const pool = { addressSpace: 'LocalDefault', pool: '10.20.0.0/16', aux: [] }
  const request = { id: BLUE_A, options: {}, internal: false, ipv6: false, pools: [pool, pool] }
  const made = a.driver.createNetwork(request as never, new AbortController().signal)
  await t.rejects(made, { code: 'POOL_INVALID', message: /10\.20\.0\.0\/16 stands there twice/ })
})

t.test('with scope local nothing is allocated for a swarm', async (t) => {
  const a = await host(t)
  const request = { id: BLUE_A, options: {}, pools: [] }
  const allocated = a.driver.allocateNetwork(request, new AbortController().signal)
  await t.rejects(allocated, { code: 'REQUEST_INVALID', message: /SCOPE=local/ })
})

t.test('a network of other properties is refused, naming each', async (t) => {
  const { a, b } = await twoHosts(t)
  const name = { ipamOptions: { network: 'blue' } }
  await a.docker.createNetwork(BLUE_A, { ...SUBNET, ...name, options: { network: 'blue' } })
  const mtu = { 'com.docker.network.driver.mtu': '1400' }
  const vni = { 'com.docker.network.driver.overlay.vxlanid_list': '77' }
  const options = { network: 'blue', 'source-check': 'off', dns: 'off', ...mtu, ...vni }
  await t.rejects(b.docker.createNetwork(BLUE_B, { ...SUBNET, ...name, options, internal: true }), {
    code: 'NETWORK_CONFLICT',
    message:
      'the network name:blue exists in the cluster with other properties: --internal is false there, not true; source-check is on there, not off; dns is on there, not off; MTU is automatic there, not 1400; VNI is 256 there, not 77',
  })
  await until('b has let go', async () => b.outbox.owed === 0)
  t.equal((await a.book.pools('blue')).length, 1)
  t.same(await b.store.keys(`/holders/blue/10.20.0.0-16/${b.identity.id}`), [])
  await b.docker.createNetwork(BLUE_B, name)
  t.equal(b.journal.bindings.get(BLUE_B)?.network.identity, 'name:blue')
  t.equal(b.journal.bindings.get(BLUE_B)?.network.segments[0]?.subnets[0]?.pool, '10.20.0.0/16')
})
