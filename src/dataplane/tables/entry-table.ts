/**
 * A table of thousands of small entries on the vxlan devices of one sandbox. Neighbours and FDB
 * differ only in their EntryCodec. In a pass, what is missing or different is put first and what
 * nobody wants is deleted then, so an address that moves is reachable all the time.
 *
 * Only the sandbox's pass calls this, one call at a time.
 */
import type { ApplyFailure } from '../../core/ports.js'
import { DeltaTracker } from '../delta.js'
import type { TableResult } from '../failure.js'
import { kernelFailed, refused } from '../failure.js'
import type { NeighbourState } from '../rtnl/neighbour-codec.js'
import { decodeNeighbour } from '../rtnl/neighbour-codec.js'
import type { Outcome, Rtnl, RtnlMessage } from '../rtnl/rtnl.js'

export interface EntryCodec<E extends { readonly dev: string }> {
  /** `neighbour` or `fdb`, as failures name it */
  readonly noun: string
  /** What identifies an entry on its device. */
  keyOf(entry: E): string
  same(a: E, b: E): boolean
  put(entry: E, ifindex: number): RtnlMessage
  remove(entry: E, ifindex: number): RtnlMessage
  /** The requests that list the entries of one device. */
  dumps(ifindex: number): readonly RtnlMessage[]
  /** What a message of that device is about; undefined for what can be no entry of ours. */
  keyIn(state: NeighbourState): string | undefined
  /** The entry, if it is one of our kind: the kernel has others of the same keys. */
  decode(state: NeighbourState, dev: string): E | undefined
}

/** Deleting what is not there, or whose device is not there, is success. */
const GONE = ['ENOENT', 'ENODEV', 'ESRCH', 'ENXIO']

export class EntryTable<E extends { readonly dev: string }> {
  readonly #codec: EntryCodec<E>
  readonly #tracker: DeltaTracker<string, E>
  #resync = true
  #partial = false

  constructor(codec: EntryCodec<E>) {
    this.#codec = codec
    this.#tracker = new DeltaTracker((a, b) => codec.same(a, b))
  }

  /** @param partial entries that are there and not named stay: their owner is not known yet */
  setDesired(entries: readonly E[], partial = false): void {
    this.#partial = partial
    this.#tracker.setDesired(new Map(entries.map((entry) => [this.#keyOf(entry), entry])))
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
    const want = this.#tracker.desiredAt(`${dev} ${key}`)
    if (gone) return want !== undefined
    const have = this.#codec.decode(state, dev)
    if (want === undefined) return have !== undefined && !this.#partial
    return have === undefined || !this.#codec.same(have, want)
  }

  /** The device was made anew by us: its entries went with it and are no drift. */
  forget(dev: string): void {
    this.#tracker.forget((entry) => entry.dev === dev)
  }

  /**
   * Makes the kernel's entries as desired.
   * @param devices name → ifindex of the vxlan devices that are there
   */
  async apply(rtnl: Rtnl, devices: ReadonlyMap<string, number>): Promise<TableResult> {
    let drift = 0
    if (this.#resync) {
      drift = await this.#readKernel(rtnl, devices)
      this.#resync = false
    }
    if (this.#tracker.inSync) return { written: 0, drift, failures: [] }
    const failures: ApplyFailure[] = []
    const put = await this.#put(rtnl, devices, failures)
    const deleted = this.#partial ? 0 : await this.#delete(rtnl, devices, failures)
    return { written: put + deleted, drift, failures }
  }

  async #readKernel(rtnl: Rtnl, devices: ReadonlyMap<string, number>): Promise<number> {
    const found = new Map<string, E>()
    for (const [dev, ifindex] of devices) {
      for (const entry of await this.#list(rtnl, dev, ifindex)) found.set(this.#keyOf(entry), entry)
    }
    return this.#tracker.setInstalled(found)
  }

  async #list(rtnl: Rtnl, dev: string, ifindex: number): Promise<readonly E[]> {
    const found: E[] = []
    for (const dump of this.#codec.dumps(ifindex)) {
      for (const body of await rtnl.dump(dump)) {
        const state = decodeNeighbour(body)
        const entry = state.ifindex === ifindex ? this.#codec.decode(state, dev) : undefined
        if (entry !== undefined) found.push(entry)
      }
    }
    return found
  }

  async #put(
    rtnl: Rtnl,
    devices: ReadonlyMap<string, number>,
    failures: ApplyFailure[],
  ): Promise<number> {
    const updates = this.#tracker.updates().map(([, entry]) => entry)
    const { present, absent } = split(updates, devices)
    for (const dev of new Set(absent.map((entry) => entry.dev))) {
      const item = `${this.#codec.noun} ${dev}`
      failures.push({ item, error: kernelFailed(item, 'there is no such vxlan device') })
    }
    const outcomes = await rtnl.write(
      present.map(({ entry, ifindex }) => this.#codec.put(entry, ifindex)),
    )
    return this.#settle(present, outcomes, failures, (entry) =>
      this.#tracker.wrote(this.#keyOf(entry), entry),
    )
  }

  async #delete(
    rtnl: Rtnl,
    devices: ReadonlyMap<string, number>,
    failures: ApplyFailure[],
  ): Promise<number> {
    const unwanted = this.#tracker.deletions().map(([, entry]) => entry)
    const { present, absent } = split(unwanted, devices)
    for (const entry of absent) this.#tracker.removed(this.#keyOf(entry))
    const outcomes = await rtnl.write(
      present.map(({ entry, ifindex }) => this.#codec.remove(entry, ifindex)),
    )
    const settled = outcomes.map((code) => (GONE.includes(code ?? '') ? undefined : code))
    return this.#settle(present, settled, failures, (entry) =>
      this.#tracker.removed(this.#keyOf(entry)),
    )
  }

  /** Notes each success through `done` and each refusal as a failure; counts the successes. */
  #settle(
    items: readonly Located<E>[],
    outcomes: readonly Outcome[],
    failures: ApplyFailure[],
    done: (entry: E) => void,
  ): number {
    let written = 0
    items.forEach(({ entry }, index) => {
      const code = outcomes[index]
      if (code === undefined) {
        done(entry)
        written += 1
        return
      }
      const item = `${this.#codec.noun} ${this.#keyOf(entry)}`
      failures.push({ item, error: refused(item, code) })
    })
    return written
  }

  #keyOf(entry: E): string {
    return `${entry.dev} ${this.#codec.keyOf(entry)}`
  }
}

interface Located<E> {
  readonly entry: E
  readonly ifindex: number
}

function split<E extends { readonly dev: string }>(
  entries: readonly E[],
  devices: ReadonlyMap<string, number>,
): { present: Located<E>[]; absent: E[] } {
  const present: Located<E>[] = []
  const absent: E[] = []
  for (const entry of entries) {
    const ifindex = devices.get(entry.dev)
    if (ifindex === undefined) absent.push(entry)
    else present.push({ entry, ifindex })
  }
  return { present, absent }
}
