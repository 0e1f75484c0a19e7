/**
 * The links of one sandbox with the addresses of its bridges. There are few and they change
 * rarely, so a pass that has anything to do reads all of them first; one without anything to do
 * costs no call. Only the sandbox's pass calls this, one call at a time.
 */
import { familyOf, ipOf, networkOf } from '../../core/ip.js'
import type { BridgeLink, LinkPlan } from '../../core/plan.js'
import type { ApplyFailure } from '../../core/ports.js'
import { DeltaTracker } from '../delta.js'
import type { TableResult } from '../failure.js'
import { failureOf, refused } from '../failure.js'
import { isLocalOnly } from '../misses.js'
import type { AddressState, RouteState } from '../rtnl/address-codec.js'
import { RT_TABLE_MAIN } from '../rtnl/constants.js'
import type { LinkState, PortState } from '../rtnl/link-codec.js'
import { deleteLinks } from '../rtnl/link-codec.js'
import type { Rtnl } from '../rtnl/rtnl.js'
import type { LinkSnapshot } from './link-snapshot.js'
import {
  isAsPlanned,
  isLinkAsPlanned,
  isPortAsPlanned,
  listLinks,
  readLinks,
} from './link-snapshot.js'
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
  #ports: ReadonlyMap<string, number> = new Map()
  #indexes: ReadonlyMap<string, number> = new Map()

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

  /** Name → ifindex of the containers' ports, as of the last apply. */
  get ports(): ReadonlyMap<string, number> {
    return this.#ports
  }

  /**
   * Whether the latest notice of a link, with no pass under way, is not what is wanted.
   * @param gone it was deleted or moved away
   */
  isContradicted(link: LinkState, gone: boolean): boolean {
    const plan = this.#tracker.desiredAt(link.name)
    // an old device of the name may go after the new one has come
    if (gone) return plan !== undefined && this.#indexes.get(link.name) === link.index
    if (plan === undefined) return isOurKind(link)
    return !isLinkAsPlanned(plan, link, (bridge) => this.#indexes.get(bridge))
  }

  /** The ifindex of a bridge, or of the one that a port is in. */
  bridgeIndexOf(dev: string): number | undefined {
    const plan = this.#desired.find(({ name }) => name === dev)
    if (plan === undefined) return undefined
    const bridge = plan.kind === 'bridge' ? dev : plan.master
    return bridge === undefined ? undefined : this.#indexes.get(bridge)
  }

  /** The same of what a bridge says of its port with that ifindex. */
  isPortContradicted(index: number, port: PortState): boolean {
    const plan = this.#desired.find(({ name }) => this.#indexes.get(name) === index)
    return plan !== undefined && !isPortAsPlanned(plan, port)
  }

  /** Whether a notice of an address is not what is wanted of our bridges. */
  isAddressContradicted({ ifindex, address }: AddressState, gone: boolean): boolean {
    const plan = this.#bridgeAt(ifindex)
    if (plan === undefined || plan.addresses.includes(address) !== gone) return false
    const ip = ipOf(address)
    return familyOf(ip) === 4 || !isLocalOnly(ip)
  }

  /** Whether a deleted route is one that an address of our bridges needs. */
  isRouteMissed({ ifindex, destination, table }: RouteState): boolean {
    if (destination === undefined || table !== RT_TABLE_MAIN) return false
    const addresses = this.#bridgeAt(ifindex)?.addresses ?? []
    return addresses.some((address) => networkOf(address) === destination)
  }

  #bridgeAt(ifindex: number): BridgeLink | undefined {
    return this.#desired
      .filter((plan) => plan.kind === 'bridge')
      .find(({ name }) => this.#indexes.get(name) === ifindex)
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
    const { written, remade, fresh } = writer
    this.#remember(fresh.size > 0 ? await listLinks(scope.rtnl) : [...snapshot.links.values()])
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
        failures.push(failureOf({ in: 'links', name: link.name }, error))
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
        const anew = hasOtherPeer(plan, this.#tracker.installedAt(plan.name))
        await writer.ensure(plan, snapshot, anew)
        this.#tracker.wrote(plan.name, plan)
      } catch (error) {
        this.#tracker.removed(plan.name)
        failures.push(failureOf({ in: 'links', name: plan.name }, error))
      }
    }
  }

  #remember(links: readonly LinkState[]): void {
    const vxlans = links.filter((link) => link.kind === 'vxlan')
    const veths = links.filter((link) => link.kind === 'veth')
    this.#vxlans = new Map(vxlans.map((link) => [link.name, link.index]))
    this.#ports = new Map(veths.map((link) => [link.name, link.index]))
    this.#indexes = new Map(links.map((link) => [link.name, link.index]))
  }
}

/**
 * Deletes all links of ours together.
 * @throws TsoverlayError KERNEL_FAILED
 */
export async function deleteOurLinks(rtnl: Rtnl): Promise<void> {
  const links = (await listLinks(rtnl)).filter(isOurKind)
  if (links.length === 0) return
  const outcomes = await rtnl.write(deleteLinks(links.map((link) => link.index)))
  const code = outcomes.at(-1)
  if (code !== undefined && code !== 'ENODEV') throw refused('links of a sandbox', code)
}

/** Whether the veth of a name was made for another container's end. */
function hasOtherPeer(plan: LinkPlan, made: LinkPlan | undefined): boolean {
  if (plan.kind !== 'veth' || made?.kind !== 'veth') return false
  return plan.peer.name !== made.peer.name || plan.peer.mac !== made.peer.mac
}

/** Plans are plain data with their fields in one order, as backends write them. */
function isSamePlan(a: LinkPlan, b: LinkPlan): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
