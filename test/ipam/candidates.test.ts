import fc from 'fast-check'
import t from 'tap'
import { type Cidr, type Ip, ipFromNumber, rangeOf } from '../../src/core/ip.js'
import { isUsable, nextFree, usableRange } from '../../src/ipam/candidates.js'

const NONE: ReadonlySet<string> = new Set()
const POOL = '10.20.0.0/29' as Cidr
const V6 = 'fd00::/125' as Cidr

/** All usable addresses, written down one by one. */
function model(pool: Cidr, subPool: Cidr = pool): Ip[] {
  const four = pool.includes('.')
  const whole = rangeOf(pool)
  const part = rangeOf(subPool)
  const all: Ip[] = []
  for (let at = part.first; at <= part.last; at += 1n) {
    if (at === whole.first || (four && at === whole.last)) continue
    all.push(ipFromNumber(at, four ? 4 : 6))
  }
  return all
}

t.test('network and broadcast address are never usable in IPv4', async (t) => {
  t.same(usableRange(POOL), { first: 0x0a140001n, last: 0x0a140006n })
  t.equal(isUsable(POOL, '10.20.0.0' as Ip), false)
  t.equal(isUsable(POOL, '10.20.0.7' as Ip), false)
  t.equal(isUsable(POOL, '10.20.0.8' as Ip), false)
  t.equal(isUsable(POOL, 'fd00::1' as Ip), false)
  t.equal(isUsable(POOL, '10.20.0.6' as Ip), true)
})

t.test('in IPv6 only the first address is left out', async (t) => {
  t.equal(isUsable(V6, 'fd00::' as Ip), false)
  t.equal(isUsable(V6, 'fd00::1' as Ip), true)
  t.equal(isUsable(V6, 'fd00::7' as Ip), true)
  t.equal(isUsable(V6, 'fd00::8' as Ip), false)
})

t.test('the search goes on behind the last one and round', async (t) => {
  const after = (ip: string) => nextFree({ pool: POOL, after: ip as Ip, taken: NONE })
  t.equal(nextFree({ pool: POOL, taken: NONE }), '10.20.0.1')
  t.equal(after('10.20.0.1'), '10.20.0.2')
  t.equal(after('10.20.0.6'), '10.20.0.1')
  t.equal(after('10.20.0.7'), '10.20.0.1')
  t.equal(after('10.20.0.0'), '10.20.0.1')
  t.equal(after('192.168.0.1'), '10.20.0.1')
})

t.test('a full range has none', async (t) => {
  t.equal(nextFree({ pool: POOL, taken: new Set(model(POOL)) }), undefined)
  const subPool = '10.20.0.4/30' as Cidr
  t.equal(nextFree({ pool: POOL, subPool, taken: new Set(model(POOL, subPool)) }), undefined)
  t.equal(nextFree({ pool: POOL, subPool, taken: NONE }), '10.20.0.4')
})

t.test('a range of nothing but the network address has none', async (t) => {
  t.equal(nextFree({ pool: POOL, subPool: '10.20.0.0/32' as Cidr, taken: NONE }), undefined)
  t.equal(nextFree({ pool: POOL, subPool: '10.20.0.7/32' as Cidr, taken: NONE }), undefined)
})

t.test('a /8 and a /64 are searched without being walked', async (t) => {
  t.equal(nextFree({ pool: '10.0.0.0/8' as Cidr, taken: NONE }), '10.0.0.1')
  const after = '10.255.255.254' as Ip
  t.equal(nextFree({ pool: '10.0.0.0/8' as Cidr, after, taken: NONE }), '10.0.0.1')
  t.equal(nextFree({ pool: 'fd00::/64' as Cidr, taken: new Set(['fd00::1']) }), 'fd00::2')
})

const range = fc.constantFrom<readonly [Cidr, Cidr | undefined]>(
  [POOL, undefined],
  [POOL, '10.20.0.0/30' as Cidr],
  [POOL, '10.20.0.4/30' as Cidr],
  [POOL, '10.20.0.3/32' as Cidr],
  [V6, undefined],
  [V6, 'fd00::4/126' as Cidr],
)

t.test('the choice is that of a naive model', async () => {
  const numbers = fc.array(fc.nat(15))
  fc.assert(
    fc.property(range, numbers, fc.option(fc.nat(15)), ([pool, subPool], used, last) => {
      const { first } = rangeOf(pool)
      const at = (number: number) =>
        ipFromNumber(first + BigInt(number), pool.includes('.') ? 4 : 6)
      const taken = new Set<string>(used.map(at))
      const after = last === null ? undefined : at(last)
      const all = model(pool, subPool)
      const found = after === undefined ? -1 : all.indexOf(after)
      const inOrder = [...all.slice(found + 1), ...all.slice(0, found + 1)]
      const expected = inOrder.find((ip) => !taken.has(ip))
      return nextFree({ pool, subPool, after, taken }) === expected
    }),
    { numRuns: 1_000 },
  )
})
