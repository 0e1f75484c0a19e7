/**
 * The links of one sandbox with the addresses of its bridges. There are few and they change
 * rarely, so a pass that has anything to do reads all of them first; one without anything to do
 * costs no call. Only the sandbox's pass calls this, one call at a time.
 */
import type { LinkPlan } from '../../core/plan.js'
import type { ApplyFailure } from '../../core/ports.js'
import { DeltaTracker } from '../delta.js'
import type { TableResult } from '../failure.js'
import { failureOf } from '../failure.js'
import type { LinkState } from '../rtnl/link-codec.js'
import type { LinkSnapshot } from './link-snapshot.js'
import { isAsPlanned, readLinks } from './link-snapshot.js'
import type { LinkScope } from './link-writer.js'
import { LinkWriter } from './link-writer.js'

/** Other kinds in the sandbox are not of our making and stay. */
const OUR_KINDS: readonly string[] = ['bridge', 'vxlan', 'veth']

export function isOurKind(link: LinkState): boolean {
  return OUR_KINDS.includes(link.kind)
}

export interface LinkResult extends TableResult {
  /** devices made anew as planned, whose entries went with them */
  readonly remade: ReadonlySet<string>
  /** devices that may have lost entries */
  readonly fresh: ReadonlySet<string>
}

export class LinkTable {
  readonly #tracker = new DeltaTracker<string, LinkPlan>(isSamePlan)
  #desired: readonly LinkPlan[] = []
  #resync = true
  #vxlans: ReadonlyMap<string, number> = new Map()

  setDesired(links: readonly LinkPlan[]): void {
    this.#desired = links
    this.#tracker.setDesired(new Map(links.map((link) => [link.name, link])))
  }

  /** The next apply reads the kernel. */
  queueResync(): void {
    this.#resync = true
  }

  /** Name → ifindex of the vxlan devices, as of the last apply. */
  get vxlans(): ReadonlyMap<string, number> {
    return this.#vxlans
  }

  /** @throws TsoverlayError KERNEL_FAILED when the kernel cannot be read */
  async apply(scope: LinkScope): Promise<LinkResult> {
    const writer = new LinkWriter(scope)
    if (!this.#resync && this.#tracker.inSync) {
      return { written: 0, drift: 0, failures: [], remade: writer.remade, fresh: writer.fresh }
    }
    let snapshot = await readLinks(scope.rtnl)
    const drift = this.#resync ? this.#countDrift(snapshot) : 0
    this.#resync = false
    const failures: ApplyFailure[] = []
    await this.#deleteUnwanted(snapshot, writer, failures)
    const bridges = this.#desired.filter((link) => link.kind === 'bridge')
    await this.#ensure(bridges, snapshot, writer, failures)
    // ports need the ifindex of bridges that were just made
    if (writer.written > 0) snapshot = await readLinks(scope.rtnl)
    const ports = this.#desired.filter((link) => link.kind !== 'bridge')
    await this.#ensure(ports, snapshot, writer, failures)
    if (writer.fresh.size > 0) snapshot = await readLinks(scope.rtnl)
    this.#remember(snapshot)
    const { written, remade, fresh } = writer
    return { written, drift, failures, remade, fresh }
  }

  #countDrift(snapshot: LinkSnapshot): number {
    return this.#tracker.installed.filter((plan) => !isAsPlanned(plan, snapshot)).length
  }

  /** First: a vxlan device to be made may need the VNI of one that is not wanted any more. */
  async #deleteUnwanted(
    snapshot: LinkSnapshot,
    writer: LinkWriter,
    failures: ApplyFailure[],
  ): Promise<void> {
    const wanted = new Set(this.#desired.map((link) => link.name))
    for (const link of snapshot.links.values()) {
      if (wanted.has(link.name) || !isOurKind(link)) continue
      await writer.delete(link).catch((error: unknown) => {
        failures.push(failureOf(`link ${link.name}`, error))
      })
    }
    for (const [name] of this.#tracker.deletions()) this.#tracker.removed(name)
  }

  async #ensure(
    plans: readonly LinkPlan[],
    snapshot: LinkSnapshot,
    writer: LinkWriter,
    failures: ApplyFailure[],
  ): Promise<void> {
    for (const plan of plans) {
      try {
        await writer.ensure(plan, snapshot)
        this.#tracker.wrote(plan.name, plan)
      } catch (error) {
        this.#tracker.removed(plan.name)
        failures.push(failureOf(`link ${plan.name}`, error))
      }
    }
  }

  #remember(snapshot: LinkSnapshot): void {
    const vxlans = [...snapshot.links.values()].filter((link) => link.kind === 'vxlan')
    this.#vxlans = new Map(vxlans.map((link) => [link.name, link.index]))
  }
}

/** Plans are plain data with their fields in one order, as backends write them. */
function isSamePlan(a: LinkPlan, b: LinkPlan): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
