/** How a routed pool is cut, and which addresses of a block are no container's. */
import fc from 'fast-check'
import t from 'tap'
import {
  bitsOf,
  type Cidr,
  contains,
  familyOf,
  type Ip,
  prefixLength,
  rangeOf,
} from '../../src/core/ip.js'
import {
  addressesAside,
  containerRange,
  onLinkOf,
  purposeOf,
  routedLength,
} from '../../src/ipam/routed-block.js'

const length = (pool: string, block?: number): number =>
  routedLength({ pool: pool as Cidr, ...(block !== undefined && { block, given: true }) })

t.test(
  'the default: a /24 of a /16, eight blocks at least, of eight addresses at least',
  async (t) => {
    const lengths: Record<string, number> = {
      '10.0.0.0/8': 24,
      '10.244.0.0/16': 24,
      '10.244.0.0/21': 24,
      '10.244.0.0/22': 25,
      '10.244.0.0/24': 27,
      '10.244.0.0/26': 29,
      '10.244.0.0/28': 29,
      'fd00::/64': 112,
      'fd00::/112': 116,
      'fd00::/124': 125,
    }
    for (const [pool, wanted] of Object.entries(lengths)) t.equal(length(pool), wanted, pool)
  },
)

t.test(
  'a length that was there before the pool was a routed one counts only if the user gave it',
  async (t) => {
    t.equal(routedLength({ pool: '10.244.0.0/16' as Cidr, block: 26 }), 24)
    t.equal(length('10.244.0.0/16', 26), 26)
  },
)

t.test(
  'too small a pool, and blocks that do not fit, are refused with what is allowed',
  async (t) => {
    for (const pool of ['10.244.0.0/29', '10.244.0.0/30'])
      t.throws(() => length(pool), {
        code: 'POOL_INVALID',
        message: `subnet ${pool} is too small for this backend, which gives each host a block of it, a /29 at least: allowed is a prefix length up to /28`,
      })
    t.throws(() => length('fd00::/125'), { code: 'POOL_INVALID', message: /up to \/124$/ })
    for (const [pool, block, from] of [
      ['10.244.0.0/24', 24, 25],
      ['10.244.0.0/16', 30, 20],
      ['10.244.0.0/16', 18, 20],
    ] as const)
      t.throws(() => length(pool, block), {
        code: 'OPTION_INVALID',
        message: `option --ipam-opt block=${block} is not valid: allowed is a prefix length from ${from} to 29 in the subnet ${pool} with this backend, which gives each host a block`,
      })
    t.throws(() => length('fd00::/112', 112), {
      code: 'OPTION_INVALID',
      message: /from 113 to 125/,
    })
  },
)

t.test('every pool has two blocks at least, and each has room for containers', async () => {
  const pools = fc.oneof(
    fc.integer({ min: 8, max: 28 }).map((bits) => `10.0.0.0/${bits}` as Cidr),
    fc.integer({ min: 8, max: 124 }).map((bits) => `fd00::/${bits}` as Cidr),
  )
  fc.assert(
    fc.property(pools, (pool) => {
      const bits = routedLength({ pool })
      const block = `${pool.split('/')[0]}/${bits}` as Cidr
      const { first, last } = containerRange(block)
      const size = 1n << BigInt(bitsOf(familyOf(pool)) - bits)
      return (
        bits > prefixLength(pool) && last - first + 1n === size - BigInt(addressesAside(block).size)
      )
    }),
  )
})

t.test('what is set aside is said by what it is for', async (t) => {
  t.match(purposeOf(24, '10.244.1.0' as Ip), /^the network address of the block 10.244.1.0\/24$/)
  t.match(purposeOf(24, '10.244.1.1' as Ip), /^the gateway of the block 10.244.1.0\/24/)
  t.match(purposeOf(24, '10.244.1.255' as Ip), /^the broadcast address of the block/)
  t.match(purposeOf(112, 'fd00::1:0' as Ip), /^the subnet-router anycast address of the block/)
  t.match(purposeOf(112, 'fd00::1:1' as Ip), /^the gateway of the block fd00::1:0\/112/)
  for (const ip of ['10.244.1.2', '10.244.1.254']) t.equal(purposeOf(24, ip as Ip), undefined)
  for (const ip of ['fd00::1:2', 'fd00::1:ffff']) t.equal(purposeOf(112, ip as Ip), undefined)
  t.equal(
    rangeOf('10.244.1.0/24' as Cidr).first + 2n,
    containerRange('10.244.1.0/24' as Cidr).first,
  )
})

t.test('an address has its own block on the link, in another it is alone', async (t) => {
  const block = '10.244.1.0/24' as Cidr
  t.ok(contains(block, '10.244.1.9' as Ip))
  t.equal(onLinkOf('10.244.1.9' as Ip, block), '10.244.1.9/24')
  t.equal(onLinkOf('10.244.1.9' as Ip, undefined), '10.244.1.9/32')
  t.equal(onLinkOf('fd00::9' as Ip, undefined), 'fd00::9/128')
})
