/** Addresses by blocks: own ones, other hosts' ones, what is given back. */
import t, { type Test } from 'tap'
import { type Ip, ipOf } from '../../src/core/ip.js'
import { documents } from '../../src/state/documents.js'
import { keys } from '../../src/state/keys.js'
import { MemoryStore } from '../fakes/memory-store.js'
import { until } from '../fakes/until.js'
import { BlockHost, refOf } from './block-hosts.js'

const WIDE = refOf('10.20.0.0/16')
/** four blocks of four addresses; 14 usable */
const SMALL = refOf('10.20.0.0/28')
// As the plugin's sockets do: the wait for an owner's answer alone keeps no process alive.
const alive = setInterval(() => undefined, 1_000)
t.teardown(() => clearInterval(alive))
const ip = (text: string): Ip => text as Ip

async function hosts(t: Test, count = 2): Promise<[BlockHost, BlockHost, BlockHost]> {
  const store = new MemoryStore()
  const made = Array.from({ length: 3 }, (_, at) => {
    const id = `${'abc'[at]}`
    return new BlockHost(id, at === 0 ? store : store.peer())
  })
  for (const host of made) {
    t.teardown(() => host.book.close())
    const value = documents.host.encode({
      id: host.id,
      name: `h${host.id}`,
      vtep: '192.0.2.1' as Ip,
      boot: '1',
    })
    await store.txn([], [{ put: keys.host(host.id), value }])
  }
  for (const host of made.slice(0, count)) {
    await host.book.hold(WIDE).catch(() => undefined)
  }
  return made as [BlockHost, BlockHost, BlockHost]
}

async function small(t: Test): Promise<[BlockHost, BlockHost, BlockHost]> {
  const all = await hosts(t, 0)
  for (const host of all) await host.book.hold(SMALL)
  return all
}

const take = async (host: BlockHost, ref = SMALL): Promise<Ip> =>
  ipOf(await host.book.allocate([ref]))

t.test('a prepared pool gives addresses while the store is away', async (t) => {
  const [a] = await hosts(t)
  await a.book.gateway(WIDE, undefined, undefined)
  await a.book.prepare(WIDE)
  a.store.unavailable = true
  const got = []
  for (let count = 0; count < 60; count += 1) got.push(await take(a, WIDE))
  t.equal(new Set(got).size, 60)
  t.notOk(got.includes(ip('10.20.0.1')), 'the gateway')
  for (let count = 0; count < 2; count += 1) await take(a, WIDE).catch(() => undefined)
  await t.rejects(take(a, WIDE), { code: 'STORE_UNAVAILABLE' })
  t.ok(a.book.releaseNow(WIDE, ip('10.20.0.9')))
  t.equal(await take(a, WIDE), '10.20.0.9')
})

t.test('an address that came back long ago is the last one to be used again', async (t) => {
  const [a] = await hosts(t)
  await a.book.prepare(WIDE)
  const first = await take(a, WIDE)
  const second = await take(a, WIDE)
  for (const each of [second, first]) a.book.releaseNow(WIDE, each)
  a.clock += 61_000
  const got: Ip[] = []
  a.store.unavailable = true
  for (let count = 0; count < 63; count += 1) got.push(await take(a, WIDE))
  t.same(got.slice(-2), [second, first])
})

t.test('an address that has just come back is given first', async (t) => {
  const [a] = await hosts(t)
  const [first, second, third] = [await take(a, WIDE), await take(a, WIDE), await take(a, WIDE)]
  a.book.releaseNow(WIDE, second)
  t.equal(await take(a, WIDE), second)
  for (const each of [third, first, second]) a.book.releaseNow(WIDE, each)
  const again = [await take(a, WIDE), await take(a, WIDE), await take(a, WIDE)]
  t.same(again, [third, first, second], 'of those restarted together in their order')
  a.book.releaseNow(WIDE, first)
  a.clock += 1_000
  a.book.releaseNow(WIDE, third)
  t.equal(await take(a, WIDE), third, 'else the last one')
  t.equal(await take(a, WIDE), first)
})

