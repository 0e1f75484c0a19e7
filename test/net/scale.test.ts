/** 10,000 peers. Prints what it took; no assertion looks at a clock. */
import { join } from 'node:path'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import {
  bridgeFdb,
  inside,
  ipNeighbours,
  makeNetnsDir,
  onThrowAwayHost,
  planOf,
  SANDBOX,
  silent,
  unmountNetnsDir,
} from './kernel.js'

const COUNT = 10_000
const hex = (value: number): string => value.toString(16).padStart(2, '0')

/** Peer `i` of a plan: one of 200 VTEPs. */
function peer(i: number, family: 4 | 6): readonly [string, string, string] {
  const inner = family === 4 ? `10.20.${i >> 8}.${i & 255}` : `fd00:20::${(i + 1).toString(16)}`
  return [inner, `02:42:0a:14:${hex(i >> 8)}:${hex(i & 255)}`, `192.0.2.${(i % 200) + 2}`]
}

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const netns = join(netnsDir, SANDBOX)
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  t.teardown(async () => {
    await dataplane.close()
    unmountNetnsDir(netnsDir)
  })
  t.afterEach(() => dataplane.remove(SANDBOX))

  const timed = async <T>(what: string, task: () => Promise<T>): Promise<T> => {
    const start = performance.now()
    const result = await task()
    t.comment(`${what}: ${Math.round(performance.now() - start)} ms`)
    return result
  }

  for (const family of [4, 6] as const) {
    t.test(`${COUNT} IPv${family} peers are in the kernel as planned`, async (t) => {
      const peers = Array.from({ length: COUNT }, (_, i) => peer(i, family))
      const plan = planOf({ peers, addresses: ['10.20.255.1/16'] })
      await dataplane.apply(planOf({ addresses: ['10.20.255.1/16'] }))
      const result = await timed(`IPv${family} ${COUNT} + ${COUNT} entries`, () =>
        dataplane.apply(plan),
      )
      t.same(result, { written: 2 * COUNT, drift: 0, failures: [] })
      t.same(
        ipNeighbours(netns, 'vxlan0').filter((row) => row.endsWith('PERMANENT')),
        peers.map(([inner, mac]) => `${inner} ${mac} PERMANENT`).sort(),
      )
      t.same(
        bridgeFdb(netns, 'vxlan0'),
        peers.map(([, mac, vtep]) => `${mac} ${vtep} permanent self`).sort(),
      )
      const again = await timed('the same plan again', () => dataplane.apply(plan))
      t.same(again, { written: 0, drift: 0, failures: [] })
      dataplane.queueResync(SANDBOX)
      const resync = await timed('a resync', () => dataplane.apply(plan))
      t.same(resync, { written: 0, drift: 0, failures: [] })
      inside(netns, 'ip', 'neigh', 'flush', 'dev', 'vxlan0', 'nud', 'permanent')
      dataplane.queueResync(SANDBOX)
      const repair = await timed('all neighbours lost', () => dataplane.apply(plan))
      t.same(repair, { written: COUNT, drift: COUNT, failures: [] })
      const none = await timed('all peers gone', () => dataplane.apply(planOf()))
      t.same(none.failures, [])
      t.same(bridgeFdb(netns, 'vxlan0'), [])
    })
  }

  t.test(`${COUNT} refusals are all named`, async (t) => {
    const peers = Array.from({ length: COUNT }, (_, i) => peer(i, 4))
    // an IPv6 VTEP on a device with an IPv4 one
    const wrong = peers.map(([inner, mac]) => [inner, mac, '2001:db8::7'] as const)
    const { failures } = await timed(`${COUNT} refusals`, () =>
      dataplane.apply(planOf({ peers: wrong })),
    )
    t.equal(new Set(failures.map(({ item }) => item)).size, COUNT)
    t.ok(failures.every(({ error }) => /\((EAFNOSUPPORT|EINVAL)\)$/.test(error.message)))
    const { failures: healed } = await dataplane.apply(planOf({ peers }))
    t.same(healed, [])
  })
})
