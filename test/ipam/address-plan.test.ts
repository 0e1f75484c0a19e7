import t from 'tap'
import { type Cidr, type Ip, ipOf } from '../../src/core/ip.js'
import { AddressPlan } from '../../src/ipam/address-plan.js'
import { documents } from '../../src/state/documents.js'
import { keys } from '../../src/state/keys.js'
import { MemoryStore } from '../fakes/memory-store.js'

const REF = { space: '', pool: '10.20.0.0/28' as Cidr }
const ip = (last: number): Ip => `10.20.0.${last}` as Ip

function twoHosts() {
  const store = new MemoryStore()
  const storeB = store.peer()
  return { store, storeB, a: new AddressPlan(store, 'a'), b: new AddressPlan(storeB, 'b') }
}

async function keysOf(store: MemoryStore): Promise<string[]> {
  const all = await Promise.all(['/pools/', '/holders/', '/addresses/'].map((p) => store.keys(p)))
  return all.flat()
}

t.test('a subnet that overlaps another of its space is refused, naming it', async (t) => {
  const { a, b } = twoHosts()
  await a.hold(REF)
  await t.rejects(b.hold({ space: '', pool: '10.0.0.0/8' as Cidr }), {
    code: 'POOL_OVERLAP',
    message: /^subnet 10\.0\.0\.0\/8 overlaps 10\.20\.0\.0\/28, which tsoverlay already uses/,
  })
  await b.hold({ space: 'blue', pool: '10.0.0.0/8' as Cidr })
  await b.hold({ space: '', pool: '10.20.0.16/28' as Cidr })
  t.same((await a.pools('')).map(({ pool }) => pool).sort(), ['10.20.0.0/28', '10.20.0.16/28'])
  t.equal((await a.pools(undefined)).length, 3)
})

t.test('the last host that drops a pool takes everything of it away', async (t) => {
  const { store, a, b } = twoHosts()
  await a.hold(REF)
  await b.hold(REF)
  await a.gateway(REF, undefined, undefined)
  await b.allocate([REF])
  await b.drop(REF)
  t.equal((await a.pools('')).length, 1, 'a still holds it')
  t.equal((await keysOf(store)).includes(keys.holder(REF, 'b')), false)
  await a.drop(REF)
  t.same(await keysOf(store), [])
  await a.drop(REF)
  t.same(await keysOf(store), [], 'twice is harmless')
  t.notOk(await store.get(keys.poolGate(REF.space)), 'the gate of a space goes with its last pool')
})

t.test('dropping a pool that this host does not hold takes nothing from who does', async (t) => {
  const { store, a, b } = twoHosts()
  await a.hold(REF)
  await a.claim({ ...REF, ip: ip(5), kind: 'endpoint' })
  await b.drop(REF)
  t.equal((await keysOf(store)).length, 3)
})

t.test('the gateway is the first address and shared by all hosts', async (t) => {
  const { a, b } = twoHosts()
  await a.hold(REF)
  await b.hold(REF)
  t.equal(await a.gateway(REF, undefined, undefined), '10.20.0.1')
  t.equal(await b.gateway(REF, undefined, undefined), '10.20.0.1')
  t.equal(await b.gateway(REF, ip(1), undefined), '10.20.0.1')
  await b.release(REF, ip(1))
  await t.rejects(b.claim({ ...REF, ip: ip(1), kind: 'endpoint' }), {
    code: 'ADDRESS_TAKEN',
    message: /^address 10\.20\.0\.1 of subnet .* is reserved as a gateway or auxiliary address/,
  })
})

t.test("who names no gateway gets the one that the pool has, or its range's first", async (t) => {
  const { a, b } = twoHosts()
  await a.hold(REF)
  t.equal(await a.gateway(REF, undefined, '10.20.0.8/29' as Cidr), '10.20.0.8')
  t.equal(await b.gateway(REF, undefined, undefined), '10.20.0.8')
  t.match(await a.pools(''), [{ pool: REF.pool, gateway: '10.20.0.8/28', block: 30 }])
})

t.test('hosts that ask at once for a gateway get one and the same', async (t) => {
  const { a, b } = twoHosts()
  await a.hold(REF)
  const [first, second] = await Promise.all([
    a.gateway(REF, undefined, '10.20.0.8/29' as Cidr),
    b.gateway(REF, undefined, undefined),
  ])
  t.equal(first, second)
})

t.test('auxiliary addresses are shared and never handed out', async (t) => {
  const { a, b } = twoHosts()
  await a.hold(REF)
  await a.claim({ ...REF, ip: ip(2), kind: 'reserved' })
  await b.claim({ ...REF, ip: ip(2), kind: 'reserved' })
  t.equal(await b.allocate([REF]), '10.20.0.1/28')
  t.equal(await b.allocate([REF]), '10.20.0.3/28')
  await t.rejects(a.claim({ ...REF, ip: ip(3), kind: 'reserved' }), { code: 'ADDRESS_TAKEN' })
})

