/** What changes bring about pass by pass is what a look at everything would say. */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { overlay } from '../../../src/backends/overlay/overlay.js'
import { Peers } from '../../../src/control/peers/peers.js'
import { type Cidr, type Ip, ipOf } from '../../../src/core/ip.js'
import type { Mac } from '../../../src/core/mac.js'
import type { EntrySet } from '../../../src/core/plan.js'
import type { Logger } from '../../../src/core/ports.js'
import type { Endpoint, Host, Network } from '../../../src/core/types.js'
import { documents } from '../../../src/state/documents.js'
import { keys } from '../../../src/state/keys.js'
import { MemoryStore } from '../../fakes/memory-store.js'
import { until } from '../../fakes/until.js'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const SELF = 'self'
const VTEP = '192.0.2.1' as Ip
const NETWORK: Network = {
  key: 'n',
  identity: 'id:n',
  space: '',
  backend: 'overlay',
  segments: [
    { vni: 256, subnets: [{ pool: '10.1.0.0/24' as Cidr }] },
    { vni: 257, subnets: [{ pool: '10.2.0.0/24' as Cidr }] },
  ],
  internal: false,
}

const hostId = fc.constantFrom('a', 'b', SELF)
const vtep = fc.constantFrom('192.0.2.2' as Ip, '192.0.2.3' as Ip, '2001:db8::2' as Ip)
const address = fc.constantFrom('10.1.0.5/24', '10.1.0.6/24', '10.2.0.5/24') as fc.Arbitrary<Cidr>
const mac = fc.constantFrom('02:42:00:00:00:01', '02:42:00:00:00:02') as fc.Arbitrary<Mac>
const endpoint: fc.Arbitrary<Endpoint> = fc.record({
  id: fc.constantFrom('e1', 'e2', 'e3', 'e4'),
  network: fc.constant('n'),
  host: hostId,
  boot: fc.constantFrom('1', '2'),
  mac,
  addresses: fc.uniqueArray(address, { minLength: 1, maxLength: 2 }),
})

const devOf = ({ addresses: [first] }: Endpoint) =>
  first?.startsWith('10.2.') === true ? 'vxlan1' : 'vxlan0'

/** A whole look, written down in the plainest way. */
function whole(endpoints: readonly Endpoint[], hosts: readonly Host[], local: readonly Endpoint[]) {
  const vteps = new Map(hosts.map(({ id, vtep }) => [id, vtep]))
  const reached = endpoints
    .filter(({ host }) => host !== SELF && vteps.get(host)?.includes(':') === false)
    .sort((a, b) => (a.id + a.host < b.id + b.host ? -1 : 1))
  const [addresses, macs] = [new Map<string, string>(), new Map<string, string>()]
  const here = new Set(
    local.flatMap((one) => [`${devOf(one)} ${one.mac}`, ...one.addresses.map(ipOf)]),
  )
  const claim = (claims: Map<string, string>, key: string, text: string): void => {
    if (!here.has(key) && !claims.has(key)) claims.set(key, text)
  }
  for (const one of reached) {
    for (const ip of one.addresses.map(ipOf)) claim(addresses, ip, `${devOf(one)} ${ip} ${one.mac}`)
    const key = `${devOf(one)} ${one.mac}`
    claim(macs, key, `${key} ${vteps.get(one.host)}`)
  }
  return { neighbours: [...addresses.values()].sort(), fdb: [...macs.values()].sort() }
}

/** Knows a set by its changes only. */
class ByChanges<E extends { readonly dev: string }> {
  readonly #known = new Map<string, E>()
  readonly #keyOf: (entry: E) => string
  #set: EntrySet<E> | undefined

  constructor(keyOf: (entry: E) => string) {
    this.#keyOf = keyOf
  }

