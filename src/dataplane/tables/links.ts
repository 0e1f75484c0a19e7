/**
 * The links of one place with their addresses. A pass that has anything to do reads the links that it
 * is about first, as others may have hundreds in the host's namespace; after `queueResync` it reads all.
 * One without anything to do costs no call.
 */
import { type Cidr, familyOf, ipOf, networkOf } from '../../core/ip.js'
import type { LinkPlan, Plan } from '../../core/plan.js'
import type { ApplyFailure } from '../../core/ports.js'
import { isLocalOnly } from '../facts/misses.js'
import type { TableResult } from '../failure.js'
import { failureOf, refused } from '../failure.js'
import type { AddressState, RouteState } from '../rtnl/address-codec.js'
import { RT_TABLE_MAIN } from '../rtnl/constants.js'
import type { LinkState, PortState } from '../rtnl/link-codec.js'
import { deleteLinks } from '../rtnl/link-codec.js'
import type { Rtnl } from '../rtnl/rtnl.js'
import { DeltaTracker } from './delta.js'
import { type KernelTable, NOTHING } from './kernel-table.js'
import type { LinkSnapshot } from './link-snapshot.js'
import {
  addressesOf,
  isAsPlanned,
  isLinkAsPlanned,
  isPortAsPlanned,
  listLinks,
  readLinks,
  readSome,
} from './link-snapshot.js'
import type { LinkScope, Ownership } from './link-writer.js'
import { LinkWriter } from './link-writer.js'
import type { Notice } from './notices.js'

/** Name → ifindex of links of ours. */
type Devices = Readonly<Record<LinkPlan['kind'], Map<string, number>>>
/** Never added to: it is replaced. */
const NONE: Devices = { bridge: new Map(), vxlan: new Map(), veth: new Map() }

export class LinkTable implements KernelTable {
  readonly name = 'links'
  readonly #ownership: Ownership
  readonly #tracker = new DeltaTracker<string, LinkPlan>(isSamePlan)
  #desired: readonly LinkPlan[] = []
  #resync = true
  #remade: ReadonlySet<string> = new Set()
  #fresh: ReadonlySet<string> = new Set()
  #devices: Devices = NONE

  constructor(ownership: Ownership) {
    this.#ownership = ownership
  }

  setDesired({ links }: Plan): void {
    this.#desired = links
    this.#tracker.setDesired(new Map(links.map((link) => [link.name, link])))
  }

  queueResync(): void {
    this.#resync = true
  }

  /** Name → ifindex of the vxlan devices of ours, as of the last apply. */
  get vxlans(): ReadonlyMap<string, number> {
    return this.#devices.vxlan
  }

  /** Name → ifindex of the containers' ports, as of the last apply. */
  get ports(): ReadonlyMap<string, number> {
    return this.#devices.veth
  }

  /** Name → ifindex of the bridges of ours, as of the last apply. */
  get bridges(): ReadonlyMap<string, number> {
    return this.#devices.bridge
  }

  /** Name of the link of ours with this ifindex, as of the last apply. */
  nameAt(ifindex: number): string | undefined {
    return [this.bridges, this.vxlans, this.ports]
      .map((devices) => deviceAt(devices, ifindex))
      .find((name) => name !== undefined)
  }

  /** Devices made anew by the last apply because the plan wants other ones: their entries went with them. */
  get remade(): ReadonlySet<string> {
    return this.#remade
  }

  /** Devices that the last apply made or brought up: they may have lost entries. */
  get fresh(): ReadonlySet<string> {
    return this.#fresh
  }

  /** Links are judged by their latest notice with no pass under way, as a pass makes them in several steps. */
  contradicts(notice: Notice): boolean {
    switch (notice.kind) {
      case 'link':
        return this.#isContradicted(notice.link, notice.gone)
      case 'port':
        return this.#isPortContradicted(notice.index, notice.port)
      case 'address':
        return this.#isAddressContradicted(notice.address, notice.gone)
      case 'route':
        return notice.gone && this.#isRouteMissed(notice.route)
      default:
        return false
    }
  }

  #isContradicted(link: LinkState, gone: boolean): boolean {
    const plan = this.#tracker.desiredAt(link.name)
    // an old device of the name may go after the new one has come
    if (gone) return plan !== undefined && this.#indexOf(link.name) === link.index
    if (plan === undefined) return this.#ownership.owns(link)
    return !isLinkAsPlanned(plan, link, (bridge) => this.#indexOf(bridge))
  }

  /** The ifindex of a bridge, or of the one that a port is in. */
  bridgeIndexOf(dev: string): number | undefined {
    const plan = this.#desired.find(({ name }) => name === dev)
    if (plan === undefined) return undefined
    const bridge = plan.kind === 'bridge' ? dev : plan.master
    return bridge === undefined ? undefined : this.bridges.get(bridge)
  }

