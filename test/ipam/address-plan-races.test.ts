/** Several hosts at once, in all the orders that fast-check comes upon. */
import fc from 'fast-check'
import t from 'tap'
import { hasCode } from '../../src/core/errors.js'
import { type Cidr, type Ip, ipOf, overlaps, parseCidr } from '../../src/core/ip.js'
import { AddressPlan } from '../../src/ipam/address-plan.js'
import { keys, lastPart } from '../../src/state/keys.js'
import { choices, Turnstile } from '../fakes/interleaved-store.js'
import { MemoryStore } from '../fakes/memory-store.js'

const REF = { space: '', pool: '10.20.0.0/29' as Cidr }
const HOSTS = ['a', 'b', 'c'] as const
const host = fc.constantFrom(...HOSTS)

type Step = { readonly host: (typeof HOSTS)[number] } & (
  | { readonly do: 'allocate' | 'release' }
  | { readonly do: 'claim'; readonly last: number }
)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ host, do: fc.constantFrom('allocate' as const, 'release' as const) }),
  fc.record({ host, do: fc.constant('claim' as const), last: fc.integer({ min: 1, max: 6 }) }),
)

/** Who has which address, as the hosts were told. */
class Holdings {
  readonly byIp = new Map<Ip, string>()

  give(ip: Ip, to: string): void {
    const holder = this.byIp.get(ip)
    if (holder !== undefined) throw new Error(`${ip} went to ${to}, but ${holder} holds it`)
    this.byIp.set(ip, to)
  }

  takeBack(from: string): Ip | undefined {
    const found = [...this.byIp].find(([, holder]) => holder === from)?.[0]
    if (found !== undefined) this.byIp.delete(found)
    return found
  }
}

async function perform(plan: AddressPlan, each: Step, holdings: Holdings): Promise<void> {
  try {
    if (each.do === 'allocate') holdings.give(ipOf(await plan.allocate([REF])), each.host)
    if (each.do === 'claim') {
      const ip = `10.20.0.${each.last}` as Ip
      await plan.claim({ ...REF, ip, kind: 'endpoint' })
      holdings.give(ip, each.host)
    }
    if (each.do === 'release') {
      const ip = holdings.takeBack(each.host)
      if (ip !== undefined) await plan.release(REF, ip)
    }
  } catch (error) {
    if (!hasCode(error, 'POOL_EXHAUSTED', 'ADDRESS_TAKEN')) throw error
  }
}

t.test('no address is ever held twice, and the store agrees with the hosts', async () => {
  await fc.assert(
    fc.asyncProperty(
      choices,
      fc.array(step, { minLength: 4, maxLength: 14 }),
      async (order, steps) => {
        const store = new MemoryStore()
        const gate = new Turnstile(order)
        await new AddressPlan(store, 'a').hold(REF)
        const plans = new Map(
          HOSTS.map((id) => [id, new AddressPlan(gate.through(store.peer()), id)]),
        )
        const holdings = new Holdings()
        const all = steps.map((each) => {
          const plan = plans.get(each.host)
          return plan && perform(plan, each, holdings)
        })
        await Promise.all(all)
        const stored = (await store.keys(keys.addresses(REF))).map(lastPart).sort()
        const told = [...holdings.byIp.keys()].sort()
        if (stored.join() !== told.join()) throw new Error(`store ${stored}, hosts ${told}`)
      },
    ),
    { numRuns: 60 },
  )
})

const pool = fc.constantFrom('10.0.0.0/8', '10.20.0.0/16', '10.20.4.0/24', '10.21.0.0/16')
const spans = fc.array(fc.array(pool, { minLength: 1, maxLength: 3 }), {
  minLength: 2,
  maxLength: 3,
})

/** Takes each pool and lets it go again, except the last one. */
async function useInTurn(plan: AddressPlan, pools: readonly string[]): Promise<string | undefined> {
  let kept: string | undefined
  for (const [index, text] of pools.entries()) {
    const ref = { space: '', pool: text as Cidr }
    try {
      await plan.hold(ref)
      await plan.gateway(ref, undefined, undefined)
      if (index < pools.length - 1) await plan.drop(ref)
      else kept = text
    } catch (error) {
      if (!hasCode(error, 'POOL_OVERLAP')) throw error
    }
  }
  return kept
}

t.test('pools of a space never overlap, and are there as long as a host holds them', async () => {
  await fc.assert(
    fc.asyncProperty(choices, spans, async (order, perHost) => {
      const store = new MemoryStore()
      const gate = new Turnstile(order)
      const all = perHost.map((pools, index) =>
        useInTurn(new AddressPlan(gate.through(store.peer()), `host-${index}`), pools),
      )
      const kept = (await Promise.all(all)).filter((each) => each !== undefined)
      const stored = (await new AddressPlan(store, 'x').pools('')).map((each) => each.pool)
      const names = [...new Set(kept)].sort().join()
      if (stored.map(String).sort().join() !== names) throw new Error(`${stored} but ${names}`)
      const clash = stored.filter((one) => stored.some((two) => one !== two && overlaps(one, two)))
      if (clash.length > 0) throw new Error(`overlap: ${clash}`)
      const owned = (await store.keys('/addresses/')).map((key) => key.split('/')[3])
      const strays = owned.filter((part) => !stored.includes(cidrOf(part)))
      if (strays.length > 0) throw new Error(`addresses without a pool: ${strays}`)
    }),
    { numRuns: 60 },
  )
})

t.test('of two hosts that take overlapping subnets at once, one is refused', async () => {
  await fc.assert(
    fc.asyncProperty(choices, async (order) => {
      const store = new MemoryStore()
      const gate = new Turnstile(order)
      const holds = ['10.0.0.0/8', '10.20.0.0/16'].map((text, index) =>
        new AddressPlan(gate.through(store.peer()), `host-${index}`)
          .hold({ space: '', pool: text as Cidr })
          .then(() => text)
          .catch((error: unknown) => (hasCode(error, 'POOL_OVERLAP') ? 'refused' : 'failed')),
      )
      const said = await Promise.all(holds)
      const stored = await new AddressPlan(store, 'x').pools('')
      return stored.length === 1 && said.includes('refused') && said.includes(stored[0]?.pool ?? '')
    }),
    { numRuns: 150 },
  )
})

function cidrOf(part = ''): Cidr {
  return parseCidr(part.replace('-', '/')) as Cidr
}

t.test('a hundred containers that start at once on one host all get an address', async (t) => {
  const plan = new AddressPlan(new MemoryStore(), 'a')
  const ref = { space: '', pool: '10.20.0.0/24' as Cidr }
  await plan.hold(ref)
  const all = await Promise.all(Array.from({ length: 100 }, () => plan.allocate([ref])))
  t.equal(new Set(all).size, 100)
})

t.test('ten hosts that start ten containers each at once all get theirs', async (t) => {
  const store = new MemoryStore()
  const ref = { space: '', pool: '10.20.0.0/16' as Cidr }
  const plans = Array.from({ length: 10 }, (_, at) => new AddressPlan(store.peer(), `host-${at}`))
  await plans[0]?.hold(ref)
  const all = await Promise.all(
    plans.flatMap((plan) => Array.from({ length: 10 }, () => plan.allocate([ref]))),
  )
  t.equal(new Set(all).size, 100)
})
