/**
 * The host's own namespace, which everybody on the host works in: of ours is what bears our names
 * (marks.ts), our route protocol number, or is in our tables of nf_tables. It is never made and never
 * removed; an empty plan takes away all that is ours.
 */
import { HOST_LINKS } from '../../core/names.js'
import { HOST, type Plan } from '../../core/plan.js'
import type { ApplyResult } from '../../core/ports.js'
import { AnnouncedNeighbours } from '../announcements/announcing.js'
import { kernelFailed } from '../failure.js'
import { RTM, RTPROT_KERNEL } from '../rtnl/constants.js'
import { linkName } from '../rtnl/link-codec.js'
import { fdbTable } from '../tables/fdb.js'
import { hostRules } from '../tables/host-rules.js'
import { HostSettings, prepareHostLink } from '../tables/host-settings.js'
import { type KernelTable, NOTHING, type Scope } from '../tables/kernel-table.js'
import { LinkTable } from '../tables/links.js'
import { proxyTable } from '../tables/proxies.js'
import { RouteTable } from '../tables/routes.js'
import { StationTable } from '../tables/stations.js'
import { Namespace } from './namespace.js'
import { IN_HOST } from './ownership.js'
import { Place } from './place.js'
import { type Shared, scopeOf } from './scope.js'

const NO_PLAN: Plan = { place: HOST, links: [], neighbours: [], fdb: [] }
const OUR_NAMES = Object.values(HOST_LINKS)

export class HostPlace {
  readonly #shared: Shared
  readonly #place: Place
  readonly #links = new LinkTable(IN_HOST)
  readonly #routes = new RouteTable(this.#links)
  #namespace: Namespace | undefined

  constructor(shared: Shared) {
    this.#shared = shared
    this.#place = new Place({
      name: HOST,
      ground: {
        isAttached: () => this.#namespace !== undefined,
        mend: async () => NOTHING,
        open: async (plan) => this.#open(plan),
      },
      tables: () => this.#tables(),
      onDrift: (place) => shared.listeners.onDrift(place),
    })
  }

  queueResync(): void {
    this.#place.queueResync()
  }

  /** Never rejects. */
  apply(plan: Plan): Promise<ApplyResult> {
    return this.#place.apply(plan)
  }

  /** @throws TsoverlayError KERNEL_FAILED */
  async empty(): Promise<void> {
    const [failure] = (await this.apply(NO_PLAN)).failures
    if (failure !== undefined) throw failure.error
  }

  close(): Promise<void> {
    return this.#place.exclusive(async () => {
      const namespace = this.#namespace
      this.#namespace = undefined
      this.#place.deafen()
      await namespace?.close()
    })
  }

  #tables(): readonly KernelTable[] {
    const links = this.#links
    return [
      ...hostRules(this.#shared.logger),
      links,
      new HostSettings(links),
      new StationTable(links),
      fdbTable(links),
      new AnnouncedNeighbours(links, this.#shared.logger),
      proxyTable(links),
      this.#routes,
    ]
  }

  /** Where nothing of ours is but rules, all else that happens on the host costs nothing. */
  #open(plan: Plan): Scope {
    if (plan.place !== HOST) throw kernelFailed(`plan of ${plan.place}`, 'it is of another place')
    this.#namespace ??= Namespace.ofHost((type, body) => this.#place.onNotice(type, body))
    const hasRoute = plan.routes !== undefined && !isEmpty(plan.routes)
    this.#namespace.hearLinks(plan.links.length > 0 || hasRoute, (type, body) =>
      this.#notice(type, body),
    )
    return { ...scopeOf(this.#namespace, this.#shared), prepare: prepareHostLink }
  }

  /** What is not about our links or routes is dropped before it is decoded: others have many. */
  #notice(type: number, body: Buffer): void {
    if (this.#concerns(type, body)) this.#place.onNotice(type, body)
  }

  #concerns(type: number, body: Buffer): boolean {
    switch (type) {
      case RTM.NEWLINK:
      case RTM.DELLINK:
        return this.#isOurs(body.readInt32LE(4)) || isNamedAsOurs(linkName(body))
      case RTM.NEWNEIGH:
      case RTM.DELNEIGH:
        return this.#links.nameAt(body.readInt32LE(4)) !== undefined
      case RTM.NEWADDR:
        return this.#isOurs(body.readUInt32LE(4))
      case RTM.DELROUTE:
      case RTM.NEWROUTE:
        // the kernel's own are of our addresses; a new one of others may stand where ours was
        return type === RTM.DELROUTE || body.readUInt8(5) !== RTPROT_KERNEL
      case RTM.DELADDR:
      case RTM.NEWNETCONF:
        return true
      default:
        return false
    }
  }

  #isOurs(ifindex: number): boolean {
    return this.#links.nameAt(ifindex) !== undefined || this.#routes.uses(ifindex)
  }
}

function isNamedAsOurs(name: string): boolean {
  return OUR_NAMES.some((prefix) => name.startsWith(prefix))
}

function isEmpty(items: Iterable<unknown>): boolean {
  return items[Symbol.iterator]().next().done === true
}
