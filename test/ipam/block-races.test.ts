/**
 * The protocol of blocks and loans under all the orders and failures that fast-check comes upon:
 * hosts cut off from the store, answers lost, crashes at every step with the journal kept or lost,
 * hosts removed by an operator that come back. Not one address may be with two containers at once,
 * and after healing nothing may stay taken.
 */
import fc from 'fast-check'
import t from 'tap'
import { type Cidr, contains, type Ip } from '../../src/core/ip.js'
import { addressesAside, onLinkOf } from '../../src/ipam/routed-block.js'
import { choices } from '../fakes/interleaved-store.js'
import { type Check, Cluster, leftovers, type Step, steps, takeAll } from './block-cluster.js'
import { type BlockHost, refOf } from './block-hosts.js'

/** four blocks, 14 addresses: three hosts soon need each other's */
const REF = refOf('10.20.0.0/28')
/** cut into /29, four blocks and 20 addresses for containers */
const ROUTED = refOf('10.20.0.0/27')
const ASIDE = new Set(
  [0, 8, 16, 24].flatMap((at) => [...addressesAside(`10.20.0.${at}/29` as Cidr).keys()]),
)
const alive = setInterval(() => undefined, 1_000)
t.teardown(() => clearInterval(alive))

async function run(cluster: Cluster, list: readonly Step[], count: number): Promise<void> {
  const [first] = cluster.hosts as [BlockHost]
  for (const each of list) await cluster.perform(each)
  await cluster.heal()
  const left = await leftovers(cluster)
  if (left.length > 0) throw new Error(`left behind: ${left}`)
  const { size } = await takeAll(first, cluster.ref, count)
  if (size !== count) throw new Error(`only ${size} addresses are left`)
}

async function live(order: Iterator<number>, list: readonly Step[]): Promise<void> {
  const cluster = new Cluster(REF, order)
  try {
    for (const one of cluster.hosts) await one.book.hold(REF)
    await run(cluster, list, 14)
  } finally {
    for (const one of cluster.hosts) await one.book.close()
  }
}

const checkRouted: Check = ({ book }: BlockHost, ip: Ip) => {
  if (ASIDE.has(ip)) throw new Error(`${ip} is no container's`)
  const own = book.ownBlocks(ROUTED).find((block) => contains(block, ip))
  const answer = book.onLink(ROUTED, ip)
  if (answer !== onLinkOf(ip, own)) throw new Error(`${answer} for an address in ${own}`)
}

/** All have asked for the pool before one of them makes it a routed one, and some have blocks of it. */
async function liveRouted(
  order: Iterator<number>,
  list: readonly Step[],
  prepared: number,
): Promise<void> {
  const cluster = new Cluster(ROUTED, order, checkRouted)
  try {
    for (const one of cluster.hosts) await one.book.hold(ROUTED)
    for (const one of cluster.hosts.slice(0, prepared)) await one.book.prepare(ROUTED)
    for (const one of cluster.hosts) one.routed = true
    await Promise.all(
      cluster.hosts.map(async ({ book }) => {
        await book.routed.route(ROUTED)
        await book.routed.cutAnew(ROUTED)
      }),
    )
    await run(cluster, list, 20)
  } finally {
    for (const one of cluster.hosts) await one.book.close()
  }
}

const RUNS = 20

t.test(
  'no address is with two containers, and nothing stays taken',
  { timeout: 120_000 },
  async () => {
    await fc.assert(fc.asyncProperty(choices, steps, live), { numRuns: RUNS })
  },
)

t.test(
  'in a routed pool none is what a block needs, and each has the right length',
  { timeout: 120_000 },
  async () => {
    const prepared = fc.integer({ min: 0, max: 3 })
    await fc.assert(fc.asyncProperty(choices, steps, prepared, liveRouted), { numRuns: RUNS })
  },
)
