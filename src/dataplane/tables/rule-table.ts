/** A table of nf_tables as one of a place's tables. */
import type { Item } from '../../core/item.js'
import type { Plan } from '../../core/plan.js'
import type { TableResult } from '../failure.js'
import type { Generation } from '../nft/generation.js'
import type { Ruleset } from '../nft/ruleset.js'
import type { SetElement } from '../nft/table.js'
import { NftTable } from '../nft/table.js'
import { type KernelTable, NOTHING, type Scope } from './kernel-table.js'
import type { Notice } from './notices.js'

interface Options {
  readonly ruleset: Ruleset
  /** as failures name it */
  readonly item: string
  readonly generation: Generation
  /** what its sets are to have; undefined: no such table is wanted */
  readonly elements: (plan: Plan) => readonly SetElement[] | undefined
  /** told once why this kernel cannot do it */
  readonly onUnsupported: (reason: string) => void
}

export class RuleTable implements KernelTable {
  readonly name: Item['in'] = 'rules'
  readonly #options: Options
  readonly #table: NftTable
  #told = false

  constructor(options: Options) {
    this.#options = options
    const { ruleset, item, generation } = options
    this.#table = new NftTable(ruleset, { in: 'rules', name: item }, generation)
  }

  setDesired(plan: Plan): void {
    this.#table.setDesired(this.#options.elements(plan))
  }

  queueResync(): void {
    this.#table.queueResync()
  }

  contradicts(notice: Notice): boolean {
    return notice.kind === 'rules' && this.#table.isContradicted(notice.generation)
  }

  /** A kernel that has not what it needs goes without. */
  async apply({ netfilter }: Scope): Promise<TableResult> {
    const result = netfilter === undefined ? NOTHING : await this.#table.apply(netfilter)
    const reason = netfilter === undefined ? 'no netfilter sockets' : this.#table.unsupported
    if (reason !== undefined && !this.#told) {
      this.#told = true
      this.#options.onUnsupported(reason)
    }
    return result
  }
}
