/**
 * Routes of the host's main table that are ours, by their protocol number. Those of others are neither
 * changed nor deleted, also not where they have the same destination and metric: ours is refused then,
 * and the failure names the other.
 *
 * The kernel's key is destination and metric, without a device. A route that changes, or moves to
 * another device, comes behind the former one, which goes then: no packet is without a route
 * meanwhile, and a replacement might hit somebody else's.
 */
import { type Ip, ipOf } from '../../core/ip.js'
import { type Item, itemText } from '../../core/item.js'
import { type Plan, type RoutePlan, routeKey } from '../../core/plan.js'
import type { ApplyFailure } from '../../core/ports.js'
import { isLocalOnly } from '../facts/misses.js'
import { kernelFailed, refused, type TableResult } from '../failure.js'
import type { RouteState } from '../rtnl/address-codec.js'
import { RTPROT_ROUTES } from '../rtnl/constants.js'
import { addRoute, deleteRoute } from '../rtnl/route-codec.js'
import type { Outcome, RtnlMessage } from '../rtnl/rtnl.js'
import { batches } from './entry-table.js'
import { EntryTracker } from './entry-tracker.js'
import type { KernelTable, Scope } from './kernel-table.js'
import type { LinkTable } from './links.js'
import type { Notice } from './notices.js'
import { RouteDevices } from './route-devices.js'
import {
  type FoundRoute,
  isInMain,
  isSameRoute,
  listForeign,
  listOurs,
  planOf,
} from './route-state.js'

/** One route that is to be put, that goes, or both at once. */
interface Work {
  readonly key: string
  readonly want?: RoutePlan
  readonly have?: FoundRoute
}

const BATCH = 1_024
/** Deleting what is not there, or whose device is not there, is success. */
const GONE = ['ESRCH', 'ENODEV', 'ENOENT']

export class RouteTable implements KernelTable {
  readonly name = 'routes'
  readonly #links: LinkTable
  readonly #tracker = new EntryTracker<FoundRoute>({ keyOf: routeKey, same: isSameRoute })
  readonly #devices = new RouteDevices()
  #resync = true
  #partial = false

  constructor(links: LinkTable) {
    this.#links = links
  }

  setDesired(plan: Plan): void {
    this.#partial = plan.partial === true
    this.#tracker.setDesired(plan.routes ?? [])
  }

  queueResync(): void {
    this.#resync = true
  }

  hears(notice: Notice): void {
    if (notice.kind === 'link') this.#devices.hear(notice.link, notice.gone)
  }

  contradicts(notice: Notice): boolean {
    switch (notice.kind) {
      case 'route':
        return this.#isContradicted(notice.route, notice.gone)
      case 'link':
        return this.#devices.isBack(notice.link, notice.gone)
      case 'address':
        return (
          this.#devices.isAddressed(notice.address, notice.gone) ||
          (notice.gone && this.#isSource(ipOf(notice.address.address)))
        )
      default:
        return false
    }
  }

  /** Whether a route has this device; its notices are to be judged. */
  uses(ifindex: number): boolean {
    return this.#devices.nameAt(ifindex) !== undefined
  }

  #isContradicted(route: RouteState, gone: boolean): boolean {
    if (!isInMain(route)) return false
    // whoever puts one in the place of ours makes no notice of a deletion
    if (route.protocol !== RTPROT_ROUTES) return !gone && this.#isTaken(route)
    const found = planOf(route, this.#devices.nameAt(route.ifindex) ?? '?')
    const want = found && this.#tracker.desiredAt(found.dev, routeKey(found))
    if (found === undefined) return false
    if (want === undefined) return !gone && !this.#partial
    return isSameRoute(found, want) === gone
  }

  /** Whether routes go with this address: the kernel tells nothing of them. */
  #isSource(ip: Ip): boolean {
    return !isLocalOnly(ip) && this.#tracker.wants(({ source }) => source === ip)
  }

  #isTaken(route: RouteState): boolean {
    const found = planOf(route, '')
    if (found === undefined) return false
    const key = routeKey(found)
    return ['', ...this.#devices.names].some((dev) => this.#tracker.desiredAt(dev, key))
  }

  async apply(scope: Scope): Promise<TableResult> {
    // a device that was made or came up has no routes yet, which is no drift
    for (const dev of this.#links.fresh) {
      if (!this.#devices.has(dev)) continue
      this.#tracker.forget(dev)
      this.#resync = true
    }
    await this.#tracker.settle()
    let drift = 0
    if (this.#resync) {
      drift = await this.#tracker.setInstalled(await listOurs(scope, this.#devices))
      this.#resync = false
    }
    const work = this.#work()
    const done = { written: 0, failures: [] as ApplyFailure[] }
    if (work.length === 0) return { ...done, drift }
    await this.#devices.find(
      scope.rtnl,
      work.flatMap(({ want, have }) => [want?.dev ?? '', have?.dev ?? '']),
    )
    const possible = this.#withDevice(work, done.failures)
    for (const batch of batches(possible, BATCH)) await this.#write(scope, batch, done)
    return { ...done, drift }
  }

