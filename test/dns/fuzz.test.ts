import t from 'tap'
import { fuzzDns } from '../fuzz/dns.js'

t.test('2,000 packets without manners', (t) => {
  const { counts, violations } = fuzzDns(20_261_126, 2_000)
  t.strictSame(violations, [])
  for (const kind of ['answer', 'pass', 'silence']) t.ok((counts[kind] ?? 0) > 50, kind)
  t.end()
})