t.test('a taken address names the host that has it', async (t) => {
  const { store, a, b } = twoHosts()
  await a.hold(REF)
  const host = { id: 'a', name: 'node-a', vtep: '192.0.2.1' as Ip, boot: '1' }
  await store.txn([], [{ put: keys.host('a'), value: documents.host.encode(host) }])
  await a.claim({ ...REF, ip: ip(5), kind: 'endpoint' })
  const claim = { ...REF, ip: ip(5), kind: 'endpoint' } as const
  await t.rejects(b.claim(claim), { code: 'ADDRESS_TAKEN', message: /on host node-a: choose/ })
  await t.rejects(a.claim(claim), { code: 'ADDRESS_TAKEN', message: /on this host: choose/ })
  await t.rejects(b.claim({ ...claim, term: '2' }), { code: 'ADDRESS_TAKEN' })
})

t.test('an address outside the pool, or its first or last, is refused', async (t) => {
  const { a } = twoHosts()
  await a.hold(REF)
  for (const bad of [ip(0), ip(15), ip(16), 'fd00::1' as Ip]) {
    await t.rejects(a.claim({ ...REF, ip: bad, kind: 'endpoint' }), {
      code: 'ADDRESS_INVALID',
      message: new RegExp(`^address ${bad} is not usable in subnet 10.20.0.0/28`),
    })
  }
})

t.test('without its pool no address is given', async (t) => {
  const { a } = twoHosts()
  await t.rejects(a.allocate([REF]), { code: 'POOL_UNKNOWN' })
  await t.rejects(a.claim({ ...REF, ip: ip(5), kind: 'endpoint' }), { code: 'POOL_UNKNOWN' })
  await t.rejects(a.gateway(REF, undefined, undefined), { code: 'POOL_UNKNOWN' })
})

t.test('a full pool says so, and a released address is the next one again', async (t) => {
  const { a, b } = twoHosts()
  await a.hold(REF)
  for (let count = 0; count < 14; count += 1) await (count % 2 ? b : a).allocate([REF])
  await t.rejects(a.allocate([REF]), {
    code: 'POOL_EXHAUSTED',
    message: 'subnet 10.20.0.0/28 has no free address left: 14 are taken',
  })
  await t.rejects(b.allocate([{ ...REF, subPool: '10.20.0.4/30' as Cidr }]), {
    code: 'POOL_EXHAUSTED',
  })
  await b.release(REF, ip(1))
  t.equal(await a.allocate([REF]).catch(() => 'none'), 'none', "b's release is of a's")
  await a.release(REF, ip(1))
  await b.release(REF, ip(1))
  const freed = await Promise.allSettled([a.allocate([REF]), b.allocate([REF])])
  t.equal(freed.filter(({ status }) => status === 'fulfilled').length, 1)
})

t.test('a released address rests until the others were used', async (t) => {
  const { a } = twoHosts()
  await a.hold(REF)
  const first = ipOf(await a.allocate([REF]))
  await a.release(REF, first)
  for (let count = 0; count < 13; count += 1) {
    t.not(ipOf(await a.allocate([REF])), first)
  }
  t.equal(ipOf(await a.allocate([REF])), first)
})

t.test('a release whose answer was lost takes nothing from the next holder', async (t) => {
  const { store, a } = twoHosts()
  const small = { space: '', pool: '10.20.0.0/30' as Cidr }
  await a.hold(small)
  const first = ipOf(await a.allocate([small]))
  const second = ipOf(await a.allocate([small]))
  store.loseNext(1)
  await t.rejects(a.release(small, first), { code: 'STORE_UNAVAILABLE' })
  await t.rejects(a.allocate([small]), { code: 'POOL_EXHAUSTED' }, 'not given out yet')
  await a.release(small, first)
  t.equal(ipOf(await a.allocate([small])), first)
  t.not(first, second)
})

t.test('when the store is away every call says so', async (t) => {
  const { store, a } = twoHosts()
  await a.hold(REF)
  store.unavailable = true
  const away = { code: 'STORE_UNAVAILABLE' }
  await t.rejects(a.pools(''), away)
  await t.rejects(a.hold(REF), away)
  await t.rejects(a.drop(REF), away)
  await t.rejects(a.allocate([REF]), away)
  await t.rejects(a.claim({ ...REF, ip: ip(5), kind: 'endpoint' }), away)
  await t.rejects(a.gateway(REF, undefined, undefined), away)
  await t.rejects(a.release(REF, ip(5)), away)
})
