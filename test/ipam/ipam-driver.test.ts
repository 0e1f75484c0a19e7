import { basename } from 'node:path'
import t from 'tap'
import { choreHandlers } from '../../src/control/records/chores.js'
import { type Cidr, type Ip, overlaps } from '../../src/core/ip.js'
import { AddressPlan } from '../../src/ipam/address-plan.js'
import { BlockBook } from '../../src/ipam/block-book.js'
import { TsoverlayIpam } from '../../src/ipam/ipam-driver.js'
import { PoolTurns } from '../../src/ipam/pool-turns.js'
import { Journal } from '../../src/state/journal.js'
import { SWARM } from '../../src/state/keys.js'
import { NetworkRepository } from '../../src/state/network-repository.js'
import { Outbox } from '../../src/state/outbox.js'
import { Publications } from '../../src/state/publications.js'
import { folder } from '../fakes/folder.js'
import { MemoryStore } from '../fakes/memory-store.js'
import { RecordingDataplane } from '../fakes/recording-dataplane.js'
import { RecordingLogger } from '../fakes/recording-logger.js'
import { until } from '../fakes/until.js'

const LOCAL = 'tsoverlay-local'
const GLOBAL = 'tsoverlay-global'
const { signal } = new AbortController()
const POOL = '10.20.0.0/24' as Cidr

function open(dir: string, store = new MemoryStore(), scope: 'local' | 'global' = 'local') {
  const logger = new RecordingLogger()
  const journal = new Journal(dir, logger)
  const host = basename(dir)
  const plan = new AddressPlan(store, host)
  const identity = { id: host, name: 'node', boot: '1' }
  const repository = new NetworkRepository(store, host)
  const swarm = { plan: new AddressPlan(store, SWARM), repository }
  const vtep = { current: undefined }
  const publications = new Publications(store, identity)
  const owned = {
    store,
    book: plan,
    blocks: new BlockBook({
      ...{ store, host, logger, boot: '1', shelf: journal.blocks, loans: journal.loans },
      used: () => new Map(),
      usage: () => 'bound',
      routed: () => false,
      now: () => 0,
    }),
    repository,
    publications,
    swarm,
    journal,
    identity,
    vtep,
    logger,
  }
  const handlers = choreHandlers(owned)
  const outbox = new Outbox({ shelf: journal.chores, handlers, logger })
  const dataplane = new RecordingDataplane()
  const chosen = scope === 'global' ? swarm.plan : plan
  const turns = new PoolTurns()
  const parts = {
    book: chosen,
    journal,
    outbox,
    dataplane,
    scope,
    synced: false,
    repository,
    turns,
  }
  const ipam = new TsoverlayIpam(parts)
  const request = (pool?: Cidr, network = '', ipv6 = false, addressSpace = LOCAL) =>
    ipam.requestPool(
      { addressSpace, ipv6, options: network ? { network } : {}, ...(pool && { pool }) },
      signal,
    )
  const address = (poolId: string, ip?: string, gateway = false, replay = false) =>
    ipam.requestAddress({ poolId, gateway, replay, ...(ip && { address: ip as Ip }) }, signal)
  /** what CreateNetwork does with the pool */
  const bind = (id: string, network: string): void => {
    const hold = journal.pools.get(id)
    if (hold !== undefined) journal.pools.put({ ...hold, boundTo: network })
    if (hold !== undefined) turns.end(hold.pool)
    journal.bindings.put({ dockerNetwork: network, ipam: 'tsoverlay' } as never)
  }
  return { store, journal, plan, outbox, dataplane, ipam, request, address, bind }
}

t.test('before its network exists, the addresses of a pool are reserved ones', async (t) => {
  const host = open(folder(t))
  const { id, pool } = await host.request('10.20.0.9/24' as Cidr)
  t.same([id, pool], [`${LOCAL}||10.20.0.0/24|`, POOL])
  t.equal(await host.address(id, undefined, true), '10.20.0.1/24')
  t.equal(await host.address(id, '10.20.0.9'), '10.20.0.9/24', 'an auxiliary address')
  t.equal(await host.address(id, '10.20.0.9'), '10.20.0.9/24', 'and of another host, too')
  host.bind(id, 'n')
  await t.rejects(host.address(id, '10.20.0.9'), { code: 'ADDRESS_TAKEN' })
  t.equal(await host.address(id, '10.20.0.2'), '10.20.0.2/24')
  await t.rejects(host.address(id, '10.20.0.2'), { code: 'ADDRESS_TAKEN' })
  await host.ipam.releaseAddress(id, '10.20.0.9' as Ip)
  await host.outbox.settled('address /10.20.0.0/24/10.20.0.9')
  await t.rejects(host.address(id, '10.20.0.9'), { code: 'ADDRESS_TAKEN' })
})

t.test('an address can be had again right after its release', async (t) => {
  const host = open(folder(t))
  const { id } = await host.request(POOL)
  host.bind(id, 'n')
  for (let round = 0; round < 5; round += 1) {
    t.equal(await host.address(id, '10.20.0.7'), '10.20.0.7/24')
    await host.ipam.releaseAddress(id, '10.20.0.7' as Ip)
  }
})

