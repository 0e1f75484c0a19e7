/** Pools whose blocks are subnets of their own: cut anew, set aside, told of. */
import t, { type Test } from 'tap'
import { type Cidr, contains, type Ip, ipOf, prefixLength } from '../../src/core/ip.js'
import { documents } from '../../src/state/documents.js'
import { keys, type PoolRef } from '../../src/state/keys.js'
import { MemoryStore } from '../fakes/memory-store.js'
import { until } from '../fakes/until.js'
import { BlockHost, refOf } from './block-hosts.js'

const WIDE = refOf('10.244.0.0/16')
/** two blocks of eight addresses, five for containers */
const SMALL = refOf('10.244.0.0/28')
const ip = (text: string): Ip => text as Ip
const alive = setInterval(() => undefined, 1_000)
t.teardown(() => clearInterval(alive))

function hosts(t: Test): readonly [BlockHost, BlockHost] {
  const store = new MemoryStore()
  const made = [new BlockHost('a', store), new BlockHost('b', store.peer())] as const
  for (const host of made) t.teardown(() => host.book.close())
  return made
}

/** From RequestPool to CreateNetwork, as for a new network of a routed backend. */
async function create(host: BlockHost, ref: PoolRef, block?: number): Promise<void> {
  host.usage = 'unbound'
  await host.book.hold(ref, undefined, block === undefined ? {} : { block })
  await host.book.prepare(ref)
  await host.book.gateway(ref, undefined, undefined)
  await host.book.routed.route(ref)
  await host.book.routed.cutAnew(ref)
  host.usage = 'bound'
  host.routed = true
}

const blocksOf = async ({ store }: BlockHost, ref: PoolRef): Promise<readonly string[]> =>
  (await store.keys(keys.blocks(ref))).map((key) => key.split('/').at(-1) ?? '')

t.test('a pool is cut anew when it becomes a routed one', async (t) => {
  const [a, b] = hosts(t)
  await create(a, WIDE)
  t.same(a.book.routed.ownBlocks(WIDE), ['10.244.0.0/24'])
  t.same(await blocksOf(a, WIDE), ['10.244.0.0-24'], 'nothing is left of the former block')
  await create(b, WIDE)
  t.same(b.book.routed.ownBlocks(WIDE), ['10.244.1.0/24'])
  t.same(await a.book.allocate([WIDE]), '10.244.0.2/24')
  t.same(await b.book.allocate([WIDE]), '10.244.1.2/24')
  const [document] = await b.book.pools(WIDE.space)
  t.match(document, { routed: true, block: 24 })
  t.notOk(document?.given)
})

t.test('a length that the user gave stays, and another one later is refused', async (t) => {
  const [a, b] = hosts(t)
  await create(a, WIDE, 26)
  t.same(a.book.routed.ownBlocks(WIDE), ['10.244.0.0/26'])
  t.equal(await a.book.allocate([WIDE]), '10.244.0.2/26')
  await t.rejects(create(b, WIDE, 24), { code: 'OPTION_INVALID', message: /allowed is 26, which/ })
  const [c] = hosts(t)
  await t.rejects(create(c, refOf('10.244.0.0/24'), 30), { code: 'OPTION_INVALID' })
})

t.test('two hosts that make one network at once end with blocks of one length', async (t) => {
  const [a, b] = hosts(t)
  for (const host of [a, b]) {
    host.usage = 'unbound'
    await host.book.hold(WIDE)
    await host.book.prepare(WIDE)
  }
  t.same(await blocksOf(a, WIDE), ['10.244.0.0-26', '10.244.0.64-26'])
  await a.book.routed.route(WIDE)
  await a.book.routed.cutAnew(WIDE)
  t.same(a.book.routed.ownBlocks(WIDE), ['10.244.1.0/24'], 'beside what the other one still has')
  t.same(b.book.routed.ownBlocks(WIDE), [], 'that is no subnet of its own')
  await b.book.routed.route(WIDE)
  await b.book.routed.cutAnew(WIDE)
  t.same(b.book.routed.ownBlocks(WIDE), ['10.244.0.0/24'])
  t.same((await blocksOf(a, WIDE)).toSorted(), ['10.244.0.0-24', '10.244.1.0-24'])
})

t.test('a block of a former length is neither claimed nor reserved in', async (t) => {
  const [a, b] = hosts(t)
  for (const host of [a, b]) await host.book.hold(WIDE)
  let claimed = false
  // What b decides by the pool as it was: a makes it a routed one in the midst of it.
  const list = b.store.list.bind(b.store)
  b.store.list = async (...args) => {
    const found = await list(...args)
    if (!claimed && args[0] === keys.blocks(WIDE)) {
      claimed = true
      await create(a, WIDE)
    }
    return found
  }
  await b.book.prepare(WIDE)
  t.ok(claimed)
  t.same(b.book.routed.ownBlocks(WIDE), ['10.244.1.0/24'])
})

