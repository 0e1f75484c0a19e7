import t from 'tap'
import type { Cidr } from '../../src/core/ip.js'
import { blocksOf, checkBlock } from '../../src/ipam/block-size.js'

const FOUR = '10.20.0.0/16' as Cidr
const SIX = 'fd20::/64' as Cidr

t.test('a block length is for the family that can have it', async (t) => {
  const rows: readonly (readonly [string | undefined, Cidr, number | undefined])[] = [
    [undefined, FOUR, undefined],
    [undefined, SIX, undefined],
    ['24', FOUR, 24],
    ['24', SIX, undefined],
    ['120', SIX, 120],
    ['24,120', FOUR, 24],
    ['120,24', FOUR, 24],
    ['24,120', SIX, 120],
  ]
  for (const [text, pool, length] of rows)
    t.equal(checkBlock(text, pool), length, `${text} ${pool}`)
})

t.test('what no pool or not this one can have is refused with what is allowed', async (t) => {
  const four =
    /block=.* is not valid: allowed is a prefix length from 20 to 30 in the subnet 10\.20/
  const six = /block=.* is not valid: allowed is a prefix length from 112 to 126 in the subnet fd20/
  const bad = ['', 'big', '0', '19', '31', '24,25', '24,', '24,120,1', '24,90', '-1', '1e2', '999']
  for (const text of [...bad, '120']) {
    t.throws(() => checkBlock(text, FOUR), { code: 'OPTION_INVALID', message: four }, text)
  }
  for (const text of [...bad, '5', '32', '33', '64', '127', '120,121', '31,120']) {
    t.throws(() => checkBlock(text, SIX), { code: 'OPTION_INVALID', message: six }, text)
  }
  t.throws(() => checkBlock('22', '10.23.0.0/24' as Cidr), { message: /from 24 to 30/ })
  t.throws(() => checkBlock('24', '10.23.0.0/31' as Cidr), { message: /from 31 to 31/ })
})

t.test('blocks come from the bottom or from the top, with a sub-pool its own', async (t) => {
  const shape = { pool: '10.20.0.0/24' as Cidr, length: 26 }
  const up = ['10.20.0.0/26', '10.20.0.64/26', '10.20.0.128/26', '10.20.0.192/26']
  t.same([...blocksOf(shape)], up)
  t.same([...blocksOf({ ...shape, fromTop: true })], [...up].reverse())
  const part = '10.20.0.96/27' as Cidr
  t.same([...blocksOf(shape, part)], ['10.20.0.64/26'])
  t.same([...blocksOf({ ...shape, fromTop: true }, '10.20.0.0/25' as Cidr)], [up[1], up[0]])
  const wide = blocksOf({ pool: SIX, length: 112, fromTop: true })
  t.equal(wide.next().value, 'fd20::ffff:ffff:ffff:0/112')
})
