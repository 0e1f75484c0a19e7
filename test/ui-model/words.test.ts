import t from 'tap'
import { ago, bytes, percent, plural, rate } from '../../src/ui/model/words.js'

t.test('numbers for people', async (t) => {
  const sizes = [0, 999, 999.6, 1_250, 12_500, 99_960, 999_499, 999_500, 2.5e18]
  t.strictSame(sizes.map(bytes), [
    '0 B',
    '999 B',
    '1.00 kB',
    '1.25 kB',
    '12.5 kB',
    '100 kB',
    '999 kB',
    '1.00 MB',
    '2500 PB',
  ])
  t.equal(rate(1_000), '1.00 kB/s')
  t.strictSame(
    [0, 1, 9_972].map((count) => plural(count, 'endpoint')),
    ['0 endpoints', '1 endpoint', '9,972 endpoints'],
  )
  t.strictSame([percent(1, 4), percent(9, 3), percent(1, 0)], [25, 100, 0])
})

t.test('how long ago, and never in the future', async (t) => {
  const at = 1_000_000
  t.strictSame(
    [-5_000, 0, 59_400, 60_000, 3_599_000, 3_600_000].map((later) => ago(at, at + later)),
    ['0 s ago', '0 s ago', '59 s ago', '1 min ago', '60 min ago', '1 h ago'],
  )
})
