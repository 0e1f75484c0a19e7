import fc from 'fast-check'
import t from 'tap'
import type { EntrySet } from '../../src/core/plan.js'
import { EntryTracker } from '../../src/dataplane/tables/entry-tracker.js'

interface Entry {
  readonly dev: string
  readonly key: string
  readonly value: number
}

const codec = {
  keyOf: ({ key }: Entry) => key,
  same: (a: Entry, b: Entry) => a.value === b.value,
}
const place = fc.record({ dev: fc.constantFrom('v0', 'v1'), key: fc.constantFrom('a', 'b', 'c') })
const entry = fc.tuple(place, fc.nat(2)).map(([at, value]) => ({ ...at, value }))
const nameOf = ({ dev, key }: { readonly dev: string; readonly key: string }) => `${dev} ${key}`
const entries = fc.uniqueArray(entry, { selector: nameOf })

/** A set that changes in place, as control keeps one. */
class LiveSet implements EntrySet<Entry> {
  readonly #entries = new Map<string, Entry>()
  #changes = new Map<string, Map<string, Entry | undefined>>()

  constructor(list: readonly Entry[]) {
    for (const each of list) this.set(each, each)
  }

  set(at: { readonly dev: string; readonly key: string }, to: Entry | undefined): void {
    const keys = this.#changes.get(at.dev) ?? new Map<string, Entry | undefined>()
    this.#changes.set(at.dev, keys)
    if (!keys.has(at.key)) keys.set(at.key, this.get(at.dev, at.key))
    if (to === undefined) this.#entries.delete(nameOf(at))
    else this.#entries.set(nameOf(at), to)
  }

  get(dev: string, key: string): Entry | undefined {
    return this.#entries.get(`${dev} ${key}`)
  }

  takeChanges(): ReadonlyMap<string, ReadonlyMap<string, Entry | undefined>> {
    const changes = this.#changes
    this.#changes = new Map()
    return changes
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#entries.values()
  }
}

const textOf = (list: Iterable<Entry>) =>
  [...list].map(({ dev, key, value }) => `${dev} ${key} ${value}`).sort()

/** What a table does with the tracker, on a kernel in memory. */
class Kernel {
  readonly entries = new Map<string, Entry>()
  writes = 0

  work(tracker: EntryTracker<Entry>, refused: (name: string) => boolean = () => false): void {
    for (const dev of tracker.devices) {
      for (const { key, want } of tracker.tasks(dev)) {
        const name = nameOf({ dev, key })
        if (refused(name)) continue
        this.writes += 1
        if (want === undefined) this.entries.delete(name)
        else this.entries.set(name, want)
        tracker.done(dev, key)
      }
    }
  }

  read(): Map<string, Map<string, Entry>> {
    const found = new Map<string, Map<string, Entry>>()
    for (const each of this.entries.values()) {
      found.set(each.dev, (found.get(each.dev) ?? new Map()).set(each.key, each))
    }
    return found
  }
}

/** A table and its kernel, to which something happens. */
class World {
  readonly kernel = new Kernel()
  readonly tracker = new EntryTracker<Entry>(codec)
  live = new LiveSet([])
  wanted: readonly Entry[] | EntrySet<Entry> = this.live

  async pass(refused?: (name: string) => boolean): Promise<void> {
    this.tracker.setDesired(this.wanted)
    await this.tracker.settle()
    this.kernel.work(this.tracker, refused)
  }

  async read(): Promise<void> {
    await this.tracker.setInstalled(this.kernel.read())
  }
}