t.test(
  'what came back before a restart is given first after it, also after a reboot',
  async (t) => {
    const [a] = await hosts(t)
    const [first, second] = [await take(a, WIDE), await take(a, WIDE)]
    a.book.releaseNow(WIDE, second)
    a.clock += 1_000
    a.book.releaseNow(WIDE, first)
    a.clock = 0
    await a.restart()
    t.same([await take(a, WIDE), await take(a, WIDE)], [first, second])
    await a.restart({ reboot: true })
    const got = [await take(a, WIDE), await take(a, WIDE)]
    t.same(got.sort(), [first, second].sort())
  },
)

t.test('an address of --ip is kept for who asks for it again', async (t) => {
  const [a] = await hosts(t)
  await a.book.prepare(WIDE)
  const claim = { ...WIDE, ip: ip('10.20.0.9'), kind: 'endpoint' } as const
  await a.book.claim(claim)
  a.book.releaseNow(WIDE, claim.ip)
  t.not(await take(a, WIDE), claim.ip)
  await a.book.claim(claim)
  await a.restart({ reboot: true })
  for (let count = 0; count < 3; count += 1) t.not(await take(a, WIDE), claim.ip)
})

t.test('where dockerd says names each endpoint has its own address again', async (t) => {
  const [a] = await hosts(t)
  const of = async (name: string): Promise<Ip> => ipOf(await a.book.allocate([{ ...WIDE, name }]))
  const [web, db] = [await of('web'), await of('db')]
  for (const each of [web, db]) a.book.releaseNow(WIDE, each)
  t.notOk([web, db].includes(await of('other')))
  await a.restart()
  a.clock += 600_000
  t.same([await of('db'), await of('web')], [db, web])
  await a.restart({ reboot: true })
  t.same([await of('db'), await of('web')], [db, web])
})

t.test('the next block is claimed before the last one is used up', async (t) => {
  const [a] = await hosts(t)
  for (let count = 0; count < 50; count += 1) await take(a, WIDE)
  await until('a second block', () => a.book.holdings(WIDE).blocks === 2)
})

t.test('the store holds one key a block, not one an address', async (t) => {
  const [a, b] = await hosts(t)
  const before = (await a.store.keys('/')).length
  for (let count = 0; count < 100; count += 1) await Promise.all([take(a, WIDE), take(b, WIDE)])
  t.ok((await a.store.keys('/')).length - before <= 6)
})

t.test("an address in another host's block is given by its owner, and comes back", async (t) => {
  const [a, b] = await hosts(t)
  await a.book.prepare(WIDE)
  const claim = { ...WIDE, ip: ip('10.20.0.7'), kind: 'endpoint' } as const
  await b.book.claim(claim)
  t.same(b.held(WIDE), [], 'no block of its own')
  await t.rejects(a.book.claim(claim), { code: 'ADDRESS_TAKEN', message: /on host hb:/ })
  await t.rejects(b.book.claim(claim), { code: 'ADDRESS_TAKEN', message: /on this host:/ })
  t.equal(b.book.releaseNow(WIDE, claim.ip), false)
  await b.book.release(WIDE, claim.ip)
  await until('a has it again', () =>
    a.book.claim(claim).then(
      () => true,
      () => false,
    ),
  )
  a.used.set(claim.ip, 'e'.repeat(64))
  await t.rejects(b.book.claim(claim), {
    code: 'ADDRESS_TAKEN',
    message: /is held by a container on host ha \(endpoint eeeeeeeeeeee\)/,
  })
  t.same(await a.store.keys(keys.allAsks), [])
})

