/** Networks with routes to blocks: what their pools are like, and what is refused when they are made. */
import t from 'tap'
import { chores } from '../../../src/control/records/chores.js'
import { type Cidr, contains, type Ip } from '../../../src/core/ip.js'
import { poolSubject } from '../../../src/ipam/subjects.js'
import { documents, type PoolDocument } from '../../../src/state/documents.js'
import { keys } from '../../../src/state/keys.js'
import type { MemoryStore } from '../../fakes/memory-store.js'
import { until } from '../../fakes/until.js'
import { host, idOf, twoHosts } from '../host.js'

const [BLUE, RED, WEB, DB] = ['blue', 'red', 'web', 'db'].map(idOf) as [
  string,
  string,
  string,
  string,
]
const ROUTED = { subnet: '10.244.0.0/16', options: { backend: 'vxlan' } }
const POOL = { space: '', pool: '10.244.0.0/16' as Cidr }

const named = (name: string, subnet: string, backend = 'vxlan') => ({
  subnet,
  options: { backend, network: name },
  ipamOptions: { network: name },
})

async function poolIn(store: MemoryStore, ref = POOL): Promise<PoolDocument | undefined> {
  const entry = await store.get(keys.pool(ref))
  return entry && documents.pool.decode(entry.value)
}

/** Nothing of networks, pools and blocks is left. */
async function isEmpty(store: MemoryStore): Promise<boolean> {
  const parts = ['/networks/', '/pools/', '/blocks/', '/holders/', '/addresses/', '/attached/']
  const found = await Promise.all(parts.map((part) => store.keys(part)))
  return found.flat().length === 0
}

t.test('each host has a block, and containers its length', async (t) => {
  const { a, b, store } = await twoHosts(t)
  for (const one of [a, b]) await one.docker.createNetwork(BLUE, ROUTED)
  t.match(await poolIn(store), { routed: true, block: 24, gateway: '10.244.0.1/16' })
  t.equal(await a.docker.run(BLUE, WEB), '10.244.0.2/24')
  t.equal(await b.docker.run(BLUE, DB), '10.244.1.2/24')
  t.same(a.blocks.routed.ownBlocks(POOL), ['10.244.0.0/24'])
  t.same(b.blocks.routed.ownBlocks(POOL), ['10.244.1.0/24'])
})

t.test('a fixed address in the own block has its length, in another it is alone', async (t) => {
  const { a, b } = await twoHosts(t)
  for (const one of [a, b]) await one.docker.createNetwork(BLUE, ROUTED)
  t.equal(await a.docker.run(BLUE, WEB, '10.244.0.9'), '10.244.0.9/24')
  t.equal(await a.docker.run(BLUE, DB, '10.244.1.9'), '10.244.1.9/32')
})

t.test('an address that a block needs is refused by what it is for', async (t) => {
  const { a, b } = await twoHosts(t)
  for (const one of [a, b]) await one.docker.createNetwork(BLUE, ROUTED)
  for (const [ip, purpose] of [
    ['10.244.0.255', /it is the broadcast address of the block 10.244.0.0\/24/],
    ['10.244.1.0', /it is the network address of the block 10.244.1.0\/24/],
    ['10.244.1.1', /it is the gateway of the block 10.244.1.0\/24/],
    ['10.244.7.1', /it is the gateway of the block 10.244.7.0\/24/],
  ] as const) {
    const refusal = { code: 'ADDRESS_INVALID', message: purpose }
    await t.rejects(a.docker.run(BLUE, WEB, ip), refusal)
    await t.rejects(b.docker.run(BLUE, WEB, ip), refusal)
  }
})

