import fc from 'fast-check'
import t from 'tap'
import { defaultMac } from '../../../src/control/endpoints/default-mac.js'
import { type Cidr, ipFromNumber, ipOf, ipToNumber } from '../../../src/core/ip.js'
import { parseMac } from '../../../src/core/mac.js'

t.test(
  'IPv4 and the first addresses of an IPv6 subnet give the MAC that Docker would',
  async (t) => {
    t.equal(defaultMac('10.20.0.5/16' as Cidr), '02:42:0a:14:00:05')
    t.equal(defaultMac('fd00::2:304/64' as Cidr), '02:42:00:02:03:04')
  },
)

t.test('IPv6 addresses that end alike have other MACs', async (t) => {
  const ends = ['fd00::5/48', 'fd00::1:0:5/48', 'fd00::2:0:5/48', 'fd00:0:0:1::5/48']
  const macs = ends.map((address) => defaultMac(address as Cidr))
  t.equal(new Set(macs).size, ends.length)
  t.same(
    macs.map((mac) => parseMac(mac)),
    macs,
    'all are unicast',
  )
})

t.test('neighbouring IPv6 addresses never share a MAC', async () => {
  const start = ipToNumber(ipOf('fd00::/64' as Cidr))
  const address = (host: bigint) => `${ipFromNumber(start + host, 6)}/64` as Cidr
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 32n) - 1001n }), (first) => {
      const macs = Array.from({ length: 100 }, (_, at) => defaultMac(address(first + BigInt(at))))
      return new Set(macs).size === macs.length
    }),
    { numRuns: 20 },
  )
})