t.test('an owner that does not answer is named', async (t) => {
  const [a, b] = await hosts(t)
  await a.book.prepare(WIDE)
  await a.book.close()
  const claim = { ...WIDE, ip: ip('10.20.0.7'), kind: 'endpoint' } as const
  await t.rejects(b.book.claim(claim), { code: 'OWNER_UNAVAILABLE', message: /host ha to give/ })
  t.same(await b.store.keys(keys.allAsks), [], 'the wish is withdrawn')
})

t.test('when no block is free single addresses are lent, until the pool is full', async (t) => {
  const [a, b, c] = await small(t)
  const got = [
    await take(a),
    await take(b),
    await take(b),
    await take(b),
    await take(b),
    await take(b),
  ]
  while (got.length < 14) got.push(await take(c))
  t.equal(new Set(got).size, 14)
  for (const host of [a, b, c]) {
    await t.rejects(take(host), {
      code: 'POOL_EXHAUSTED',
      message:
        /^subnet 10\.20\.0\.0\/28 has no free address left: it has 14 addresses, most of them \(\d+\) in blocks of h[abc]$/,
    })
  }
  await a.book.close()
  await t.rejects(take(b), { message: /; no answer came from ha$/ })
})

t.test('gateway and auxiliary addresses are shared, whoever owns their block', async (t) => {
  const [a, b] = await hosts(t)
  await a.book.prepare(WIDE)
  t.equal(await a.book.gateway(WIDE, undefined, undefined), '10.20.0.1')
  t.equal(await b.book.gateway(WIDE, undefined, undefined), '10.20.0.1')
  const aux = { ...WIDE, kind: 'reserved' } as const
  await b.book.claim({ ...aux, ip: ip('10.20.0.2') })
  await a.book.claim({ ...aux, ip: ip('10.20.0.2') })
  await b.book.claim({ ...aux, ip: ip('10.20.9.9') })
  t.equal(await take(a, WIDE), '10.20.0.3')
  await t.rejects(b.book.claim({ ...aux, ip: ip('10.20.0.3') }), { message: /on host ha/ })
  const free = { ...WIDE, ip: ip('10.20.9.9'), kind: 'endpoint' } as const
  await t.rejects(a.book.claim(free), { message: /is reserved as a gateway/ })
  await a.book.claim({ ...free, ip: ip('10.20.9.8') })
  await t.rejects(a.book.claim(free), { message: /is reserved as a gateway/ })
})

t.test('with an IP range only blocks that touch it are claimed to choose from', async (t) => {
  const [a] = await hosts(t)
  const range = { ...WIDE, subPool: '10.20.5.0/29' as never }
  await a.book.prepare(range)
  t.same(await a.store.keys('/blocks/'), ['/blocks/_/10.20.0.0-16/10.20.5.0-26'])
  const got = []
  for (let count = 0; count < 8; count += 1) got.push(ipOf(await a.book.allocate([range])))
  t.equal(new Set(got).size, 8)
  await t.rejects(a.book.allocate([range]), { message: /\(IP range 10\.20\.5\.0\/29\).* it has 8/ })
})

t.test('a full first subnet goes on in the second', async (t) => {
  const [a] = await small(t)
  const second = refOf('10.21.0.0/28')
  await a.book.hold(second)
  const got = []
  for (let count = 0; count < 28; count += 1) got.push(await a.book.allocate([SMALL, second]))
  t.equal(got.filter((each) => each.startsWith('10.21.')).length, 14)
  t.equal(new Set(got).size, 28)
  await t.rejects(a.book.allocate([SMALL, second]), { message: /^subnet 10\.20\.0\.0\/28/ })
})

t.test('after a restart what was handed out still is; after a reboot it is free', async (t) => {
  const [a] = await hosts(t)
  const first = await take(a, WIDE)
  await a.restart()
  t.same(a.held(WIDE), [first])
  const second = await take(a, WIDE)
  t.not(second, first)
  await a.restart({ reboot: true })
  t.same(a.held(WIDE), [])
  a.store.unavailable = true
  t.ok([first, second].includes(await take(a, WIDE)), 'and given first')
})

