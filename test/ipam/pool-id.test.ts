import fc from 'fast-check'
import t from 'tap'
import { type Cidr, parseCidr } from '../../src/core/ip.js'
import { spaceOf } from '../../src/ipam/ipam-options.js'
import { checkPool, formatPoolId, parsePoolId } from '../../src/ipam/pool-id.js'

t.test('a pool id comes back as it was', async (t) => {
  const ids = [
    { addressSpace: 'tsoverlay-local', space: '', pool: '10.20.0.0/16' as Cidr },
    {
      addressSpace: 'tsoverlay-local',
      space: 'blue',
      pool: 'fd00::/64' as Cidr,
      subPool: 'fd00::1:0/112' as Cidr,
    },
  ]
  for (const id of ids) t.strictSame(parsePoolId(formatPoolId(id)), id)
})

t.test('an id that we never gave is refused', async (t) => {
  const bad = ['', 'x', '|||', 'a|b|c|d', 'a||10.0.0.0|', 'a||10.0.0.0/8|x', '||10.0.0.0/8|']
  bad.push('a||10.0.0.0/8||', 'LocalDefault/10.0.0.0/8')
  for (const text of bad) {
    t.throws(() => parsePoolId(text), {
      code: 'POOL_UNKNOWN',
      message: `pool id "${text}" was not given out by this plugin`,
    })
  }
})

t.test('an id that would be a second name of a pool is refused', async (t) => {
  for (const text of [
    'a|_|10.20.0.0/16|',
    'a|../x|10.20.0.0/16|',
    'a||10.20.0.5/16|',
    'a||10.20.0.0/016|',
    'a||10.20.0.0/16|10.21.0.0/24',
    'a||10.20.0.0/16|10.20.0.9/24',
    'a||FD00::/64|',
  ]) {
    t.throws(() => parsePoolId(text), { code: 'POOL_UNKNOWN' }, text)
  }
})

t.test('no text makes the parser fail in another way', async () => {
  const text = fc.string({ unit: fc.constantFrom(...'ab|/:.019') })
  fc.assert(
    fc.property(text, (id) => {
      try {
        return parseCidr(parsePoolId(id).pool) !== undefined
      } catch (error) {
        return error instanceof Error && 'code' in error && error.code === 'POOL_UNKNOWN'
      }
    }),
  )
})

t.test('host bits are cleared', async (t) => {
  t.same(checkPool('10.20.0.5/16' as Cidr, '10.20.4.9/24' as Cidr), {
    pool: '10.20.0.0/16',
    subPool: '10.20.4.0/24',
  })
  t.strictSame(checkPool('fd00::5/64' as Cidr, undefined), { pool: 'fd00::/64' })
})

t.test('a subnet must have room, and a range must be inside it', async (t) => {
  for (const pool of ['10.0.0.0/7', '10.0.0.0/31', '10.0.0.1/32', 'fd00::/127', '::/0'] as Cidr[]) {
    const message = new RegExp(`subnet ${pool} is not usable: .* from /8 to /`)
    t.throws(() => checkPool(pool, undefined), { code: 'POOL_INVALID', message })
  }
  const outside = ['10.21.0.0/24', '10.0.0.0/8', 'fd00::/64'] as Cidr[]
  for (const range of outside) {
    t.throws(() => checkPool('10.20.0.0/16' as Cidr, range), {
      code: 'POOL_INVALID',
      message: `IP range ${range} is not inside the subnet 10.20.0.0/16`,
    })
  }
})

t.test('the only IPAM option is the rendezvous name', async (t) => {
  t.equal(spaceOf({}), '')
  t.equal(spaceOf({ network: 'blue' }), 'blue')
  t.equal(spaceOf({ 'com.docker.network.ipam.serial': 'true' }), '')
  t.throws(() => spaceOf({ nework: 'blue' }), {
    code: 'OPTION_UNKNOWN',
    message: 'option --ipam-opt nework is not known: allowed are network',
  })
  t.throws(() => spaceOf({ size: '4', nework: 'blue' }), {
    message: 'options --ipam-opt nework, --ipam-opt size are not known: allowed are network, block',
  })
  t.throws(() => spaceOf({ network: '_' }), { code: 'OPTION_INVALID' })
})
