/** All tables of one sandbox. */
import type { Plan } from '../../core/plan.js'
import { NftTable } from '../nft/table.js'
import { EntryTable } from './entry-table.js'
import { FDB } from './fdb.js'
import { LinkTable } from './links.js'
import { NEIGHBOURS } from './neighbours.js'
import { SOURCE_CHECK, sourceElements } from './source-check.js'

export class Tables {
  readonly links = new LinkTable()
  readonly neighbours = new EntryTable(NEIGHBOURS)
  readonly fdb = new EntryTable(FDB)
  readonly sources: NftTable

  constructor(sandbox: string) {
    this.sources = new NftTable(SOURCE_CHECK, `sandbox ${sandbox} source check`)
  }

  setDesired(plan: Plan): void {
    this.links.setDesired(plan.links)
    this.neighbours.setDesired(plan.neighbours, plan.partial)
    this.fdb.setDesired(plan.fdb, plan.partial)
    this.sources.setDesired(sourceElements(plan.sources))
  }

  /** Name of the vxlan device with this ifindex, as of the last apply. */
  vxlanAt(ifindex: number): string | undefined {
    for (const [dev, index] of this.links.vxlans) {
      if (index === ifindex) return dev
    }
    return undefined
  }
}