t.test('a lost journal is made good from the store and the endpoints', async (t) => {
  const [a, b] = await hosts(t)
  const first = await take(a, WIDE)
  a.used.set(first, 'web')
  const lent = { ...WIDE, ip: ip('10.20.0.7'), kind: 'endpoint' } as const
  await b.book.claim(lent)
  await a.restart({ journalLost: true })
  t.not(await take(a, WIDE), first)
  t.equal(a.book.holdings(WIDE).blocks, 1)
  t.ok(a.held(WIDE).includes(first))
  await t.rejects(a.book.claim(lent), { message: /held by a container on host hb/ })
})

t.test('a removed host that comes back lets go of what is not its own', async (t) => {
  const [a, b] = await hosts(t)
  const first = await take(a, WIDE)
  await a.book.close()
  await b.store.txn([], [{ deletePrefix: keys.blocks(WIDE) }])
  const claim = { ...WIDE, ip: first, kind: 'endpoint' } as const
  await b.book.claim(claim)
  await a.restart()
  t.not(await take(a, WIDE), first)
  t.equal(a.logger.count('address block is not ours in the store, dropped'), 1)
  await t.rejects(a.book.claim(claim), { message: /held by a container on host hb/ })
  const gone = a.held(WIDE)
  await b.store.txn([], [{ deletePrefix: keys.blocks(WIDE) }])
  await until('it notices while it runs', () => b.book.holdings(WIDE).blocks <= 1)
  t.ok(gone.length > 0)
})

t.test('what dockerd lost and what stayed empty is given back in time', async (t) => {
  const [a, b] = await hosts(t)
  const lost = await take(a, WIDE)
  const kept = await take(a, WIDE)
  a.used.set(kept, 'web')
  await a.book.claim({ ...WIDE, ip: ip('10.20.7.7'), kind: 'endpoint' })
  await b.book.claim({ ...WIDE, ip: ip('10.20.0.9'), kind: 'endpoint' })
  await a.book.care.collect()
  t.same(a.held(WIDE).length, 3)
  for (const host of [a, b]) host.clock += 130_000
  for (const host of [a, b]) await host.book.care.collect()
  t.same(a.held(WIDE), [kept])
  t.notOk(a.held(WIDE).includes(lost))
  t.same(await b.store.keys(keys.allAddresses), [], 'the loan went back')
  a.clock += 700_000
  await a.book.care.collect()
  t.equal(a.book.holdings(WIDE).blocks, 1)
  t.equal((await a.store.keys('/blocks/')).length, 1)
})

t.test('who leaves a pool gives everything back, the last one removes it', async (t) => {
  const [a, b] = await hosts(t)
  for (let count = 0; count < 130; count += 1) await take(a, WIDE)
  await b.book.claim({ ...WIDE, ip: ip('10.20.0.200'), kind: 'endpoint' })
  await a.book.drop(WIDE)
  const mine = (await a.store.list('/blocks/')).entries.filter((each) => each.value.includes('"a"'))
  t.same(mine, [])
  await b.book.drop(WIDE)
  const left = await Promise.all(
    ['/pools/', '/holders/', '/blocks/', '/addresses/', '/asks/'].map((part) => b.store.keys(part)),
  )
  t.same(left.flat(), [])
})

t.test('another block size than the pool has is refused', async (t) => {
  const [a, b] = await hosts(t, 0)
  await a.book.hold(WIDE, undefined, { block: 28 })
  await a.book.prepare(WIDE)
  t.same(await a.store.keys('/blocks/'), ['/blocks/_/10.20.0.0-16/10.20.0.0-28'])
  await t.rejects(b.book.hold(WIDE, undefined, { block: 26 }), {
    code: 'OPTION_INVALID',
    message:
      'option --ipam-opt block=26 is not valid: allowed is 28, which the subnet 10.20.0.0/16 has in this cluster',
  })
  await b.book.hold(WIDE)
})