  /** Without what needs a device that is not there, which is one failure a device. */
  #withDevice(work: readonly Work[], failures: ApplyFailure[]): readonly Work[] {
    const missing = new Set<string>()
    const possible = work.filter(({ want }) => {
      if (want === undefined || want.dev === '' || this.#devices.has(want.dev)) return true
      missing.add(want.dev)
      return false
    })
    for (const name of missing) {
      const item: Item = { in: 'routes', name }
      failures.push({ item, error: kernelFailed(itemText(item), 'there is no such device') })
    }
    return possible
  }

  /** What is to be put comes first; what goes from one device to another is one piece. */
  #work(): readonly Work[] {
    const tasks = this.#tracker.devices.flatMap((dev) => [...this.#tracker.tasks(dev)])
    const leaving = new Map<string, FoundRoute>()
    for (const { key, want, have } of tasks) {
      if (want === undefined && have !== undefined) leaving.set(key, have)
    }
    const work: Work[] = []
    for (const { key, want, have = leaving.get(key) } of tasks) {
      if (want === undefined) continue
      leaving.delete(key)
      work.push(have === undefined ? { key, want } : { key, want, have })
    }
    if (!this.#partial) for (const [key, have] of leaving) work.push({ key, have })
    return work
  }

  async #write(
    scope: Scope,
    batch: readonly Work[],
    done: { written: number; failures: ApplyFailure[] },
  ): Promise<void> {
    const pieces = batch.map((work) => this.#messages(work))
    const outcomes = await scope.rtnl.write(pieces.flat())
    const refusals: { readonly work: Work; readonly code: string }[] = []
    let at = 0
    for (const [index, work] of batch.entries()) {
      const messages = pieces[index] ?? []
      const code = refusalOf(messages, outcomes.slice(at, at + messages.length))
      at += messages.length
      if (code === undefined) {
        if (work.want !== undefined) this.#tracker.done(work.want.dev, work.key)
        if (work.have !== undefined) this.#tracker.done(work.have.dev, work.key)
        done.written += 1
      } else refusals.push({ work, code })
    }
    done.failures.push(...(await this.#failures(scope, refusals)))
  }

  /** None for a route whose device has gone and took it along. */
  #messages({ want, have }: Work): readonly RtnlMessage[] {
    const former = have && this.#devices.specOf(have)
    const spec = want && this.#devices.specOf(want)
    if (spec === undefined) return former === undefined ? [] : [deleteRoute(former)]
    if (former === undefined) return [addRoute(spec, 'none')]
    // IPv6 takes two with one next hop for the same, and a blackhole for a gateway's equal
    const isBeside = spec.ifindex !== undefined && former.ifindex !== undefined
    const isSameHop = spec.ifindex === former.ifindex && spec.via === former.via
    return isBeside && !isSameHop
      ? [addRoute(spec, 'any'), deleteRoute(former)]
      : [deleteRoute(former), addRoute(spec, 'none')]
  }

  async #failures(
    { rtnl, lists }: Scope,
    refusals: readonly { readonly work: Work; readonly code: string }[],
  ): Promise<readonly ApplyFailure[]> {
    const isTaken = refusals.some(({ code }) => code === 'EEXIST')
    const foreign = isTaken ? await listForeign(lists) : new Map<string, RouteState>()
    const failures: ApplyFailure[] = []
    for (const { work, code } of refusals) {
      const { dev } = work.want ?? work.have ?? { dev: '' }
      const item: Item = { in: 'routes', name: `${dev} ${work.key}`.trim() }
      const other = code === 'EEXIST' ? foreign.get(work.key) : undefined
      const reason = other && (await this.#devices.describe(rtnl, other))
      const error =
        reason === undefined
          ? refused(itemText(item), code)
          : kernelFailed(
              itemText(item),
              `somebody else’s route to it is there and stays: ${reason}`,
            )
      failures.push({ item, error })
    }
    return failures
  }
}

/** The first refusal of a piece of work that leaves it undone. */
function refusalOf(messages: readonly RtnlMessage[], outcomes: readonly Outcome[]): Outcome {
  return outcomes.find((code, index) => {
    const isDeletion = (messages[index]?.flags ?? 0) === 0
    return code !== undefined && !(isDeletion && GONE.includes(code))
  })
}
