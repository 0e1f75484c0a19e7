/** A cluster of three hosts that all that can go wrong happens to, and the containers on it. */
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { hasCode } from '../../src/core/errors.js'
import { type Ip, ipOf, prefixLength } from '../../src/core/ip.js'
import { documents } from '../../src/state/documents.js'
import { keys, type PoolRef } from '../../src/state/keys.js'
import { Turnstile } from '../fakes/interleaved-store.js'
import { MemoryStore } from '../fakes/memory-store.js'
import { BlockHost } from './block-hosts.js'

const host = fc.integer({ min: 0, max: 2 })
/** one thing that happens on a host */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('start' as const), host }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('startAt' as const),
      host,
      /** which address of the pool */
      which: fc.nat(29),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('stop' as const), host, which: fc.nat(20) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('cut' as const), host, away: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('lose' as const),
      host,
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('crash' as const),
      host,
      journalLost: fc.boolean(),
      reboot: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('collect' as const),
      host,
      jump: fc.constantFrom(0, 130_000, 700_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), host }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('pause' as const), ms: fc.integer({ min: 0, max: 4 }) }),
  },
)
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

export const steps = fc.array(step, { minLength: 5, maxLength: 30 })

/** @throws for an address that a container of the host must not have */
export type Check = (host: BlockHost, ip: Ip) => void

/** Which container of the cluster has which address. */
export class Cluster {
  readonly ref: PoolRef
  readonly hosts: readonly BlockHost[]
  readonly store: MemoryStore
  readonly holders = new Map<Ip, string>()
  readonly #generation = [0, 0, 0]
  readonly #dead = new Set<number>()
  readonly #running: Promise<void>[] = []
  readonly #check: Check
  #containers = 0

  /** @param check of each address that a container gets */
  constructor(ref: PoolRef, order: Iterator<number>, check: Check = () => undefined) {
    this.ref = ref
    this.#check = check
    this.store = new MemoryStore()
    const gate = new Turnstile(order)
    this.hosts = ['a', 'b', 'c'].map(
      (id) => new BlockHost(id, this.store.peer(), (store) => gate.through(store)),
    )
  }

  async perform(each: Step): Promise<void> {
    if (each.do === 'pause') return sleep(each.ms)
    const one = this.hosts[each.host]
    if (one === undefined) return
    if (each.do === 'cut') one.store.unavailable = each.away
    if (each.do === 'lose') one.store.loseNext(each.count)
    if (each.do === 'stop') this.#stop(one, each.which)
    if (each.do === 'crash') await this.#crash(each.host, each.journalLost, each.reboot)
    if (each.do === 'remove') await this.#remove(each.host)
    if (this.#dead.has(each.host)) return
    if (each.do === 'start') this.#start(each.host)
    if (each.do === 'startAt') this.#start(each.host, this.#usable(each.which))
    if (each.do === 'collect') {
      one.clock += each.jump
      this.#running.push(one.book.care.collect())
    }
  }

  #usable(which: number): Ip {
    const size = 2 ** (32 - prefixLength(this.ref.pool)) - 2
    return `10.20.0.${1 + (which % size)}` as Ip
  }