t.test('a container is told when its address went to another one meanwhile', async (t) => {
  const [a] = await hosts(t)
  const first = await take(a, WIDE)
  await a.book.confirm(WIDE, first)
  a.used.set(first, 'web')
  await t.rejects(a.book.confirm(WIDE, first), { message: /on this host \(endpoint web\)/ })
  a.used.clear()
  a.clock += 130_000
  await a.book.care.collect()
  await a.book.confirm(WIDE, first)
  t.same(a.held(WIDE), [first])
})

t.test(
  'a borrowed address is had again while the store is away, and its return is off',
  async (t) => {
    const [a, b] = await hosts(t)
    await a.book.prepare(WIDE)
    const claim = { ...WIDE, ip: ip('10.20.0.7'), kind: 'endpoint' } as const
    t.equal(await b.book.claimNow(claim), false, 'not yet lent')
    await b.book.claim(claim)
    b.store.unavailable = true
    t.equal(await b.book.claimNow(claim), false, 'a container has it')
    t.equal(b.book.releaseNow(WIDE, claim.ip), false)
    await t.rejects(b.book.release(WIDE, claim.ip), { code: 'STORE_UNAVAILABLE' })
    t.equal(await b.book.claimNow(claim), true)
    b.used.set(claim.ip, 'web')
    b.store.unavailable = false
    await b.book.release(WIDE, claim.ip)
    await t.rejects(a.book.claim(claim), { code: 'ADDRESS_TAKEN', message: /on host hb:/ })
    await b.restart({ reboot: true })
    b.store.unavailable = true
    t.equal(await b.book.claimNow(claim), true, 'after a reboot, too')
    t.equal(await b.book.claimNow(claim), false)
  },
)

t.test(
  'a borrowed address whose return may have reached the store is not had without it',
  async (t) => {
    const [a, b] = await hosts(t)
    await a.book.prepare(WIDE)
    const claim = { ...WIDE, ip: ip('10.20.0.7'), kind: 'endpoint' } as const
    await b.book.claim(claim)
    b.book.releaseNow(WIDE, claim.ip)
    b.store.loseNext(1)
    await b.book.release(WIDE, claim.ip).catch(() => undefined)
    b.store.unavailable = true
    t.equal(await b.book.claimNow(claim), false)
    await b.restart()
    t.equal(await b.book.claimNow(claim), false)
  },
)

t.test("a borrowed address that the store calls nobody's is not had again", async (t) => {
  const [a, b] = await hosts(t)
  await a.book.prepare(WIDE)
  const claim = { ...WIDE, ip: ip('10.20.0.7'), kind: 'endpoint' } as const
  await b.book.claim(claim)
  await b.book.close()
  await a.store.txn([], [{ delete: keys.address(WIDE, claim.ip) }])
  await b.restart({ reboot: true })
  t.equal(await b.book.claimNow(claim), false)
  await b.book.claim(claim)
  b.used.set(claim.ip, 'web')
  await a.store.txn([], [{ delete: keys.address(WIDE, claim.ip) }])
  await b.book.keep(WIDE, claim.ip)
  t.ok(await a.store.get(keys.address(WIDE, claim.ip)), 'asked for anew')
})

t.test('nothing is owed for an address of an own block that is free', async (t) => {
  const [a] = await hosts(t)
  const first = await take(a, WIDE)
  await a.restart({ reboot: true })
  a.store.unavailable = true
  t.equal(a.book.releaseNow(WIDE, first), true)
  t.equal(await a.book.claimNow({ ...WIDE, ip: first, kind: 'endpoint' }), true)
  await a.book.release(WIDE, first)
  t.same(a.held(WIDE), [first], 'a release of the earlier boot that comes late')
})