t.test('--ipam-opt block=N counts, also where the pool moves to its network', async (t) => {
  const { a } = await twoHosts(t)
  const flags = { ...ROUTED, ipamOptions: { block: '26' } }
  await a.docker.createNetwork(BLUE, flags)
  t.equal(await a.docker.run(BLUE, WEB), '10.244.0.2/26')
  const synced = await host(t, { synced: true })
  await synced.docker.createNetwork(BLUE, flags)
  t.equal(await synced.docker.run(BLUE, WEB), '10.244.0.2/26')
  const other = await host(t, { synced: true })
  await other.docker.createNetwork(BLUE, ROUTED)
  t.equal(await other.docker.run(BLUE, WEB), '10.244.0.2/24')
})

t.test('with --ip-range the block is in it', async (t) => {
  const { a } = await twoHosts(t)
  await a.docker.createNetwork(BLUE, { ...ROUTED, ipRange: '10.244.64.0/20' })
  t.same(a.blocks.routed.ownBlocks(POOL), ['10.244.64.0/24'])
  t.equal(await a.docker.run(BLUE, WEB), '10.244.64.2/24')
})

t.test('after a restart all is as before, without the store', async (t) => {
  const { a, b, dirs } = await twoHosts(t)
  for (const one of [a, b]) await one.docker.createNetwork(BLUE, ROUTED)
  const lent = await a.docker.run(BLUE, DB, '10.244.1.9')
  await a.docker.stop(BLUE, DB, lent)
  await a.close()
  const store = b.store.peer()
  const again = await host(t, { store, dir: `${dirs}/a`, vtep: '192.0.2.1' })
  const [hold] = [...again.journal.pools.values()]
  store.unavailable = true
  const poolId = hold?.id ?? ''
  const request = { poolId, gateway: false, replay: false }
  const signal = AbortSignal.timeout(3_000)
  t.match(await again.ipam.requestAddress(request, signal), /^10\.244\.0\.\d+\/24$/)
})

t.test('what cannot have blocks of its own is refused, and nothing stays', async (t) => {
  const { a, store } = await twoHosts(t)
  await t.rejects(a.docker.createForeign(BLUE, '10.244.0.0/16', { backend: 'vxlan' }), {
    code: 'OPTION_INVALID',
    message:
      'option -o backend=vxlan is not valid: allowed is overlay with the IPAM driver "default"; vxlan gives each host a block of the subnet, and needs --ipam-driver tsoverlay',
  })
  const small = { ...ROUTED, subnet: '10.244.0.0/29' }
  await t.rejects(a.docker.createNetwork(BLUE, small), {
    code: 'POOL_INVALID',
    message: /up to \/28/,
  })
  for (const block of ['24', '30']) {
    const flags = { ...ROUTED, subnet: '10.245.0.0/24', ipamOptions: { block } }
    const refusal = { code: 'OPTION_INVALID', message: /block=(24|30) .* from 25 to 29/ }
    await t.rejects(a.docker.createNetwork(BLUE, flags), refusal)
  }
  await until('nothing is left', () => isEmpty(store))
  t.same([...a.journal.pools.values(), ...a.journal.bindings.values()], [])
})

t.test('in a swarm it is refused', async (t) => {
  const a = await host(t, { scope: 'global' })
  const refusal = { code: 'OPTION_INVALID', message: /needs SCOPE=local$/ }
  const pools = [
    { addressSpace: a.ipam.globalAddressSpace, pool: '10.244.0.0/16' as Cidr, aux: [] },
  ]
  const request = { id: RED, options: ROUTED.options, pools }
  const made = { ...request, internal: false, ipv6: false }
  await t.rejects(a.driver.createNetwork(made, AbortSignal.timeout(2_000)), refusal)
  await t.rejects(a.driver.allocateNetwork(request, AbortSignal.timeout(2_000)), refusal)
})

t.test(
  'another backend of the same network is refused, and its pool is not cut anew',
  async (t) => {
    const { a, b, store } = await twoHosts(t)
    await a.docker.createNetwork(BLUE, { subnet: ROUTED.subnet })
    await a.docker.run(BLUE, WEB)
    await t.rejects(b.docker.createNetwork(BLUE, ROUTED), {
      code: 'NETWORK_CONFLICT',
      message: /backend is overlay there, not vxlan/,
    })
    t.match(await poolIn(store), { block: 26, routed: undefined })
    await t.rejects(
      b.docker.createNetwork(BLUE, { ...ROUTED, options: { backend: 'host-gw' } }),
      /backend is overlay there, not host-gw/,
    )
  },
)

