/**
 * A table of thousands of small entries on devices of one sandbox. Neighbours, FDB and stations
 * differ only in their EntryCodec. In a pass, what is missing or different is put first and what
 * nobody wants is deleted then, so an address that moves is reachable all the time.
 *
 * Only the sandbox's pass calls this, one call at a time.
 */
import { type Item, itemText } from '../../core/item.js'
import type { EntrySet } from '../../core/plan.js'
import type { ApplyFailure } from '../../core/ports.js'
import { inTurns } from '../../core/turns.js'
import type { Task } from '../entry-tracker.js'
import { EntryTracker } from '../entry-tracker.js'
import type { TableResult } from '../failure.js'
import { kernelFailed, refused } from '../failure.js'
import type { NeighbourState } from '../rtnl/neighbour-codec.js'
import { decodeNeighbour } from '../rtnl/neighbour-codec.js'
import type { Rtnl, RtnlMessage } from '../rtnl/rtnl.js'

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

/** Deleting what is not there, or whose device is not there, is success. */
const GONE = ['ENOENT', 'ENODEV', 'ESRCH', 'ENXIO']
/** Messages are made for so many entries at a time; others have their turn after each. */
const BATCH = 1_024

type OnWritten<E> = (have: E | undefined, want: E | undefined) => void

export class EntryTable<E extends { readonly dev: string }> {
  readonly #codec: EntryCodec<E>
  readonly #onWritten: OnWritten<E>
  readonly #tracker: EntryTracker<E>
  #resync = true
  #partial = false

  /** @param onWritten told of each entry that was put or deleted, with what stood there before */
  constructor(codec: EntryCodec<E>, onWritten: OnWritten<E> = () => undefined) {
    this.#codec = codec
    this.#onWritten = onWritten
    this.#tracker = new EntryTracker(codec)
  }

  /** @param partial entries that are there and not named stay: their owner is not known yet */
  setDesired(entries: readonly E[] | EntrySet<E>, partial = false): void {
    this.#partial = partial
    this.#tracker.setDesired(entries)
  }

  /** The next apply reads the kernel. */
  queueResync(): void {
    this.#resync = true
  }

  /**
   * Whether a notice says something else than what is wanted, so that somebody else wrote. Our own
   * writes are wanted before they are made.
   * @param gone the entry was deleted
   */
  isContradicted(state: NeighbourState, dev: string, gone: boolean): boolean {
    const key = this.#codec.keyIn(state)
    if (key === undefined) return false
    const want = this.#tracker.desiredAt(dev, key)
    if (gone) return want !== undefined
    const have = this.#codec.decode(state, dev)
    if (want === undefined) return have !== undefined && !this.#partial
    return have === undefined || !this.#codec.same(have, want)
  }

  /** The device was made anew by us: its entries went with it and are no drift. */
  forget(dev: string): void {
    this.#tracker.forget(dev)
  }

  /**
   * Makes the kernel's entries as desired.
   * @param devices name → ifindex of the devices that are there
   */
  async apply(rtnl: Rtnl, devices: ReadonlyMap<string, number>): Promise<TableResult> {
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
    return this.#tracker.setInstalled(found)
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
        this.#onWritten(have, want)
        written += 1
      } else {
        const item = { in: this.#codec.name, name: `${dev} ${key}` }
        failures.push({ item, error: refused(itemText(item), code) })
      }
    }
    return written
  }
}

function* batches<T>(items: Iterable<T>, size: number): Generator<readonly T[]> {
  let batch: T[] = []
  for (const item of items) {
    batch.push(item)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