t.test('nor is an address reserved in a block of another length that somebody has', async (t) => {
  const [a, b] = hosts(t)
  for (const host of [a, b]) await host.book.hold(WIDE)
  const aux = ip('10.244.0.77')
  let made = false
  const get = b.store.get.bind(b.store)
  // b has seen that nobody has the /26 around it; a has the /24 before b writes.
  b.store.get = async (...args) => {
    const found = await get(...args)
    if (!made && args[0].startsWith(keys.blocks(WIDE))) {
      made = true
      await create(a, WIDE)
      t.equal(await a.book.claimNow({ ...WIDE, ip: aux, kind: 'endpoint' }), true)
    }
    return found
  }
  const claim = b.book.claim({ ...WIDE, ip: aux, kind: 'reserved' })
  await t.rejects(claim, { code: 'ADDRESS_TAKEN', message: /is held by a container on host/ })
  t.ok(made)
  t.notOk((await a.store.keys(keys.addresses(WIDE))).some((key) => key.endsWith('.77')))
})

t.test('addresses of a block that was handed out of are not cut anew', async (t) => {
  const [a] = hosts(t)
  await a.book.hold(WIDE)
  await a.book.allocate([WIDE])
  await a.book.routed.route(WIDE)
  await t.rejects(a.book.routed.cutAnew(WIDE), {
    code: 'POOL_IN_USE',
    message: /10\.244\.0\.0\/16/,
  })
})

t.test('what was left of a former length goes after a crash', async (t) => {
  const [a] = hosts(t)
  await a.book.hold(WIDE)
  await a.book.prepare(WIDE)
  await a.book.routed.route(WIDE)
  // Out of the journal, but not of the store: it died in between.
  a.shelf.holds.clear()
  await a.restart()
  await a.book.care.tend()
  await until('it is gone', async () => (await blocksOf(a, WIDE)).length === 0)
  t.same(a.held(WIDE), [])
})

t.test('no container gets an address that a block needs, by --ip neither', async (t) => {
  const [a, b] = hosts(t)
  await create(a, SMALL)
  await create(b, SMALL)
  const got = new Set<string>()
  for (let count = 0; count < 5; count += 1) got.add(await a.book.allocate([SMALL]))
  t.same(got, new Set([2, 3, 4, 5, 6].map((last) => `10.244.0.${last}/29`)))
  for (const [text, purpose] of [
    ['10.244.0.7', 'the broadcast address of the block 10.244.0.0/29'],
    ['10.244.0.8', 'the network address of the block 10.244.0.8/29'],
    ['10.244.0.9', "the gateway of the block 10.244.0.8/29, on its host's bridge"],
  ] as const) {
    for (const host of [a, b]) {
      const claim = { ...SMALL, ip: ip(text), kind: 'endpoint' } as const
      t.notOk(await host.book.claimNow(claim))
      await t.rejects(host.book.claim(claim), {
        code: 'ADDRESS_INVALID',
        message: `address ${text} is not usable in subnet ${SMALL.pool}: it is ${purpose}; choose another or leave it out`,
      })
    }
  }
  // The whole pool: all that b has is lent, and then there is none.
  for (let count = 0; count < 5; count += 1) got.add(await a.book.allocate([SMALL]))
  t.same([...got].slice(5).sort(), [10, 11, 12, 13, 14].map((last) => `10.244.0.${last}/32`).sort())
  await t.rejects(a.book.allocate([SMALL]), { code: 'POOL_EXHAUSTED' })
})

t.test('nor does one come free because it was reserved', async (t) => {
  const [a] = hosts(t)
  await create(a, SMALL)
  const gateway = keys.address(SMALL, ip('10.244.0.1'))
  t.same(await a.store.keys(keys.addresses(SMALL)), [gateway])
  await a.store.txn([], [{ delete: gateway }])
  await a.restart()
  const got = []
  for (let count = 0; count < 5; count += 1) got.push(ipOf(await a.book.allocate([SMALL])))
  t.notOk(got.includes(ip('10.244.0.1')), got.join())
})