t.test('a subnet that overlaps a routed network is refused, in any address space', async (t) => {
  const { a, b, store } = await twoHosts(t)
  await a.docker.createNetwork(BLUE, named('blue', '10.244.0.0/16'))
  for (const backend of ['vxlan', 'host-gw', 'overlay']) {
    await t.rejects(b.docker.createNetwork(RED, named('red', '10.244.128.0/20', backend)), {
      code: 'POOL_OVERLAP',
      message:
        'subnet 10.244.128.0/20 overlaps 10.244.0.0/16 of network name:blue, which all hosts have routes to (backend vxlan): choose another --subnet such as 10.0.0.0/16',
    })
  }
  await until('nothing of it is left', async () => (await store.keys('/pools/red')).length === 0)
  t.equal((await store.keys('/networks/')).length, 1)
  await b.docker.createNetwork(RED, named('red', '10.245.0.0/16'))
})

t.test('so is one that a host has its address in', async (t) => {
  const { a, b, store } = await twoHosts(t)
  await until('both are known', async () => (await store.keys('/hosts/')).length === 2)
  await t.rejects(a.docker.createNetwork(BLUE, { ...ROUTED, subnet: '192.0.0.0/16' }), {
    code: 'POOL_OVERLAP',
    message:
      /^subnet 192\.0\.0\.0\/16 overlaps 192\.0\.2\.\d, the address by which host .* is reached/,
  })
  await b.docker.createNetwork(BLUE, { subnet: '192.0.0.0/16' })
})

t.test('of two that overlap and are made at once, one is', async (t) => {
  const { a, b, store } = await twoHosts(t)
  const made = await Promise.allSettled([
    a.docker.createNetwork(BLUE, named('blue', '10.244.0.0/16')),
    b.docker.createNetwork(RED, named('red', '10.244.0.0/18')),
  ])
  t.equal(made.filter(({ status }) => status === 'fulfilled').length, 1)
  const refused = made.find((each) => each.status === 'rejected')
  t.match(refused, { reason: { code: 'POOL_OVERLAP' } })
  t.equal((await store.keys('/networks/')).length, 1)
})

t.test('two hosts that make the same network at once share it', async (t) => {
  const { a, b, store } = await twoHosts(t)
  await Promise.all(
    [a, b].map((one) => one.docker.createNetwork(BLUE, named('blue', '10.244.0.0/16'))),
  )
  const ref = { ...POOL, space: 'blue' }
  t.match(await poolIn(store, ref), { routed: true, block: 24 })
  const own = [a, b].map((one) => one.blocks.routed.ownBlocks(ref))
  t.same(
    own.map(({ length }) => length),
    [1, 1],
  )
  t.not(own[0]?.[0], own[1]?.[0])
  for (const [at, one] of [a, b].entries()) {
    const address = await one.docker.run(BLUE, idOf(`web ${at}`))
    t.ok(address.endsWith('/24') && contains(own[at]?.[0] as Cidr, address.split('/')[0] as Ip))
  }
  const blocks = await store.keys(keys.blocks(ref))
  t.ok(
    blocks.every((key) => key.endsWith('-24')),
    blocks.join(),
  )
})

t.test('a store that lost the pool gets it back as it was cut', async (t) => {
  const { a, store } = await twoHosts(t)
  await a.docker.createNetwork(BLUE, ROUTED)
  await store.txn([], [{ delete: keys.pool(POOL) }])
  await a.outbox.submit(chores.restorePool(POOL))
  await until('it is there', async () => (await poolIn(store)) !== undefined)
  await a.outbox.settled(poolSubject(POOL))
  t.match(await poolIn(store), { routed: true, block: 24, gateway: '10.244.0.1/16' })
})
