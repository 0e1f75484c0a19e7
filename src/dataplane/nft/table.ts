/**
 * One table of nf_tables that is ours, kept as planned. Changes of its sets are one small batch; a
 * table that is missing, of another version or changed by others is replaced as a whole in one
 * batch, so there is no moment without it.
 *
 * Only one call at a time.
 */
import { type Item, itemText } from '../../core/item.js'
import type { ApplyFailure } from '../../core/ports.js'
import type { TableResult } from '../failure.js'
import { refused } from '../failure.js'
import type { BatchSocket, RtnlMessage } from '../rtnl/rtnl.js'
import { DeltaTracker } from '../tables/delta.js'
import { Generation } from './generation.js'
import type { ChainState } from './messages.js'
import {
  decodeChain,
  decodeComment,
  decodeGeneration,
  dumpChains,
  getGeneration,
  getTable,
  inBatch,
} from './messages.js'
import type { Elements, Ruleset } from './ruleset.js'
import { commentOf, removeTable, replaceTable, usesOf } from './ruleset.js'
import type { Element } from './sets.js'
import { changeElements, decodeElements, dumpElements } from './sets.js'

/** What a kernel without nf_tables, the family or one of the expressions answers. */
const UNSUPPORTED = ['EOPNOTSUPP', 'EAFNOSUPPORT', 'EPROTONOSUPPORT', 'ENOENT']

export interface SetElement extends Element {
  readonly set: string
}

/** `broken`: there, but not as we make it. */
type Found = 'absent' | 'broken' | 'intact'

export class NftTable {
  readonly #ruleset: Ruleset
  readonly #item: Item
  readonly #tracker = new DeltaTracker<string, SetElement>(() => true)
  #wanted = false
  #partial = false
  #resync = true
  #found: Found = 'absent'
  readonly #generation: Generation
  /** of the generation in which ours were as planned */
  #mark: number | undefined
  #unsupported: string | undefined

  /**
   * @param item as failures name it
   * @param generation of the namespace, shared with its other tables of ours
   */
  constructor(ruleset: Ruleset, item: Item, generation = new Generation()) {
    this.#ruleset = ruleset
    this.#item = item
    this.#generation = generation
  }

  /** The errno with which this kernel refuses such a table, if it does. */
  get unsupported(): string | undefined {
    return this.#unsupported
  }

  /**
   * @param elements undefined: no table at all
   * @param partial elements that are there and not named stay: they are not known yet
   */
  setDesired(elements: readonly SetElement[] | undefined, partial = false): void {
    this.#wanted = elements !== undefined
    this.#partial = partial
    this.#tracker.setDesired(new Map((elements ?? []).map((one) => [keyOf(one), one])))
  }

  /** The next apply looks whether others have changed any rules since. */
  queueResync(): void {
    this.#resync = true
  }

  /** Whether the rules of this namespace are of a generation that others have made. */
  isContradicted(generation: number): boolean {
    return this.#mark !== undefined && !this.#generation.isOurs(this.#mark, generation)
  }

  /**
   * What the kernel refuses is tried once more after it was read, as memory may be wrong.
   * @param create false: where there is no table, none is made
   * @throws TsoverlayError KERNEL_FAILED when the kernel cannot be read
   */
  async apply(socket: BatchSocket, create = true): Promise<TableResult> {
    const first = await this.#pass(socket, create)
    if (first.failures.length === 0) return first
    const second = await this.#pass(socket, create)
    return { ...second, drift: first.drift + second.drift }
  }

