/**
 * A table of thousands of small entries on devices of one place. Neighbours, FDB, stations and
 * proxies differ only in their EntryCodec. In a pass, what is missing or different is put first and
 * what nobody wants is deleted then, so an address that moves is reachable all the time.
 */
import { type Item, itemText } from '../../core/item.js'
import type { EntrySet, Plan } from '../../core/plan.js'
import type { ApplyFailure } from '../../core/ports.js'
import { inTurns } from '../../core/turns.js'
import type { TableResult } from '../failure.js'
import { kernelFailed, refused } from '../failure.js'
import type { NeighbourState } from '../rtnl/neighbour-codec.js'
import { decodeNeighbour } from '../rtnl/neighbour-codec.js'
import type { Rtnl, RtnlMessage } from '../rtnl/rtnl.js'
import type { Task } from './entry-tracker.js'
import { EntryTracker } from './entry-tracker.js'
import type { KernelTable, Scope } from './kernel-table.js'
import { deviceAt, type LinkTable } from './links.js'
import type { Notice } from './notices.js'

export interface EntryCodec<E extends { readonly dev: string }> {
  /** as failures name it */
  readonly name: Item['in']
  /** What identifies an entry on its device. */
  keyOf(entry: E): string
  same(a: E, b: E): boolean
  put(entry: E, ifindex: number): RtnlMessage
  remove(key: string, ifindex: number): RtnlMessage
  /** The requests that list the entries of one device. */
  dumps(ifindex: number): readonly RtnlMessage[]
  /** What a message of that device is about; undefined for what can be no entry of ours. */
  keyIn(state: NeighbourState): string | undefined
  /** The entry, if it is one of our kind: the kernel has others of the same keys. */
  decode(state: NeighbourState, dev: string): E | undefined
}

/** The links of the place, and which of them have such entries. */
export interface EntryDevices<E> {
  readonly links: LinkTable
  /** name → ifindex of the devices that are there, as of the last apply of the links */
  readonly devices: (links: LinkTable) => ReadonlyMap<string, number>
  readonly entries: (plan: Plan) => readonly E[] | EntrySet<E>
  /** in a partial plan, entries that are there and not named stay: their owner is not known yet */
  readonly keepsPartial: boolean
  /**
   * what becomes of the entries of a device that was made or brought up: `lost` are all of them; `read`
   * are those that may have stayed
   */
  readonly onFresh: 'lost' | 'read'
  /** whether a notice of that kind can be of such an entry: FDB entries are of bridges */
  readonly ofBridge: boolean
  /** told of each entry that was put or deleted, with what stood there before */
  readonly onWritten?: (have: E | undefined, want: E | undefined) => void
}

/** Deleting what is not there, or whose device is not there, is success. */
const GONE = ['ENOENT', 'ENODEV', 'ESRCH', 'ENXIO']
/** Messages are made for so many entries at a time; others have their turn after each. */
const BATCH = 1_024

export class EntryTable<E extends { readonly dev: string }> implements KernelTable {
  readonly name: Item['in']
  readonly #codec: EntryCodec<E>
  readonly #of: EntryDevices<E>
  readonly #tracker: EntryTracker<E>
  #resync = true
  #partial = false

  constructor(codec: EntryCodec<E>, of: EntryDevices<E>) {
    this.name = codec.name
    this.#codec = codec
    this.#of = of
    this.#tracker = new EntryTracker(codec)
  }

  setDesired(plan: Plan): void {
    this.#partial = this.#of.keepsPartial && plan.partial === true
    this.#tracker.setDesired(this.#of.entries(plan))
  }

  queueResync(): void {
    this.#resync = true
  }