type Step = (world: World) => Promise<void>
const maybe = fc.tuple(place, fc.option(fc.nat(2), { nil: undefined })).map(([at, value]) => ({
  at,
  to: value === undefined ? undefined : { ...at, value },
}))
const step: fc.Arbitrary<Step> = fc.oneof(
  maybe.map(
    ({ at, to }): Step =>
      async (world) => {
        world.live.set(at, to)
        world.wanted = world.live
      },
  ),
  entries.map(
    (list): Step =>
      async (world) => {
        world.wanted = list
      },
  ),
  entries.map(
    (list): Step =>
      async (world) => {
        world.live = new LiveSet(list)
        world.wanted = world.live
      },
  ),
  maybe.map(
    ({ at, to }): Step =>
      async ({ kernel, tracker }) => {
        if (to === undefined) kernel.entries.delete(nameOf(at))
        else kernel.entries.set(nameOf(at), to)
        await tracker.setInstalled(kernel.read())
      },
  ),
  fc.constantFrom('v0', 'v1').map(
    (dev): Step =>
      async ({ kernel, tracker }) => {
        for (const [name, one] of kernel.entries) if (one.dev === dev) kernel.entries.delete(name)
        tracker.forget(dev)
      },
  ),
  place.map(
    (at): Step =>
      (world) =>
        world.pass((name) => name === nameOf(at)),
  ),
  fc.constant<Step>((world) => world.pass()),
  fc.constant<Step>((world) => world.read()),
)

t.test(
  'whatever is wanted, read, lost or refused, a pass makes the kernel as wanted',
  async (t) => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const world = new World()
      for (const each of steps) await each(world)
      await world.pass()
      const { writes } = world.kernel
      await world.pass()
      t.same(textOf(world.kernel.entries.values()), textOf(world.wanted))
      return world.tracker.devices.length === 0 && world.kernel.writes === writes
    })
    await fc.assert(property, { numRuns: 500 })
  },
)

t.test('nothing is written that is as wanted already, in whatever set it comes', async () => {
  await fc.assert(
    fc.asyncProperty(entries, entries, fc.boolean(), async (before, after, isLive) => {
      const [kernel, tracker] = [new Kernel(), new EntryTracker<Entry>(codec)]
      tracker.setDesired(before)
      await tracker.settle()
      kernel.work(tracker)
      kernel.writes = 0
      tracker.setDesired(isLive ? new LiveSet(after) : after)
      await tracker.settle()
      kernel.work(tracker)
      const [old, now] = [new Set(textOf(before)), new Set(textOf(after))]
      const put = [...now].filter((each) => !old.has(each)).length
      const names = new Set(after.map(nameOf))
      const gone = before.filter((each) => !names.has(nameOf(each))).length
      return kernel.writes === put + gone
    }),
  )
})

t.test('drift is what was installed and is missing or changed, not what is new', async (t) => {
  const [kernel, tracker] = [new Kernel(), new EntryTracker<Entry>(codec)]
  const list = ['a', 'b', 'c'].map((key) => ({ dev: 'v0', key, value: 1 }))
  tracker.setDesired(list)
  await tracker.settle()
  t.equal(await tracker.setInstalled(new Map()), 0)
  kernel.work(tracker)
  t.equal(await tracker.setInstalled(kernel.read()), 0)
  kernel.entries.delete('v0 a')
  kernel.entries.set('v0 b', { dev: 'v0', key: 'b', value: 2 })
  kernel.entries.set('v1 d', { dev: 'v1', key: 'd', value: 2 })
  t.equal(await tracker.setInstalled(kernel.read()), 2)
  t.same(tracker.devices, ['v0', 'v1'])
  t.same(
    [...tracker.tasks('v1')],
    [{ key: 'd', want: undefined, have: { dev: 'v1', key: 'd', value: 2 } }],
  )
  t.equal(await tracker.setInstalled(kernel.read()), 0)
})

t.test('what went with its device is written again and is no drift', async (t) => {
  const [kernel, tracker] = [new Kernel(), new EntryTracker<Entry>(codec)]
  tracker.setDesired([{ dev: 'v0', key: 'a', value: 7 }])
  await tracker.settle()
  kernel.work(tracker)
  tracker.forget('v0')
  t.same([...tracker.tasks('v0')], [{ key: 'a', want: { dev: 'v0', key: 'a', value: 7 } }])
  t.equal(await tracker.setInstalled(new Map()), 0)
})

t.test('what is missing as its device is gone is no drift', async (t) => {
  const [kernel, tracker] = [new Kernel(), new EntryTracker<Entry>(codec)]
  tracker.setDesired(['v0', 'v1'].map((dev) => ({ dev, key: 'a', value: 7 })))
  await tracker.settle()
  kernel.work(tracker)
  t.equal(await tracker.setInstalled(new Map(), (dev) => dev === 'v1'), 1)
  t.same(tracker.devices, ['v0', 'v1'], 'both are put again')
})