  follow(set: EntrySet<E>): readonly E[] {
    const changes = set.takeChanges()
    if (set !== this.#set) {
      this.#set = set
      this.#known.clear()
      for (const entry of set) this.#known.set(`${entry.dev} ${this.#keyOf(entry)}`, entry)
    }
    for (const [dev, keys] of changes) {
      for (const [key, former] of keys) {
        const at = `${dev} ${key}`
        t.same(former, this.#known.get(at), 'what was there is told')
        const now = set.get(dev, key)
        if (now === undefined) this.#known.delete(at)
        else this.#known.set(at, now)
      }
    }
    return [...this.#known.values()]
  }
}

class World {
  readonly store = new MemoryStore()
  readonly peers = new Peers({ store: this.store, self: SELF, logger: silent })
  readonly #elsewhere = this.store.peer()
  readonly #neighbours = new ByChanges<{ dev: string; ip: Ip; mac: Mac }>(({ ip }) => ip)
  readonly #fdb = new ByChanges<{ dev: string; mac: Mac; vtep: Ip }>(({ mac: one }) => one)
  local: readonly Endpoint[] = []

  write(put: string, value: string | undefined): Promise<unknown> {
    return this.#elsewhere.txn([], [value === undefined ? { delete: put } : { put, value }])
  }

  async pass() {
    const book = await this.peers.book(NETWORK, overlay.reach)
    book.setLocal(this.local, { host: SELF, vtep: VTEP })
    const neighbours = this.#neighbours.follow(book.entries('neighbours'))
    const fdb = this.#fdb.follow(book.entries('fdb'))
    return {
      neighbours: neighbours.map(({ dev, ip, mac: one }) => `${dev} ${ip} ${one}`).sort(),
      fdb: fdb.map(({ dev, mac: one, vtep: to }) => `${dev} ${one} ${to}`).sort(),
    }
  }

  async inStore() {
    const of = async <T>(prefix: string, decode: (text: string) => T | undefined) =>
      (await this.#elsewhere.list(prefix)).entries.flatMap(({ value }) => decode(value) ?? [])
    const endpoints = await of(keys.endpoints('n'), documents.endpoint.decode)
    return whole(endpoints, await of(keys.hosts, documents.host.decode), this.local)
  }
}

type Step = (world: World) => unknown
const step: fc.Arbitrary<Step> = fc.oneof(
  endpoint.map(
    (one): Step =>
      (world) => {
        return world.write(keys.endpoint('n', one.host, one.id), documents.endpoint.encode(one))
      },
  ),
  endpoint.map(
    ({ host, id }): Step =>
      (world) => {
        return world.write(keys.endpoint('n', host, id), undefined)
      },
  ),
  fc.tuple(hostId, vtep).map(
    ([id, to]): Step =>
      (world) => {
        const value = documents.host.encode({ id, name: id, vtep: to, boot: '1' })
        return world.write(keys.host(id), value)
      },
  ),
  hostId.map(
    (id): Step =>
      (world) =>
        world.write(keys.host(id), undefined),
  ),
  fc.array(endpoint, { maxLength: 1 }).map(
    (local): Step =>
      (world) => {
        world.local = local
      },
  ),
  fc.constant<Step>((world) => world.store.breakWatches()),
  fc.constant<Step>((world) => world.pass()),
)

t.test('passes after any changes know what a look at everything would say', async (t) => {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
    const world = new World()
    world.store.pageSize = 2
    world.peers.start(() => undefined)
    world.peers.useUnderlay({ vtep: VTEP, mtu: 1500, port: 4789 })
    world.peers.open('n')
    for (const each of steps) await each(world)
    const wanted = await world.inStore()
    let have = await world.pass()
    const isSame = () => JSON.stringify(have) === JSON.stringify(wanted)
    for (const end = Date.now() + 5_000; !isSame() && Date.now() < end; have = await world.pass()) {
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    t.same(have, wanted)
    world.peers.closeAll()
    await world.store.close()
  })
  await fc.assert(property, { numRuns: 300 })
})

t.test('names that are learned a moment later ask for no pass, but are known', async (t) => {
  const world = new World()
  let passes = 0
  world.peers.start(() => {
    passes += 1
  })
  world.peers.open('n')
  t.teardown(() => world.peers.closeAll())
  await world.peers.synced('n', AbortSignal.timeout(5_000))
  const [mac, addresses] = ['02:42:00:00:00:01' as Mac, ['10.1.0.5/24' as Cidr]]
  const one: Endpoint = { id: 'e1', network: 'n', host: 'a', boot: '1', mac, addresses }
  const write = async (value: Endpoint): Promise<void> => {
    await world.write(keys.endpoint('n', 'a', 'e1'), documents.endpoint.encode(value))
    const known = () =>
      [...world.peers.endpoints('n')].some((each) => isDeepStrictEqual(each, value))
    await until('it is known', known)
  }
  await write(one)
  const before = passes
  await write({ ...one, names: ['web'] })
  await write({ ...one, names: ['web', 'db'] })
  t.equal(passes, before)
  await write({ ...one, names: ['web'], addresses: ['10.1.0.6/24' as Cidr] })
  t.equal(passes, before + 1)
  const { neighbours } = await world.pass()
  t.strictSame(neighbours, [], 'its host has no VTEP')
})