  #isPortContradicted(index: number, port: PortState): boolean {
    const plan = this.#desired.find(({ name }) => this.#indexOf(name) === index)
    return plan !== undefined && !isPortAsPlanned(plan, port)
  }

  #isAddressContradicted({ ifindex, address }: AddressState, gone: boolean): boolean {
    const addresses = this.#addressesAt(ifindex)
    if (addresses === undefined || addresses.includes(address) !== gone) return false
    const ip = ipOf(address)
    return familyOf(ip) === 4 || !isLocalOnly(ip)
  }

  /** Whether a deleted route is one that an address of our links needs. */
  #isRouteMissed({ ifindex, destination, table }: RouteState): boolean {
    if (destination === undefined || table !== RT_TABLE_MAIN) return false
    const addresses = this.#addressesAt(ifindex) ?? []
    return addresses.some((address) => networkOf(address) === destination)
  }

  /** Addresses that a link of ours is to have; undefined for one that has none by plan. */
  #addressesAt(ifindex: number): readonly Cidr[] | undefined {
    const plan = this.#desired.find(({ name }) => this.#indexOf(name) === ifindex)
    return plan && addressesOf(plan)
  }

  #indexOf(name: string): number | undefined {
    return this.bridges.get(name) ?? this.vxlans.get(name) ?? this.ports.get(name)
  }

  /** @throws TsoverlayError KERNEL_FAILED when the kernel cannot be read */
  async apply(scope: LinkScope): Promise<TableResult> {
    const writer = new LinkWriter(scope, this.#ownership)
    this.#remade = writer.remade
    this.#fresh = writer.fresh
    if (!this.#resync && this.#tracker.inSync) return NOTHING
    const isWhole = this.#resync
    const due = isWhole ? this.#desired : this.#tracker.updates().map(([, plan]) => plan)
    const read = isWhole ? () => readLinks(scope) : () => readSome(scope, due, this.#leaving())
    let snapshot = await read()
    const drift = isWhole ? this.#countDrift(snapshot) : 0
    this.#resync = false
    const failures: ApplyFailure[] = []
    await this.#deleteUnwanted(snapshot, writer, failures)
    const [bridges, ports] = partition(due, ({ kind }) => kind === 'bridge')
    await this.#ensure(bridges, snapshot, writer, failures)
    // ports need the ifindex of bridges that were just made
    if (bridges.length > 0 && writer.written > 0) snapshot = await read()
    await this.#ensure(ports, snapshot, writer, failures)
    const isFresh = due.some(({ name }) => writer.fresh.has(name))
    const { links } = isFresh ? await read() : snapshot
    this.#remember([...links.values()], isWhole ? NONE : this.#devices)
    return { written: writer.written, drift, failures }
  }

  #leaving(): readonly string[] {
    return this.#tracker.deletions().map(([name]) => name)
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
      if (wanted.has(link.name) || !this.#ownership.owns(link)) continue
      await writer.delete(link).catch((error: unknown) => {
        failures.push(failureOf({ in: 'links', name: link.name }, error))
      })
    }
    for (const name of this.#leaving()) {
      this.#tracker.removed(name)
      for (const devices of Object.values(this.#devices)) devices.delete(name)
    }
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

  /** @param known devices that stay */
  #remember(links: readonly LinkState[], known: Devices): void {
    const ours = links.filter((link) => this.#ownership.owns(link))
    const of = (kind: LinkPlan['kind']): Map<string, number> => {
      const found = ours.filter((link) => link.kind === kind)
      return new Map([...known[kind], ...found.map(({ name, index }) => [name, index] as const)])
    }
    this.#devices = { bridge: of('bridge'), vxlan: of('vxlan'), veth: of('veth') }
  }
}

/**
 * Deletes all links of ours together.
 * @throws TsoverlayError KERNEL_FAILED
 */
export async function deleteLinksOf(rtnl: Rtnl, { owns }: Ownership): Promise<void> {
  const links = (await listLinks(rtnl)).filter(owns)
  if (links.length === 0) return
  const outcomes = await rtnl.write(deleteLinks(links.map((link) => link.index)))
  const code = outcomes.at(-1)
  if (code !== undefined && code !== 'ENODEV') throw refused('links of a sandbox', code)
}

/** Name of the device with this ifindex. */
export function deviceAt(
  devices: ReadonlyMap<string, number>,
  ifindex: number,
): string | undefined {
  for (const [dev, index] of devices) {
    if (index === ifindex) return dev
  }
  return undefined
}

function partition<T>(items: readonly T[], fits: (item: T) => boolean): readonly [T[], T[]] {
  return [items.filter(fits), items.filter((item) => !fits(item))]
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