t.test('a subnet of another network of this host is refused', async (t) => {
  const host = open(folder(t))
  const { id } = await host.request(POOL)
  host.bind(id, 'f00dfeedf00dfeed')
  await t.rejects(host.request(POOL), {
    code: 'POOL_IN_USE',
    message: /^subnet 10\.20\.0\.0\/24 is already used on this host by network f00dfeedf00d:/,
  })
  t.equal((await host.request(POOL, 'blue')).id, `${LOCAL}|blue|${POOL}|`)
  await host.ipam.releasePool(id)
  t.equal((await host.plan.pools('')).length, 1, 'a network uses it: only its removal frees it')
})

t.test('chosen subnets avoid routes, pools of the cluster and each other', async (t) => {
  const dirs = folder(t)
  const store = new MemoryStore()
  const [a, b] = [open(`${dirs}/a`, store), open(`${dirs}/b`, store.peer())]
  a.dataplane.routeList.push('10.0.0.0/14' as Cidr)
  await b.request('10.4.0.0/16' as Cidr)
  await b.request('10.5.0.0/16' as Cidr, 'blue')
  const many = await Promise.all([a, b, a, b].map((host) => host.request()))
  const pools = many.map(({ pool }) => pool)
  for (const [at, pool] of pools.entries()) {
    t.notOk(
      pools.some((other, index) => index !== at && overlaps(pool, other)),
      pool,
    )
    t.notOk(overlaps(pool, '10.4.0.0/15' as Cidr))
  }
  t.notOk(overlaps((await a.request()).pool, '10.0.0.0/14' as Cidr))
})

t.test('a named network that exists has its subnet for every host', async (t) => {
  const dirs = folder(t)
  const store = new MemoryStore()
  const [a, b] = [open(`${dirs}/a`, store), open(`${dirs}/b`, store.peer())]
  await a.request(POOL, 'blue')
  const six = (await a.request(undefined, 'blue', true)).pool
  t.equal((await b.request(undefined, 'blue')).pool, POOL)
  t.equal((await b.request(undefined, 'blue', true)).pool, six)
  t.match(six, /^fd[0-9a-f:]+::\/64$/)
  t.not((await b.request(undefined, 'blue')).pool, POOL, 'a second subnet of the same family')
  t.not((await b.request(undefined, '', true)).pool, six)
})

t.test('releases never fail, whatever their id is', async (t) => {
  const host = open(folder(t))
  for (const id of ['', 'garbage', 'a|b|c|d', `${LOCAL}||10.99.0.0/16|`]) {
    await host.ipam.releasePool(id)
    await host.ipam.releaseAddress(id, '10.99.0.1' as Ip)
  }
  const { id } = await host.request(POOL)
  await host.ipam.releaseAddress(id, 'fd00::1' as Ip)
  await host.ipam.releaseAddress(id, '10.99.0.1' as Ip)
  await t.rejects(host.address('garbage'), { code: 'POOL_UNKNOWN' })
  await until('nothing is owed', () => host.outbox.owed === 0)
})

t.test(
  'an address space that is not ours is refused: its pool could never be released',
  async (t) => {
    const host = open(t.testdir())
    for (const space of ['', 'LocalDefault', `${LOCAL}|x`]) {
      await t.rejects(host.request(POOL, '', false, space), { code: 'REQUEST_INVALID' })
    }
    t.same([...host.journal.pools.values()], [])
  },
)

t.test('a subnet that is removed and made again at once is there', async (t) => {
  const host = open(folder(t))
  for (let round = 0; round < 5; round += 1) {
    const { id } = await host.request(POOL)
    t.equal(await host.address(id, undefined, true), '10.20.0.1/24')
    await host.ipam.releasePool(id)
  }
  const { id } = await host.request(POOL)
  await until('nothing is owed', () => host.outbox.owed === 0)
  t.equal(await host.address(id), '10.20.0.1/24')
})

t.test('a pool whose answer was lost is not left behind', async (t) => {
  const host = open(folder(t))
  host.store.loseNext(1)
  await t.rejects(host.request(POOL), { code: 'STORE_UNAVAILABLE' })
  await until('nothing is owed', () => host.outbox.owed === 0)
  host.store.loseNext(1)
  await t.rejects(host.request(), { code: 'STORE_UNAVAILABLE' })
  await until('nothing is owed', () => host.outbox.owed === 0)
  t.same(await host.plan.pools(undefined), [])
  t.same(await host.store.keys('/holders/'), [])
})

t.test('in a swarm a node repeats what the leader decided and asks no store', async (t) => {
  const host = open(folder(t), new MemoryStore(), 'global')
  host.store.unavailable = true
  const { id } = await host.request(POOL)
  t.equal(await host.address(id, '10.20.0.1', true), '10.20.0.1/24')
  t.equal(await host.address(id, '10.20.0.5'), '10.20.0.5/24')
  await t.rejects(host.address(id), { code: 'ADDRESS_INVALID' })
  await t.rejects(host.request(), { code: 'POOL_INVALID' })
  await host.ipam.releaseAddress(id, '10.20.0.5' as Ip)
  await host.ipam.releasePool(id)
  t.equal(host.outbox.owed, 0)
  t.same([...host.journal.pools.values()], [])
  await t.rejects(host.request(POOL, '', false, GLOBAL), { code: 'STORE_UNAVAILABLE' })
  await host.outbox.close()
})
