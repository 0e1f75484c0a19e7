/** What is told of changes in the store, record by record. */
import t, { type Test } from 'tap'
import { Events } from '../../../src/control/events/events.js'
import type { EventReport } from '../../../src/core/admin/events.js'
import type { Cidr, Ip } from '../../../src/core/ip.js'
import type { Mac } from '../../../src/core/mac.js'
import type { Endpoint } from '../../../src/core/types.js'
import { documents } from '../../../src/state/documents.js'
import { keys } from '../../../src/state/keys.js'
import { MemoryStore } from '../../fakes/memory-store.js'
import { until } from '../../fakes/until.js'

const KEY = 'n1'
const NETWORK = {
  key: KEY,
  identity: 'name:auto.1',
  space: '',
  backend: 'overlay',
  segments: [{ vni: 256, subnets: [{ pool: '10.20.0.0/16' as Cidr }] }],
  internal: false,
}
const WEB: Endpoint = {
  id: 'e'.repeat(64),
  network: KEY,
  host: 'a',
  boot: '1',
  mac: '02:42:0a:14:00:02' as Mac,
  addresses: ['10.20.0.2/16' as Cidr],
  names: ['web'],
}
const VIP = '10.20.0.100' as Ip

function watched(t: Test) {
  const store = new MemoryStore()
  const presence = { reached: true }
  const found: { part: string; about: string; problem: string }[] = []
  const events = new Events({ store: store.peer(), presence, problems: { list: () => found } })
  const told: EventReport[] = []
  const leaving = new AbortController()
  t.teardown(() => leaving.abort())
  /** One after the other: each of the events that are expected, and nothing else. */
  const expect = async (...wanted: readonly (readonly [string, string, string, RegExp?])[]) => {
    await until(`${wanted.join(' ')} is told`, () => told.length >= wanted.length)
    for (const [kind, what, name, note = /^/] of wanted)
      t.match(told.shift(), { kind, what, name, note, at: /^\d{4}-.*Z$/ })
    t.same(told, [])
  }
  const put = async (key: string, value: string) => {
    await store.txn([], [{ put: key, value }])
  }
  const drop = async (key: string) => {
    await store.txn([], [{ delete: key }])
  }
  const start = () => events.watch((event) => void told.push(event), leaving.signal)
  return { store, presence, found, events, told, leaving, expect, put, drop, start }
}

const hostRecord = (id: string, vtep: string, boot = '1') =>
  documents.host.encode({ id, name: `h-${id}`, vtep: vtep as Ip, boot })
const put = (endpoint: Endpoint) =>
  [keys.endpoint(KEY, endpoint.host, endpoint.id), documents.endpoint.encode(endpoint)] as const

t.test('hosts come, are up, change, are away and are removed', async (t) => {
  const { put, drop, expect, start } = watched(t)
  await put(keys.host('a'), hostRecord('a', '192.0.2.1'))
  start()
  await expect(['store', 'watched', 'store', /^1 hosts, 0 networks, 0 endpoints$/])
  await put(keys.host('b'), hostRecord('b', '192.0.2.2'))
  await put(keys.alive('b'), '{}')
  await expect(['host', 'came', 'h-b', /192\.0\.2\.2/], ['host', 'up', 'h-b'])
  await put(keys.host('b'), hostRecord('b', '192.0.2.3'))
  await expect(['host', 'changed', 'h-b', /^192\.0\.2\.2 → 192\.0\.2\.3$/])
  await drop(keys.alive('b'))
  await expect(['host', 'away', 'h-b'])
  await drop(keys.host('b'))
  await expect(['host', 'removed', 'h-b'])
})

t.test('networks are made, published, leave and are removed', async (t) => {
  const { put, drop, expect, start } = watched(t)
  await put(keys.host('a'), hostRecord('a', '192.0.2.1'))
  start()
  await expect(['store', 'watched', 'store'])
  const published = {
    ...{ key: KEY, name: 'blue', labels: {}, options: {}, ipamOptions: {}, pools: [] },
    ...{ internal: false, attachable: true, ipv6: false, ipam: 'tsoverlay' as const },
  }
  await put(keys.network(KEY), documents.network.encode(NETWORK))
  await put(keys.publication(KEY), documents.publication.encode(published))
  await expect(
    ['network', 'made', 'blue', /^overlay 10\.20\.0\.0\/16$/],
    ['network', 'published', 'blue'],
  )
  const removal = { host: 'a', at: '2026-01-01' }
  await put(keys.publication(KEY), documents.publication.encode({ ...published, removal }))
  await expect(['network', 'leaving', 'blue', /^removed on h-a$/])
  await drop(keys.publication(KEY))
  await drop(keys.network(KEY))
  await expect(['network', 'removed', 'blue'])
})

