/** `ipam` over a cluster of two hosts, and what is counted of records. */
import t from 'tap'
import { withoutColour } from '../../src/cli/colour.js'
import { poolsTable } from '../../src/cli/tables/pools.js'
import { PoolsView } from '../../src/control/operator/pools-view.js'
import type { Cidr, Ip } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import { documents } from '../../src/state/documents.js'
import { keys } from '../../src/state/keys.js'
import { pairOfHosts } from '../admin/resources.js'
import { MemoryStore } from '../fakes/memory-store.js'
import { cli, listen } from './run.js'

t.test('pools, their blocks and whose they are', async (t) => {
  const { a, b } = await pairOfHosts(t)
  const socket = await listen(t, b)
  const all = await cli(socket, 'ipam')
  t.match(all, { code: 0, err: '' })
  t.match(all.out, /^POOL +NETWORK +ADDRESSES +USED +BLOCKS +OF +USED +HOSTS$/m)
  t.match(
    all.out,
    /^10\.20\.0\.0\/24 +pools:10\.20\.0\.0\/24 +254 +\d(\.\d)? % +2 +16 \/28 +12\.5 % +2$/m,
  )
  const one = await cli(socket, 'ipam', '10.20.0.0/24')
  t.match(one.out, /^blocks +2 of 16, 12\.5 %, each a \/28$/m)
  t.match(one.out, /^holders +\S+, \S+$/m)
  t.match(one.out, /^10\.20\.0\.\d+\/28 +\S+ +1 +6\.3 %$/m)
  const [pool] = JSON.parse((await cli(socket, 'ipam', '--json')).out)
  t.same(
    pool.blocks.map(({ host }: { host: string }) => host).sort(),
    [a.identity.id, b.identity.id].sort(),
  )
  t.equal(pool.used, 2 + pool.reserved.length, 'two containers, and what is reserved')
  t.same((await cli(socket, 'ipam', 'pools:10.20.0.0/24')).out, one.out, 'by its network')
  t.match(await cli(socket, 'ipam', 'green'), {
    code: 1,
    err: /^tsoverlay: the cluster has no pool "green" [^\n]*\n$/,
  })
})

const POOL = '10.30.0.0/24' as Cidr
const SIX = 'fd00::/64' as Cidr
const network = {
  ...{ key: 'k', identity: 'name:blue', space: 'blue', backend: 'overlay', internal: false },
  segments: [{ vni: 256, subnets: [{ pool: POOL }, { pool: SIX }] }],
}
const endpoint = (last: number) => ({
  ...{ id: `e${last}`, network: 'k', host: 'a', boot: '1', mac: '02:42:00:00:00:01' as Mac },
  addresses: [`10.30.0.${last}/24` as Cidr, `fd00::${last.toString(16)}/64` as Cidr],
})

t.test('a pool that is nearly full, one of IPv6, and an address that is lent', async (t) => {
  const store = new MemoryStore()
  const ref = { space: 'blue', pool: POOL }
  const six = { space: 'blue', pool: SIX }
  const block = documents.block.encode({ host: 'a' })
  const writes = [
    [keys.network('k'), documents.network.encode(network)],
    [keys.pool(ref), documents.pool.encode({ pool: POOL })],
    [keys.pool(six), documents.pool.encode({ pool: SIX })],
    [keys.block(ref, '10.30.0.0/28' as Cidr), block],
    [keys.block(six, 'fd00::/112' as Cidr), block],
    [
      keys.address(ref, '10.30.0.1' as Ip),
      documents.address.encode({ host: 'a', kind: 'reserved' }),
    ],
    [
      keys.address(ref, '10.30.0.2' as Ip),
      documents.address.encode({ host: 'b', kind: 'endpoint' }),
    ],
    ...Array.from({ length: 240 }, (_, at) => endpoint(at + 2)).map(
      (each) => [keys.endpoint('k', 'a', each.id), documents.endpoint.encode(each)] as const,
    ),
  ] as const
  for (const [put, value] of writes) await store.txn([], [{ put, value }])
  const [four, sixth, ...none] = await new PoolsView(store).pools()
  t.same(none, [])
  t.match(four, { pool: POOL, used: 241, usedPercent: 94.9, reserved: ['10.30.0.1'] })
  t.match(four?.blocks, [{ block: '10.30.0.0/28', host: 'a', used: 14, usedPercent: 87.5 }])
  t.match(sixth, { pool: SIX, used: 240, usedPercent: 0, blocksTotal: 2 ** 48, blockLength: 112 })
  t.match(sixth?.blocks, [{ used: 240 }])
  const text = poolsTable([four, sixth].flatMap((each) => each ?? []))
  t.match(text, /94\.9 %/)
  t.not(text, withoutColour(text), 'it stands out')
  t.match(withoutColour(text), /^fd00::\/64 .* 2\^64 +0 % +1 +2\^48 \/112/m)
})
