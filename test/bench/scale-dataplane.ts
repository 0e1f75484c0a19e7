/**
 * A kernel without system calls: the bookkeeping of entries is the real one, so a pass costs an agent
 * what it costs on a host, but for what the kernel takes.
 */
import type { EntrySet, FdbPlan, NeighbourPlan, Plan } from '../../src/core/plan.js'
import type { ApplyResult } from '../../src/core/ports.js'
import { EntryTracker } from '../../src/dataplane/tables/entry-tracker.js'
import { RecordingDataplane } from '../fakes/recording-dataplane.js'

interface Tables {
  readonly neighbours: EntryTracker<NeighbourPlan>
  readonly fdb: EntryTracker<FdbPlan>
}

const newTables = (): Tables => ({
  neighbours: new EntryTracker({ keyOf: ({ ip }) => ip, same: (a, b) => a.mac === b.mac }),
  fdb: new EntryTracker({ keyOf: ({ mac }) => mac, same: (a, b) => a.vtep === b.vtep }),
})

export class TrackedDataplane extends RecordingDataplane {
  readonly #tables = new Map<string, Tables>()
  readonly #onNeighbour: (entry: NeighbourPlan) => void

  /** @param onNeighbour called with each neighbour that the kernel would get */
  constructor(onNeighbour: (entry: NeighbourPlan) => void) {
    super()
    this.#onNeighbour = onNeighbour
  }

  override async apply(plan: Plan): Promise<ApplyResult> {
    const tables = this.#tables.get(plan.place) ?? newTables()
    this.#tables.set(plan.place, tables)
    const fdb = await make(tables.fdb, plan.fdb)
    const neighbours = await make(tables.neighbours, plan.neighbours, this.#onNeighbour)
    return { written: fdb + neighbours, drift: 0, failures: [] }
  }
}

/** @returns how many entries were written or deleted */
async function make<E extends { readonly dev: string }>(
  tracker: EntryTracker<E>,
  wanted: readonly E[] | EntrySet<E>,
  onWrite: (entry: E) => void = () => undefined,
): Promise<number> {
  tracker.setDesired(wanted)
  await tracker.settle()
  let written = 0
  for (const dev of tracker.devices) {
    for (const { key, want } of tracker.tasks(dev)) {
      if (want !== undefined) onWrite(want)
      tracker.done(dev, key)
      written += 1
    }
  }
  return written
}
