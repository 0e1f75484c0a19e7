/** The index after any changes says what a look at all endpoints would say. */
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { NameIndex } from '../../../src/control/peers/name-index.js'
import { type Cidr, type Ip, ipOf } from '../../../src/core/ip.js'
import type { Mac } from '../../../src/core/mac.js'
import type { Endpoint } from '../../../src/core/types.js'

const NAMES = ['web', 'api', 'db', '0123456789ab', '__proto__']
const ADDRESSES = ['10.1.0.5/24', '10.1.0.6/24', 'fd00::5/64'] as Cidr[]

const endpoint: fc.Arbitrary<Endpoint> = fc
  .record({
    id: fc.constantFrom('e1', 'e2', 'e3'),
    names: fc.option(fc.uniqueArray(fc.constantFrom(...NAMES)), { nil: undefined }),
    addresses: fc.uniqueArray(fc.constantFrom(...ADDRESSES), { minLength: 1 }),
  })
  .map(({ names, ...rest }) => ({
    ...{ network: 'n', host: 'a', boot: '1', mac: '02:42:00:00:00:01' as Mac },
    ...rest,
    ...(names === undefined ? {} : { names }),
  }))

const byId = (all: readonly Endpoint[]): string[] => all.map(({ id }) => id).sort()

function apply(
  all: Map<string, Endpoint>,
  index: NameIndex,
  change: Endpoint | Endpoint['id'],
): void {
  const id = typeof change === 'string' ? change : change.id
  const former = all.get(id)
  if (former !== undefined) index.remove(former)
  all.delete(id)
  if (typeof change === 'string') return
  all.set(id, change)
  index.add(change)
}

function compare(t: Test, index: NameIndex, now: readonly Endpoint[]): void {
  for (const name of [...NAMES, 'constructor']) {
    const wanted = now.filter(({ names }) => names?.includes(name))
    t.same(byId(index.named(name)), byId(wanted), name)
  }
  for (const ip of ADDRESSES.map(ipOf)) {
    const wanted = now.filter(({ addresses }) => addresses.map(ipOf).includes(ip))
    t.same(byId(index.withAddress(ip)), byId(wanted), ip)
  }
}

t.test('names and addresses are followed', async (t) => {
  const property = fc.property(
    fc.array(endpoint, { maxLength: 3 }),
    fc.array(fc.oneof(endpoint, fc.constantFrom('e1', 'e2', 'e3')), { maxLength: 12 }),
    (first, changes) => {
      const all = new Map(first.map((each) => [each.id, each]))
      const index = new NameIndex(() => all.values())
      for (const [at, change] of changes.entries()) {
        apply(all, index, change)
        if (at % 3 === 2) compare(t, index, [...all.values()])
      }
      compare(t, index, [...all.values()])
    },
  )
  fc.assert(property, { numRuns: 100 })
  t.strictSame(new NameIndex(() => []).withAddress('10.1.0.5' as Ip), [])
})

t.test('a question that comes while the index is being made', async (t) => {
  const make = (at: number): Endpoint => ({
    ...{ id: `e${at}`, network: 'n', host: 'a', boot: '1', mac: '02:42:00:00:00:01' as Mac },
    addresses: [`10.1.${at >> 8}.${at & 255}/16` as Cidr],
    names: [`c${at}`, 'api'],
  })
  const all = new Map(Array.from({ length: 60_000 }, (_, at) => [`e${at}`, make(at)]))
  const index = new NameIndex(() => all.values())
  const change = (at: number, now: Endpoint | undefined): void => {
    const former = all.get(`e${at}`)
    if (former !== undefined) index.remove(former)
    all.delete(`e${at}`)
    if (now === undefined) return
    all.set(`e${at}`, now)
    index.add(now)
  }
  const look = (when: string): void => {
    for (const name of ['c0', 'c1', 'c2', 'moved', 'c30000', 'c59999', 'c60000', 'no']) {
      const wanted = [...all.values()].filter(({ names }) => names?.includes(name))
      t.same(byId(index.named(name)), byId(wanted), `${name}, ${when}`)
    }
  }
  for (const at of [0, 1, 30_000, 59_999]) change(at, undefined)
  change(2, { ...make(2), names: ['moved'] })
  change(60_000, make(60_000))
  look('at once')
  change(1, make(1))
  t.equal(index.named('api').length, all.size - 1)
  await new Promise((resolve) => setTimeout(resolve, 500))
  look('later')
  t.equal(index.named('api').length, all.size - 1)
  t.same(byId(index.withAddress('10.1.0.7' as Ip)), ['e7'])
})