  async #pass(socket: BatchSocket, create: boolean): Promise<TableResult> {
    const drift = this.#resync ? await this.#read(socket) : 0
    this.#resync = false
    if (!this.#wanted) return this.#remove(socket, drift)
    const isMissing = this.#found === 'absent' && !create
    if (isMissing || this.#unsupported !== undefined) return { written: 0, drift, failures: [] }
    if (this.#found !== 'intact') return this.#replace(socket, drift)
    const added = this.#tracker.updates().map(([, one]) => one)
    const gone = this.#partial ? [] : this.#tracker.deletions().map(([, one]) => one)
    if (added.length + gone.length === 0) return { written: 0, drift, failures: [] }
    const messages = [...this.#changes('delete', gone), ...this.#changes('add', added)]
    const code = await this.#send(socket, messages)
    if (code !== undefined) return this.#refusal(code, drift)
    for (const one of added) this.#tracker.wrote(keyOf(one), one)
    for (const one of gone) this.#tracker.removed(keyOf(one))
    return { written: added.length + gone.length, drift, failures: [] }
  }

  async #replace(socket: BatchSocket, drift: number): Promise<TableResult> {
    const kept = this.#partial ? this.#tracker.deletions() : []
    const all = [...this.#tracker.desired, ...kept.map(([, one]) => one)]
    const code = await this.#send(socket, replaceTable(this.#ruleset, bySet(all)))
    if (code !== undefined && UNSUPPORTED.includes(code)) {
      this.#unsupported = code
      return { written: 0, drift, failures: [] }
    }
    if (code !== undefined) return this.#refusal(code, drift)
    this.#found = 'intact'
    this.#tracker.setInstalled(new Map(all.map((one) => [keyOf(one), one])))
    return { written: all.length + 1, drift, failures: [] }
  }

  async #remove(socket: BatchSocket, drift: number): Promise<TableResult> {
    if (this.#found === 'absent') return { written: 0, drift, failures: [] }
    const code = await this.#send(socket, removeTable(this.#ruleset))
    if (code !== undefined) return this.#refusal(code, drift)
    this.#found = 'absent'
    this.#tracker.setInstalled(new Map())
    return { written: 1, drift, failures: [] }
  }

  #refusal(code: string, drift: number): TableResult {
    this.#resync = true
    this.#mark = undefined
    const failure: ApplyFailure = { item: this.#item, error: refused(itemText(this.#item), code) }
    return { written: 0, drift, failures: [failure] }
  }

  async #send(socket: BatchSocket, messages: readonly RtnlMessage[]): Promise<string | undefined> {
    const code = await socket.batch(inBatch(messages))
    if (code === undefined) this.#generation.advance()
    return code
  }

  #changes(change: 'add' | 'delete', elements: readonly SetElement[]): readonly RtnlMessage[] {
    return [...bySet(elements)].flatMap(([set, list]) =>
      changeElements(this.#ruleset, set, change, list),
    )
  }

  /** @returns how much of what we had made is missing or changed */
  async #read(socket: BatchSocket): Promise<number> {
    const reply = await socket.get(getGeneration(), UNSUPPORTED)
    const generation = reply && decodeGeneration(reply)
    if (generation !== undefined && this.#generation.isOurs(this.#mark, generation)) return 0
    this.#mark = generation && this.#generation.markAt(generation)
    const before = this.#found
    this.#found = await this.#look(socket)
    const elements = this.#found === 'absent' ? [] : await this.#readElements(socket)
    const lost = this.#tracker.setInstalled(new Map(elements.map((one) => [keyOf(one), one])))
    if (before === 'intact' && this.#found !== 'intact') return 1
    return lost
  }

  async #look(socket: BatchSocket): Promise<Found> {
    const table = await socket.get(getTable(this.#ruleset), UNSUPPORTED)
    if (table === undefined) return 'absent'
    if (decodeComment(table) !== commentOf(this.#ruleset)) return 'broken'
    const chains = (await socket.dump(dumpChains(this.#ruleset))).map(decodeChain)
    const ours = chains.filter((chain) => chain.table === this.#ruleset.table)
    return this.#isIntact(ours) ? 'intact' : 'broken'
  }

  #isIntact(chains: readonly ChainState[]): boolean {
    const found = new Map(chains.map((chain) => [chain.name, chain]))
    const uses = usesOf(this.#ruleset)
    return (
      found.size === uses.size &&
      this.#ruleset.chains.every(({ name, hook }) => {
        const chain = found.get(name)
        return chain?.uses === uses.get(name) && chain?.policy === hook?.policy
      })
    )
  }

  async #readElements(socket: BatchSocket): Promise<SetElement[]> {
    const elements: SetElement[] = []
    for (const { name, length } of this.#ruleset.sets) {
      const parts = await socket.dump(dumpElements(this.#ruleset, name), UNSUPPORTED)
      const found = parts.flatMap((part) => decodeElements(part))
      // another version's set may have had other keys
      const usable = found.filter(({ key }) => key.length === length)
      elements.push(...usable.map((one) => ({ set: name, ...one })))
    }
    return elements
  }
}

/** An element with another end, or that leads elsewhere, is another one. */
function keyOf({ set, key, end, data }: SetElement): string {
  return [set, key, end, data]
    .map((part) => (Buffer.isBuffer(part) ? part.toString('hex') : (part ?? '-')))
    .join(' ')
}

function bySet(elements: readonly SetElement[]): Elements {
  const sets = new Map<string, Element[]>()
  for (const { set, ...one } of elements) {
    const list = sets.get(set)
    if (list === undefined) sets.set(set, [one])
    else list.push(one)
  }
  return sets
}
