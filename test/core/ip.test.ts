import { isIPv4 } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import {
  bitsOf,
  type Cidr,
  contains,
  type Family,
  familyOf,
  type Ip,
  ipFromBytes,
  ipFromNumber,
  ipOf,
  ipToBytes,
  ipToNumber,
  networkOf,
  overlaps,
  parseCidr,
  parseIp,
  prefixLength,
  rangeOf,
  withPrefixOf,
} from '../../src/core/ip.js'

const family = fc.constantFrom<Family>(4, 6)
const address = family.chain((version) =>
  fc
    .bigInt({ min: 0n, max: (1n << BigInt(bitsOf(version))) - 1n })
    .map((value) => ({ version, value, ip: ipFromNumber(value, version) })),
)
/** Prefixes close to each other, so that overlaps really happen. */
const cidr = family.chain((version) =>
  fc
    .tuple(fc.bigInt({ min: 0n, max: 1023n }), fc.integer({ min: 0, max: 10 }))
    .map(([low, short]) => {
      const base = version === 4 ? 0x0a140000n : 0xfd00n << 112n
      return `${ipFromNumber(base + low, version)}/${bitsOf(version) - short}` as Cidr
    }),
)

t.test('an address has one text, whatever way it was written', async (t) => {
  const same: readonly [string, string][] = [
    ['10.20.0.5', '10.20.0.5'],
    ['FD00:0:0:0:0:0:0:5', 'fd00::5'],
    ['fd00::0005', 'fd00::5'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['::ffff:10.20.0.5', '::ffff:a14:5'],
    ['::ffff:0a14:0005', '::ffff:a14:5'],
  ]
  for (const [text, canonical] of same) t.equal(parseIp(text), canonical, text)
})

t.test('what is no address is undefined', async (t) => {
  const bad = [
    '',
    ' 10.0.0.1',
    '10.0.0.1 ',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '0x0a.0.0.1',
    '167772161',
    '10.0.0.1/8',
    'fe80::1%eth0',
    '1::2::3',
    ':::',
    'fd00::g',
    'localhost',
  ]
  for (const text of bad) t.equal(parseIp(text), undefined, JSON.stringify(text))
})

t.test('a prefix keeps its host bits and loses leading zeros', async (t) => {
  t.equal(parseCidr('10.20.0.5/16'), '10.20.0.5/16')
  t.equal(parseCidr('10.20.0.5/08'), '10.20.0.5/8')
  t.equal(parseCidr('FD00:0::5/64'), 'fd00::5/64')
  t.equal(parseCidr('0.0.0.0/0'), '0.0.0.0/0')
  t.equal(parseCidr('::/128'), '::/128')
})

t.test('what is no prefix is undefined', async (t) => {
  const bad = ['10.0.0.0', '10.0.0.0/', '10.0.0.0/33', '::/129', '10.0.0.0/-1', '10.0.0.0/1.5']
  bad.push('/8', '10.0.0.0/8/8', '10.0.0.0/ 8', '10.0.0.0/0x8', '10.0.0.0/255.0.0.0', 'a/8')
  for (const text of bad) t.equal(parseCidr(text), undefined, JSON.stringify(text))
})

t.test('the parts of a prefix', async (t) => {
  const value = '10.20.3.5/22' as Cidr
  t.equal(ipOf(value), '10.20.3.5')
  t.equal(prefixLength(value), 22)
  t.equal(networkOf(value), '10.20.0.0/22')
  t.same(rangeOf(value), { first: 0x0a140000n, last: 0x0a1403ffn })
  t.equal(withPrefixOf('10.20.0.9' as Ip, value), '10.20.0.9/22')
  t.equal(networkOf('fd00::1:5/64' as Cidr), 'fd00::/64')
})

t.test('text, number and bytes of an address are one', async () => {
  fc.assert(
    fc.property(address, ({ version, value, ip }) => {
      const bytes = ipToBytes(ip)
      return (
        parseIp(ip) === ip &&
        familyOf(ip) === version &&
        isIPv4(ip) === (version === 4) &&
        ipToNumber(ip) === value &&
        bytes.length === bitsOf(version) / 8 &&
        BigInt(`0x${Buffer.from(bytes).toString('hex')}`) === value &&
        ipFromBytes(bytes) === ip
      )
    }),
  )
})

t.test('what fast-check calls an IPv6 address is one, and its text is stable', async () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const ip = parseIp(text)
      if (ip === undefined) return false
      return (
        parseIp(ip) === ip &&
        ip === ip.toLowerCase() &&
        parseIp(text.toUpperCase()) === ip &&
        ipFromBytes(ipToBytes(ip)) === ip
      )
    }),
  )
})

t.test('parsing never throws, and what it gives is canonical', async () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abcf:./%') }), (text) => {
      const ip = parseIp(text)
      const parsed = parseCidr(text)
      return (
        (ip === undefined || parseIp(ip) === ip) &&
        (parsed === undefined || parseCidr(parsed) === parsed)
      )
    }),
    { numRuns: 2_000 },
  )
})

function members(value: Cidr): Set<bigint> {
  const { first, last } = rangeOf(value)
  const all = new Set<bigint>()
  for (let at = first; at <= last; at += 1n) all.add(at)
  return all
}

t.test('contains and overlaps agree with sets of addresses', async () => {
  fc.assert(
    fc.property(cidr, cidr, (a, b) => {
      const [inA, inB] = [members(a), members(b)]
      const same = familyOf(a) === familyOf(b)
      const subset = same && [...inB].every((each) => inA.has(each))
      const common = same && [...inB].some((each) => inA.has(each))
      return contains(a, b) === subset && overlaps(a, b) === common && overlaps(b, a) === common
    }),
  )
})

t.test('a prefix contains its own addresses and no others', async () => {
  fc.assert(
    fc.property(cidr, cidr, (pool, other) => {
      const ip = ipOf(other)
      const inside = familyOf(pool) === familyOf(ip) && members(pool).has(ipToNumber(ip))
      return contains(pool, ip) === inside
    }),
  )
})
