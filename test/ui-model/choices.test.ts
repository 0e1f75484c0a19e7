/** What is chosen, and which two a trace is between. */
import t from 'tap'
import { clusterOf } from '../../src/ui/model/cluster.js'
import { groupBy } from '../../src/ui/model/group.js'
import { byLevel, levelOf } from '../../src/ui/model/health.js'
import { pairWith } from '../../src/ui/model/pair.js'
import { hostToAsk, isSame } from '../../src/ui/model/selection.js'
import { endpointReport, hostReport, listings } from './listings.js'

t.test('both ends are picked one after the other, whichever is first', async (t) => {
  const nobody = { from: undefined, to: undefined, picking: undefined }
  const from = pairWith(nobody, 'a')
  t.strictSame(from, { from: 'a', to: undefined, picking: 'to' })
  t.strictSame(pairWith(from, 'b'), { from: 'a', to: 'b', picking: undefined })
  const to = pairWith({ ...nobody, picking: 'to' }, 'b')
  t.strictSame(to, { from: undefined, to: 'b', picking: 'from' })
  const again = pairWith({ from: 'a', to: 'b', picking: 'to' }, 'c')
  t.strictSame(again, { from: 'a', to: 'c', picking: undefined })
})

t.test('the same is of one kind and one id', async (t) => {
  const host = { kind: 'host', id: 'a' } as const
  t.ok(isSame(host, { ...host }))
  t.ok(isSame(undefined, undefined))
  t.notOk(isSame(host, { kind: 'network', id: 'a' }))
  t.notOk(isSame(host, { kind: 'host', id: 'b' }))
  t.notOk(isSame(host, undefined))
})

t.test(
  'another host is asked for its counters while it, or an endpoint of it, is chosen',
  async (t) => {
    const cluster = clusterOf(
      listings({
        hosts: [
          hostReport('here', { self: true }),
          hostReport('there'),
          hostReport('away', { alive: false }),
        ],
        endpoints: [endpointReport('far', 'there'), endpointReport('own', 'here')],
      }),
    )
    const asked = (kind: 'host' | 'network' | 'endpoint', id: string) =>
      hostToAsk(cluster, { kind, id })?.id
    t.equal(asked('host', 'there'), 'there')
    t.equal(asked('endpoint', 'far'), 'there')
    t.equal(asked('endpoint', 'own'), undefined)
    t.equal(asked('host', 'here'), undefined)
    t.equal(asked('host', 'away'), undefined)
    t.equal(asked('endpoint', 'gone'), undefined)
    t.equal(asked('network', 'shop'), undefined)
    t.equal(hostToAsk(cluster, undefined), undefined)
  },
)

t.test('groups keep the order in which they came', async (t) => {
  const groups = groupBy(['b1', 'a1', 'b2'], (each) => each.charAt(0))
  t.strictSame(
    [...groups],
    [
      ['b', ['b1', 'b2']],
      ['a', ['a1']],
    ],
  )
})

t.test('the worst is first, and a verdict of another version says nothing', async (t) => {
  const levels = ['ok', 'unknown', 'failed', 'warning', 'splendid'].map((word) => ({
    word,
    level: levelOf(word),
  }))
  t.strictSame(
    levels.sort(byLevel).map(({ word }) => word),
    ['failed', 'warning', 'unknown', 'splendid', 'ok'],
  )
})