  /** RequestAddress and CreateEndpoint, as dockerd does it. */
  #start(at: number, wanted?: Ip): void {
    this.#running.push(this.#started(at, wanted))
  }

  async #started(at: number, wanted?: Ip): Promise<void> {
    const one = this.hosts[at] as BlockHost
    const generation = this.#generation[at]
    const { book } = one
    this.#containers += 1
    const name = `${one.id}${this.#containers}`
    try {
      if (wanted !== undefined) {
        const claim = { ...this.ref, ip: wanted, kind: 'endpoint' } as const
        if (!(await book.claimNow(claim))) await book.claim(claim)
      }
      const ip = wanted ?? ipOf(await book.allocate([this.ref]))
      await book.confirm(this.ref, ip)
      // dockerd's call to a plugin that died fails: the container does not start.
      if (generation !== this.#generation[at]) return
      this.#check(one, ip)
      const holder = this.holders.get(ip)
      if (holder !== undefined) throw new Error(`${ip} went to ${name}, but ${holder} has it`)
      this.holders.set(ip, name)
      one.used.set(ip, name)
    } catch (error) {
      const fine = [
        'POOL_EXHAUSTED',
        'ADDRESS_INVALID',
        'ADDRESS_TAKEN',
        'OWNER_UNAVAILABLE',
        'STORE_UNAVAILABLE',
        'STORE_CONFLICT',
      ] as const
      if (!hasCode(error, ...fine)) throw error
    }
  }

  #stop(one: BlockHost, which: number): void {
    const all = [...one.used.keys()]
    const ip = all[which % Math.max(1, all.length)]
    if (ip === undefined) return
    one.used.delete(ip)
    this.holders.delete(ip)
    if (one.book.releaseNow(this.ref, ip)) return
    this.#running.push(one.book.release(this.ref, ip).catch(() => undefined))
  }

  async #crash(at: number, journalLost: boolean, reboot: boolean): Promise<void> {
    const one = this.hosts[at] as BlockHost
    this.#generation[at] = (this.#generation[at] ?? 0) + 1
    // Losing the journal but not the boot means: sandboxes of the former run are swept.
    if (reboot) for (const ip of one.used.keys()) this.holders.delete(ip)
    // Calls of the dead process end nowhere, but some are on their way to the store.
    await one.restart({ journalLost, reboot })
    this.#dead.delete(at)
  }

  /** `host rm` of a host that is down: all that it has in the store goes. */
  async #remove(at: number): Promise<void> {
    const one = this.hosts[at] as BlockHost
    this.#generation[at] = (this.#generation[at] ?? 0) + 1
    this.#dead.add(at)
    await one.book.close()
    for (const ip of one.used.keys()) this.holders.delete(ip)
    one.used.clear()
    for (const prefix of [keys.blocks(this.ref), keys.addresses(this.ref)]) {
      for (const { key, value } of (await this.store.list(prefix)).entries) {
        const owner = documents.block.decode(value)?.host
        if (owner === one.id) await this.store.txn([], [{ delete: key }])
      }
    }
    // It can only come back where it can see that it was removed (docs/design/ipam.md).
    one.store.unavailable = false
    await one.restart({ reboot: true })
    this.#dead.delete(at)
  }

  /** All is well again; everything stops, and all must be free. */
  async heal(): Promise<void> {
    await Promise.all(this.#running)
    for (const one of this.hosts) {
      one.store.unavailable = false
      while (!(await answers(one.store)));
      await one.restart()
    }
    for (const one of this.hosts) for (let at = 0; one.used.size > 0; at += 1) this.#stop(one, at)
    await Promise.all(this.#running)
    for (let round = 0; round < 2; round += 1) {
      for (const one of this.hosts) {
        one.clock += 130_000
        await one.book.care.tend()
        await sleep(5)
        await one.book.care.collect()
      }
    }
  }
}

/** False while an answer gets lost. */
async function answers(store: MemoryStore): Promise<boolean> {
  const none = store.txn([], [{ delete: '/none' }])
  return none.then(
    () => true,
    () => false,
  )
}

export async function leftovers({ store, hosts, ref }: Cluster): Promise<string[]> {
  const stored = await Promise.all(['/addresses/', '/asks/'].map((part) => store.keys(part)))
  return [...stored.flat(), ...hosts.flatMap((one) => one.held(ref))]
}

/** All addresses of the pool that containers may have, taken by one host. */
export async function takeAll(one: BlockHost, ref: PoolRef, count: number): Promise<Set<string>> {
  const got = new Set<string>()
  for (let at = 0; at < count; at += 1) got.add(await one.book.allocate([ref]))
  return got
}