t.test('a fixed address in another block is alone on its link, also after a restart', async (t) => {
  const [a, b] = hosts(t)
  await create(a, WIDE)
  await create(b, WIDE)
  for (const [text, on] of [
    ['10.244.0.9', 24],
    ['10.244.1.9', 32],
  ] as const) {
    await a.book.claim({ ...WIDE, ip: ip(text), kind: 'endpoint' })
    a.used.set(ip(text), text)
    t.equal(a.book.onLink(WIDE, ip(text)), `${text}/${on}`)
  }
  // In nobody's block: this host claims it.
  await a.book.claim({ ...WIDE, ip: ip('10.244.9.9'), kind: 'endpoint' })
  t.equal(a.book.onLink(WIDE, ip('10.244.9.9')), '10.244.9.9/24')
  t.same(a.book.routed.ownBlocks(WIDE), ['10.244.0.0/24', '10.244.9.0/24'])
  a.store.unavailable = true
  await a.restart()
  t.equal(a.book.onLink(WIDE, ip('10.244.1.9')), '10.244.1.9/32')
  t.same(a.book.routed.ownBlocks(WIDE), ['10.244.0.0/24', '10.244.9.0/24'])
})

t.test('who listens is told of each claim, of what is given back, and at the start', async (t) => {
  const [a, b] = hosts(t)
  await create(a, WIDE)
  t.same(a.told, [WIDE], 'of no block of the former length')
  await create(b, WIDE)
  await a.book.claim({ ...WIDE, ip: ip('10.244.9.9'), kind: 'endpoint' })
  t.equal(a.told.length, 2)
  a.book.releaseNow(WIDE, ip('10.244.9.9'))
  a.clock += 700_000
  await a.book.care.collect()
  t.equal(a.book.routed.ownBlocks(WIDE).length, 1, 'of two empty ones, one is enough')
  t.equal(a.told.length, 3)
  await a.restart()
  t.equal(a.told.length, 4)
  await a.book.drop(WIDE)
  t.equal(a.told.length, 5)
  t.same(a.book.routed.ownBlocks(WIDE), [])
})

t.test('a block with containers is not given back, however long nothing happens', async (t) => {
  const [a] = hosts(t)
  await create(a, WIDE)
  const address = await a.book.allocate([WIDE])
  a.used.set(ipOf(address), 'web')
  await a.book.claim({ ...WIDE, ip: ip('10.244.9.9'), kind: 'endpoint' })
  a.book.releaseNow(WIDE, ip('10.244.9.9'))
  for (let count = 0; count < 3; count += 1) {
    a.clock += 700_000
    await a.book.care.collect()
  }
  t.same(a.book.routed.ownBlocks(WIDE), ['10.244.0.0/24'])
})

t.test('a store that lost its data gets blocks and pool back as they were', async (t) => {
  const [a] = hosts(t)
  await create(a, WIDE)
  const address = await a.book.allocate([WIDE])
  a.used.set(ipOf(address), 'web')
  for (const prefix of ['/pools/', '/blocks/', '/addresses/', '/holders/'])
    await a.store.txn([], [{ deletePrefix: prefix }])
  await until('it is claimed again', async () => (await blocksOf(a, WIDE)).length === 1)
  const [document] = await a.book.pools(WIDE.space)
  t.match(document, { routed: true, block: 24 })
  await until('it is known again', () => a.book.routed.ownBlocks(WIDE).length === 1)
  t.same(a.book.routed.ownBlocks(WIDE), ['10.244.0.0/24'])
  t.same(a.held(WIDE), [ipOf(address)])
})

t.test('an older copy of the pool does not undo how it is cut', async (t) => {
  const [a] = hosts(t)
  await create(a, WIDE)
  const address = await a.book.allocate([WIDE])
  a.used.set(ipOf(address), 'web')
  await a.store.txn(
    [],
    [
      { put: keys.pool(WIDE), value: documents.pool.encode({ pool: WIDE.pool, block: 26 }) },
      { deletePrefix: keys.blocks(WIDE) },
    ],
  )
  await until('it is claimed again', async () => (await blocksOf(a, WIDE)).length === 1)
  const [document] = await a.book.pools(WIDE.space)
  t.match(document, { routed: true, block: 24 })
})

t.test('IPv6: the first two addresses of a block are set aside, the last one is not', async (t) => {
  const [a, b] = hosts(t)
  const six = refOf('fd00::/120')
  await create(a, six)
  await create(b, six)
  const [own = '' as Cidr] = a.book.routed.ownBlocks(six)
  t.equal(prefixLength(own), 124)
  const got = []
  for (let count = 0; count < 14; count += 1) got.push(await a.book.allocate([six]))
  t.ok(got.every((each) => each.endsWith('/124') && contains(own, ipOf(each))))
  t.ok(got.includes('fd00::f/124' as Cidr))
  for (const last of ['0', '1']) t.notOk(got.includes(`fd00::${last}/124` as Cidr))
  const claim = { ...six, ip: ip('fd00::11'), kind: 'endpoint' } as const
  await t.rejects(b.book.claim(claim), {
    code: 'ADDRESS_INVALID',
    message: /the gateway of the block/,
  })
})