  contradicts(notice: Notice): boolean {
    if (notice.kind !== 'entry' || notice.ofBridge !== this.#of.ofBridge) return false
    const { state, gone } = notice
    const dev = deviceAt(this.#of.devices(this.#of.links), state.ifindex)
    return dev !== undefined && this.#isContradicted(state, dev, gone)
  }

  #isContradicted(state: NeighbourState, dev: string, gone: boolean): boolean {
    const key = this.#codec.keyIn(state)
    if (key === undefined) return false
    const want = this.#tracker.desiredAt(dev, key)
    if (gone) return want !== undefined
    const have = this.#codec.decode(state, dev)
    if (want === undefined) return have !== undefined && !this.#partial
    return have === undefined || !this.#codec.same(have, want)
  }

  async apply({ rtnl }: Scope): Promise<TableResult> {
    const { links, onFresh } = this.#of
    const devices = this.#of.devices(links)
    // what went with a device by our own doing is no drift
    for (const dev of onFresh === 'lost' ? links.fresh : links.remade) this.#tracker.forget(dev)
    if (onFresh === 'read' && [...links.fresh].some((dev) => devices.has(dev))) this.#resync = true
    await this.#tracker.settle()
    let drift = 0
    if (this.#resync) {
      drift = await this.#readKernel(rtnl, devices)
      this.#resync = false
    }
    const failures: ApplyFailure[] = []
    let written = 0
    for (const isPut of this.#partial ? [true] : [true, false]) {
      for (const dev of this.#tracker.devices) {
        written += await this.#work(rtnl, dev, devices.get(dev), isPut, failures)
      }
    }
    return { written, drift, failures }
  }

  async #readKernel(rtnl: Rtnl, devices: ReadonlyMap<string, number>): Promise<number> {
    const found = new Map<string, ReadonlyMap<string, E>>()
    for (const [dev, ifindex] of devices) found.set(dev, await this.#list(rtnl, dev, ifindex))
    return this.#tracker.setInstalled(found, (dev) => devices.has(dev))
  }

  async #list(rtnl: Rtnl, dev: string, ifindex: number): Promise<ReadonlyMap<string, E>> {
    const found = new Map<string, E>()
    for (const dump of this.#codec.dumps(ifindex)) {
      await inTurns(await rtnl.dump(dump), (body) => {
        const state = decodeNeighbour(body)
        const entry = state.ifindex === ifindex ? this.#codec.decode(state, dev) : undefined
        if (entry !== undefined) found.set(this.#codec.keyOf(entry), entry)
      })
    }
    return found
  }

  /**
   * Puts all that is missing or different on a device, or deletes all that nobody wants.
   * @returns how many
   */
  async #work(
    rtnl: Rtnl,
    dev: string,
    ifindex: number | undefined,
    isPut: boolean,
    failures: ApplyFailure[],
  ): Promise<number> {
    let written = 0
    for (const batch of batches(this.#tasks(dev, isPut), BATCH)) {
      if (ifindex === undefined) {
        if (isPut) {
          const item = { in: this.#codec.name, name: dev }
          failures.push({ item, error: kernelFailed(itemText(item), 'there is no such device') })
          return 0
        }
        for (const { key } of batch) this.#tracker.done(dev, key)
      } else written += await this.#write(rtnl, dev, ifindex, batch, failures)
    }
    return written
  }

  *#tasks(dev: string, isPut: boolean): Generator<Task<E>> {
    for (const task of this.#tracker.tasks(dev)) {
      if ((task.want !== undefined) === isPut) yield task
    }
  }

  /** Notes each success, and each refusal as a failure; counts the successes. */
  async #write(
    rtnl: Rtnl,
    dev: string,
    ifindex: number,
    batch: readonly Task<E>[],
    failures: ApplyFailure[],
  ): Promise<number> {
    const messages = batch.map(({ key, want }) =>
      want === undefined ? this.#codec.remove(key, ifindex) : this.#codec.put(want, ifindex),
    )
    const outcomes = await rtnl.write(messages)
    let written = 0
    for (const [index, { key, want, have }] of batch.entries()) {
      const code = outcomes[index]
      if (code === undefined || (want === undefined && GONE.includes(code))) {
        this.#tracker.done(dev, key)
        this.#of.onWritten?.(have, want)
        written += 1
      } else {
        const item = { in: this.#codec.name, name: `${dev} ${key}` }
        failures.push({ item, error: refused(itemText(item), code) })
      }
    }
    return written
  }
}

export function* batches<T>(items: Iterable<T>, size: number): Generator<readonly T[]> {
  let batch: T[] = []
  for (const item of items) {
    batch.push(item)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
