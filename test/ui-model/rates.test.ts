import t from 'tap'
import type { TrafficReport } from '../../src/core/admin/traffic.js'
import { Rates } from '../../src/ui/model/rates.js'

/** Endpoint → received, sent. */
function reading(at: number, counted: Readonly<Record<string, readonly [number, number]>>) {
  const endpoints = Object.entries(counted).map(([endpoint, [received, sent]]) => ({
    endpoint,
    network: 'shop',
    received,
    sent,
  }))
  return { at, endpoints } satisfies TrafficReport
}

t.test('bytes a second, of those that are in both readings', async (t) => {
  const rates = new Rates()
  t.equal(rates.next(reading(1_000, { a: [0, 0], gone: [0, 0] })).size, 0)
  const next = rates.next(reading(3_000, { a: [4_000, 500], late: [9, 9] }))
  t.strictSame([...next], [['a', { received: 2_000, sent: 250 }]])
})

t.test('the same reading once more is no reading', async (t) => {
  const rates = new Rates()
  rates.next(reading(0, { a: [0, 0] }))
  const last = reading(1_000, { a: [10, 0] })
  const before = rates.next(last)
  t.equal(rates.next(last), before)
  t.equal(rates.next(reading(2_000, { a: [40, 0] })).get('a')?.received, 30)
})

t.test('a counter that began anew has no rate, nor has any when the clock did', async (t) => {
  const rates = new Rates()
  rates.next(reading(5_000, { a: [900, 0], b: [0, 0] }))
  const next = rates.next(reading(6_000, { a: [3, 0], b: [7, 0] }))
  t.strictSame([...next.keys()], ['b'])
  t.equal(rates.next(reading(10, { a: [4, 0], b: [8, 0] })).size, 0, 'the agent was restarted')
  t.equal(rates.next(reading(1_010, { a: [4, 0], b: [9, 0] })).get('b')?.received, 1)
})
