/**
 * One network's sandbox: a namespace that is ours, mounted on a file. All of our kinds in it is ours.
 */
import type { TsoverlayError } from '../../core/errors.js'
import type { Plan } from '../../core/plan.js'
import type { ApplyResult } from '../../core/ports.js'
import { AnnouncementEar } from '../announcements/announcement-ear.js'
import { AnnouncedNeighbours } from '../announcements/announcing.js'
import { decodeMiss } from '../facts/misses.js'
import type { TableResult } from '../failure.js'
import { failureOf, kernelFailed } from '../failure.js'
import { Generation } from '../nft/generation.js'
import { fdbTable } from '../tables/fdb.js'
import type { KernelTable } from '../tables/kernel-table.js'
import { deleteLinksOf, deviceAt, LinkTable } from '../tables/links.js'
import { RuleTable } from '../tables/rule-table.js'
import { SandboxSettings } from '../tables/settings.js'
import { SOURCE_CHECK, sourceElements } from '../tables/source-check.js'
import { StationTable } from '../tables/stations.js'
import { Namespace } from './namespace.js'
import { isSameNetns, netnsState, pinNetns, unpinNetns } from './netns.js'
import { IN_SANDBOX } from './ownership.js'
import { Place } from './place.js'
import { type Shared, scopeOf } from './scope.js'

export class Sandbox {
  readonly #shared: Shared
  readonly #name: string
  readonly #path: string
  readonly #place: Place
  #namespace: Namespace | undefined
  #links = new LinkTable(IN_SANDBOX)
  #unchecked = false

