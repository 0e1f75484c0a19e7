/** Blocks and lent addresses of a network as the store has them, for who has routes there. */
import t, { type Test } from 'tap'
import { BlockPeers } from '../../../src/control/peers/block-peers.js'
import type { Cidr, Ip } from '../../../src/core/ip.js'
import type { Peer } from '../../../src/core/types.js'
import { documents } from '../../../src/state/documents.js'
import { keys } from '../../../src/state/keys.js'
import { Mirror } from '../../../src/state/mirror.js'
import { MemoryStore } from '../../fakes/memory-store.js'
import { RecordingLogger } from '../../fakes/recording-logger.js'
import { until } from '../../fakes/until.js'

const FOUR = { space: 'blue', pool: '10.244.0.0/16' as Cidr }
const SIX = { space: 'blue', pool: 'fd00::/64' as Cidr }
const NETWORK = {
  space: 'blue',
  segments: [{ vni: 7, subnets: [{ pool: FOUR.pool }, { pool: SIX.pool }] }],
}
const block = (host: string): string => documents.block.encode({ host })
const address = (host: string, kind: 'endpoint' | 'reserved'): string =>
  documents.address.encode({ host, kind })
const sorted = (peers: BlockPeers): string[] =>
  [...peers.entries()].map(([, { id, host, range }]) => `${id} ${host} ${range}`).sort()

async function follow(t: Test, store: MemoryStore) {
  const logger = new RecordingLogger()
  const mirror = <T>(prefix: string, decode: (text: string) => T | undefined): Mirror<T> => {
    const made = new Mirror<T>({ store, prefix, decode: (_key, value) => decode(value), logger })
    made.start()
    t.teardown(() => made.close())
    return made
  }
  const blocks = mirror(keys.allBlocks, documents.block.decode)
  const addresses = mirror(keys.allAddresses, documents.address.decode)
  const peers = new BlockPeers({ blocks, addresses }, NETWORK)
  const changes: (readonly [string, Peer | undefined])[] = []
  const remove = peers.onChange((changed) => changes.push(...changed))
  t.teardown(() => peers.close())
  peers.start()
  await peers.synced(AbortSignal.timeout(2_000))
  return { peers, changes, remove, logger }
}

t.test(
  'blocks and lent addresses of both families are peers, reserved ones are none',
  async (t) => {
    const store = new MemoryStore()
    const other = { space: 'red', pool: FOUR.pool }
    await store.txn(
      [],
      [
        { put: keys.block(FOUR, '10.244.1.0/24' as Cidr), value: block('h1') },
        { put: keys.block(SIX, 'fd00::1:0/112' as Cidr), value: block('h2') },
        { put: keys.address(FOUR, '10.244.0.1' as Ip), value: address('h1', 'reserved') },
        { put: keys.address(FOUR, '10.244.1.9' as Ip), value: address('h2', 'endpoint') },
        { put: keys.address(SIX, 'fd00::1:9' as Ip), value: address('h3', 'endpoint') },
        { put: keys.block(other, '10.244.2.0/24' as Cidr), value: block('h9') },
      ],
    )
    const { peers, logger } = await follow(t, store)
    t.same(sorted(peers), [
      '10.244.1.0/24 h1 10.244.1.0/24',
      '10.244.1.9/32 h2 10.244.1.9/32',
      'fd00::1:0/112 h2 fd00::1:0/112',
      'fd00::1:9/128 h3 fd00::1:9/128',
    ])
    t.equal(peers.size, 4)
    t.equal(peers.get(keys.address(FOUR, '10.244.0.1' as Ip)), undefined)
    t.match(peers.get(keys.address(FOUR, '10.244.1.9' as Ip)), {
      host: 'h2',
      range: '10.244.1.9/32',
    })
    t.same(logger.lines, [], 'a reserved address is nothing to warn of')
  },
)

t.test('who listens hears of what came and went, with what was there before', async (t) => {
  const store = new MemoryStore()
  const { peers, changes, remove } = await follow(t, store)
  const key = keys.block(FOUR, '10.244.1.0/24' as Cidr)
  await store.txn([], [{ put: key, value: block('h1') }])
  await until('it has come', () => changes.length === 1)
  await store.txn([], [{ delete: key }])
  await until('it has gone', () => changes.length === 2)
  const [came, went] = changes
  t.same(came, [key, undefined])
  t.match(went, [key, { id: '10.244.1.0/24', host: 'h1' }])
  t.equal(peers.size, 0)
  const ip = keys.address(FOUR, '10.244.3.3' as Ip)
  await store.txn([], [{ put: ip, value: address('h1', 'reserved') }])
  await store.txn([], [{ put: key, value: block('h2') }])
  await until('the block is seen', () => peers.size === 1)
  await until('it is told of', () => changes.length === 3)
  t.same(changes[2], [key, undefined], 'and not of the reserved address')
  remove()
  await store.txn([], [{ put: ip, value: address('h1', 'endpoint') }])
  await until('the lent one is seen', () => peers.size === 2)
  t.equal(changes.length, 3)
})

t.test('a reserved address that is lent, and one that is reserved again', async (t) => {
  const store = new MemoryStore()
  const ip = keys.address(FOUR, '10.244.3.3' as Ip)
  await store.txn([], [{ put: ip, value: address('h1', 'reserved') }])
  const { peers, changes } = await follow(t, store)
  await store.txn([], [{ put: ip, value: address('h2', 'endpoint') }])
  await until('it is a peer', () => peers.size === 1)
  await store.txn([], [{ put: ip, value: address('h1', 'reserved') }])
  await until('it is none', () => peers.size === 0)
  t.match(changes, [
    [ip, undefined],
    [ip, { host: 'h2' }],
  ])
})
