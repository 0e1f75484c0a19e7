import fc from 'fast-check'
import t from 'tap'
import { type Cidr, ipFromNumber, overlaps, parseCidr } from '../../src/core/ip.js'
import { chooseIpv4, chooseIpv6 } from '../../src/ipam/pool-choice.js'

t.test('the first free /16 of 10.0.0.0/8, then smaller ones', async (t) => {
  t.equal(chooseIpv4([]), '10.0.0.0/16')
  t.equal(chooseIpv4(['10.0.0.0/16', '10.1.2.0/24'] as Cidr[]), '10.2.0.0/16')
  t.equal(chooseIpv4(['10.0.0.0/8'] as Cidr[]), '172.16.0.0/20')
  t.equal(chooseIpv4(['10.0.0.0/8', '172.16.0.0/12'] as Cidr[]), '192.168.0.0/24')
  t.equal(chooseIpv4(['10.0.0.0/8', '172.0.0.0/8', '192.168.0.5/17'] as Cidr[]), '192.168.128.0/24')
})

t.test('when all private ranges are in use there is none', async (t) => {
  const all = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'] as Cidr[]
  t.equal(chooseIpv4(all), undefined)
  t.equal(chooseIpv4(['0.0.0.0/0'] as Cidr[]), undefined)
})

t.test('a chosen subnet overlaps nothing that is in use and is private', async () => {
  const private4 = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'] as Cidr[]
  const used = fc
    .tuple(fc.nat(0xff_ffff), fc.integer({ min: 8, max: 32 }))
    .map(([low, length]) => `${ipFromNumber(0x0a000000n + BigInt(low), 4)}/${length}` as Cidr)
  fc.assert(
    fc.property(fc.array(used), (avoid) => {
      const pool = chooseIpv4(avoid)
      return (
        pool !== undefined &&
        !avoid.some((other) => overlaps(pool, other)) &&
        private4.some((range) => overlaps(pool, range))
      )
    }),
  )
})

t.test('any random bits make a canonical unique local /64', async (t) => {
  t.equal(chooseIpv6('0123456789abcd'), 'fd01:2345:6789:abcd::/64')
  t.equal(chooseIpv6('00000000000000'), 'fd00::/64')
  const random = fc.stringMatching(/^[0-9a-f]{14}$/)
  fc.assert(
    fc.property(random, (bits) => {
      const pool = chooseIpv6(bits)
      return parseCidr(pool) === pool && pool.startsWith('fd') && pool.endsWith('::/64')
    }),
  )
})