t.test('endpoints come, leave, and move to another host', async (t) => {
  const { put: write, drop, expect, start, told } = watched(t)
  for (const id of ['a', 'b']) await write(keys.host(id), hostRecord(id, '192.0.2.1'))
  await write(keys.network(KEY), documents.network.encode(NETWORK))
  start()
  await expect(['store', 'watched', 'store'])
  await write(...put(WEB))
  await until('it is told', () => told.length === 1)
  t.match(told[0], { host: 'h-a', network: 'name:auto.1', addresses: WEB.addresses, id: WEB.id })
  await expect(['endpoint', 'came', 'web'])
  await drop(put(WEB)[0])
  await expect(['endpoint', 'left', 'web'])
  const there = { ...WEB, host: 'b', id: 'f'.repeat(64) }
  const { names: _none, ...nameless } = there
  await write(...put(nameless))
  await expect(['endpoint', 'came', 'ffffffffffff'])
  await write(...put(there))
  await expect(['endpoint', 'moved', 'web', /^from h-a$/])
  await write(...put({ ...there, addresses: ['10.20.0.9/16' as Cidr] }))
  await expect(['endpoint', 'changed', 'web', /^10\.20\.0\.2\/16 → 10\.20\.0\.9\/16$/])
})

t.test('a floating address moves', async (t) => {
  const { put: write, expect, start } = watched(t)
  for (const id of ['a', 'b']) await write(keys.host(id), hostRecord(id, '192.0.2.1'))
  const other = { ...WEB, host: 'b', id: 'f'.repeat(64), names: ['db'] }
  await write(...put({ ...WEB, floating: [{ ip: VIP, turn: 1 }] }))
  await write(...put(other))
  start()
  await expect(['store', 'watched', 'store'])
  await write(...put({ ...other, floating: [{ ip: VIP, turn: 2 }] }))
  await write(...put(WEB))
  await expect(['address', 'moved', VIP, /^to db, was on h-a$/])
})

t.test('troubles of other hosts and of this one appear and are mended', async (t) => {
  const { put, drop, expect, start, found } = watched(t)
  start()
  await expect(['store', 'watched', 'store'])
  const troubles = documents.troubles.encode({ name: 'h-b', networks: { blue: 'is narrow' } })
  await put(keys.troubles('b'), troubles)
  await expect(['trouble', 'appears', 'blue', /^is narrow$/])
  await drop(keys.troubles('b'))
  await expect(['trouble', 'mended', 'blue', /^is narrow$/])
  found.push({ part: 'other hosts', about: 'green', problem: 'on h-b: is told of h-b already' })
  found.push({ part: 'mtu', about: 'h2', problem: 'too small' })
  await expect(['trouble', 'appears', 'h2', /^too small$/])
  found.splice(0)
  await expect(['trouble', 'mended', 'h2', /^too small$/])
})

t.test('a store that was away is a line, and what changed meanwhile follows', async (t) => {
  const { store, presence, expect, start, put } = watched(t)
  const own = store.peer()
  const events = new Events({ store: own, presence, problems: { list: () => [] } })
  const told: EventReport[] = []
  const leaving = new AbortController()
  t.teardown(() => leaving.abort())
  events.watch((event) => void told.push(event), leaving.signal)
  start()
  await expect(['store', 'watched', 'store'])
  await until('it watches', () => told.length === 1)
  own.unavailable = true
  presence.reached = false
  await until('that is told', () => told.length === 2)
  t.match(told[1], { kind: 'store', what: 'lost' })
  await put(keys.host('c'), hostRecord('c', '192.0.2.3'))
  own.unavailable = false
  presence.reached = true
  await until('all is told', () => told.length === 4)
  t.match(told.slice(2), [
    { kind: 'store', what: 'back' },
    { kind: 'host', what: 'came', name: 'h-c' },
  ])
})

t.test('nothing is followed while nobody watches', async (t) => {
  const { events, expect, start, leaving, store, told, put } = watched(t)
  t.equal(events.watchers, 0)
  start()
  await expect(['store', 'watched', 'store'])
  const second = new AbortController()
  const other: EventReport[] = []
  events.watch((event) => void other.push(event), second.signal)
  await until('who comes later is told, too', () => other.length === 1)
  leaving.abort()
  t.equal(events.watchers, 1)
  await put(keys.host('a'), hostRecord('a', '192.0.2.1'))
  await until('the other one is told', () => other.length === 2)
  t.same(told, [])
  second.abort()
  t.equal(events.watchers, 0)
  store.unavailable = true
  const third = new Events({ store, presence: { reached: false }, problems: { list: () => [] } })
  await t.rejects(third.check(), { code: 'STORE_UNAVAILABLE' })
})