  /** @param path of its file, whose name is the sandbox's */
  constructor(name: string, path: string, shared: Shared) {
    this.#shared = shared
    this.#name = name
    this.#path = path
    this.#place = new Place({
      name,
      ground: {
        isAttached: () => this.attached,
        mend: () => this.#repin(),
        open: async () => scopeOf(await this.#opened(), shared),
      },
      tables: () => this.#makeTables(),
      onDrift: (place) => shared.listeners.onDrift(place),
    })
  }

  get idle(): boolean {
    return this.#place.idle
  }

  /** True while it holds its namespace open. */
  get attached(): boolean {
    return this.#namespace !== undefined
  }

  queueResync(): void {
    this.#place.queueResync()
  }

  /** Looks for what the kernel gives no notice of: that the namespace's file shows another one, or none. */
  check(): void {
    const namespace = this.#namespace
    if (namespace === undefined || !this.idle) return
    try {
      if (!isSameNetns(this.#path, namespace.fd)) this.#place.suspect()
    } catch (error) {
      const fields = { sandbox: this.#name, err: String(error) }
      this.#shared.logger.debug(fields, 'sandbox not looked at')
    }
  }

  /** Never rejects: a sandbox that cannot be made or read is a failure in the result. */
  apply(plan: Plan): Promise<ApplyResult> {
    return this.#place.apply(plan)
  }

  /**
   * Deletes the devices first: a namespace ends some time after its last holder, and until then
   * a vxlan device would keep its VNI.
   * @throws TsoverlayError KERNEL_FAILED
   */
  remove(): Promise<void> {
    return this.#place.exclusive(async () => {
      const live = netnsState(this.#path) === 'live'
      if (live) await this.#dropReplaced()
      if (live || this.attached) {
        await deleteLinksOf((await this.#opened()).rtnl, IN_SANDBOX)
      }
      await this.#detach()
      unpinNetns(this.#path)
      this.#place.forget()
      if (live) this.#shared.logger.info({ sandbox: this.#name }, 'sandbox removed')
    })
  }

  /** Whether there is a live namespace of our making. */
  isOurs(): Promise<boolean> {
    return this.#place.exclusive(async () => {
      if (netnsState(this.#path) !== 'live') return false
      if (this.#namespace !== undefined && isSameNetns(this.#path, this.#namespace.fd)) return true
      return await Namespace.isOurs(this.#shared.home, this.#path)
    })
  }

  close(): Promise<void> {
    return this.#place.exclusive(() => this.#detach())
  }

  #makeTables(): readonly KernelTable[] {
    const { logger, listeners } = this.#shared
    const sandbox = this.#name
    const links = new LinkTable(IN_SANDBOX)
    const generation = new Generation()
    this.#links = links
    const sources = new RuleTable({
      ruleset: SOURCE_CHECK,
      item: `sandbox ${sandbox} source check`,
      generation,
      elements: (plan) => sourceElements(plan.sources),
      onUnsupported: (reason) => this.#tellUnchecked(reason),
    })
    const ear = new AnnouncementEar({
      sandbox,
      links,
      generation,
      logger,
      onAnnouncement: (heard) => listeners.onAnnouncement(heard),
    })
    return [
      new SandboxSettings(),
      // before the ports: none is ever heard unchecked
      sources,
      links,
      new StationTable(links),
      fdbTable(links),
      new AnnouncedNeighbours(links, logger),
      ear,
    ]
  }

  /** A kernel that cannot check sources carries traffic all the same, and the log says so once. */
  #tellUnchecked(err: string): void {
    if (this.#unchecked) return
    this.#unchecked = true
    const fields = { sandbox: this.#name, err }
    this.#shared.logger.error(fields, 'no source check, the kernel has no nftables for bridges')
  }

  /** Makes our path show the namespace that we hold, if we hold one. */
  async #repin(): Promise<TableResult> {
    const path = this.#path
    const name = this.#name
    const namespace = this.#namespace
    const done = { written: 0, drift: 1, failures: [] }
    if (namespace === undefined || isSameNetns(path, namespace.fd)) return { ...done, drift: 0 }
    if (netnsState(path) !== 'live') {
      // its containers are still connected: better than a new one
      this.#shared.logger.warn({ sandbox: name }, 'sandbox unmounted, mounting it again')
      pinNetns(path, namespace.fd)
      return done
    }
    // what is not ours is not touched, and who is connected to ours stays so
    if (!(await Namespace.isOurs(this.#shared.home, path))) {
      return { ...done, drift: 0, failures: [failureOf({ in: 'place', name }, foreign(name))] }
    }
    await this.#dropReplaced()
    return done
  }

  /** Lets go of our namespace when another one is mounted at our path. */
  async #dropReplaced(): Promise<void> {
    if (this.#namespace === undefined || isSameNetns(this.#path, this.#namespace.fd)) return
    this.#shared.logger.warn({ sandbox: this.#name }, 'sandbox replaced')
    // it may live on unseen in a process; its devices would keep their VNIs
    await deleteLinksOf(this.#namespace.rtnl, IN_SANDBOX)
    await this.#detach()
  }

  async #opened(): Promise<Namespace> {
    this.#namespace ??= await this.#open()
    return this.#namespace
  }

  async #open(): Promise<Namespace> {
    const { home, logger } = this.#shared
    const name = this.#name
    const onNotice = (type: number, body: Buffer): void => this.#notice(type, body)
    if (netnsState(this.#path) !== 'live') {
      const namespace = await Namespace.create(home, this.#path, onNotice)
      logger.info({ sandbox: name }, 'sandbox created')
      return namespace
    }
    if (!(await Namespace.isOurs(home, this.#path))) throw foreign(name)
    return Namespace.open(home, this.#path, onNotice)
  }

  async #detach(): Promise<void> {
    const namespace = this.#namespace
    this.#namespace = undefined
    this.#place.deafen()
    await namespace?.close()
  }

  #notice(type: number, body: Buffer): void {
    const miss = decodeMiss(type, body)
    if (miss === undefined) {
      this.#place.onNotice(type, body)
      return
    }
    const dev = deviceAt(this.#links.vxlans, miss.ifindex)
    if (dev !== undefined) {
      this.#shared.listeners.onMiss({ sandbox: this.#name, dev, ip: miss.ip })
    }
  }
}

function foreign(name: string): TsoverlayError {
  return kernelFailed(
    `sandbox ${name}`,
    'a network namespace of this name is there that this plugin did not make; it is left alone: unmount it, or create the network once more, for another name',
  )
}
