/**
 * One network's sandbox: its namespace and the tables of what is in it. Each method runs after the
 * one before it has ended, so concurrent callers are safe. What an earlier process left is
 * adopted: the first pass reads the kernel, later ones trust memory until `queueResync`.
 */

import type { TsoverlayError } from '../core/errors.js'
import { familyOf } from '../core/ip.js'
import type { Plan } from '../core/plan.js'
import type { Announcement, ApplyFailure, ApplyResult, Logger, Miss } from '../core/ports.js'
import { AnnouncementEar } from './announcement-ear.js'
import { announce } from './announcing.js'
import type { Part } from './drift-watch.js'
import { ALL_PARTS, DriftWatch } from './drift-watch.js'
import type { TableResult } from './failure.js'
import { failureOf, kernelFailed, sumOf } from './failure.js'
import { decodeMiss } from './misses.js'
import { Namespace } from './namespace.js'
import type { Home } from './netns.js'
import { isSameNetns, netnsState, pinNetns, repairSysctls, unpinNetns } from './netns.js'
import type { Rtnl } from './rtnl/rtnl.js'
import { deleteOurLinks } from './tables/links.js'
import { Tables } from './tables/tables.js'
import type { VxlanSearch } from './vxlan-devices.js'

/** What all sandboxes of a process have in common. */
export interface Shared {
  readonly home: Home
  /** socket in the host's namespace */
  readonly host: Rtnl
  readonly logger: Logger
  readonly vxlans: VxlanSearch
  readonly listeners: {
    readonly onMiss: (miss: Miss) => void
    /** somebody changed what a pass made: the next one reads what it is about */
    readonly onDrift: (sandbox: string) => void
    readonly onAnnouncement: (heard: Announcement) => void
  }
}

const NOTHING: TableResult = { written: 0, drift: 0, failures: [] }

export class Sandbox {
  readonly #options: Shared & { readonly name: string; readonly path: string }
  #namespace: Namespace | undefined
  #tables: Tables
  #resync = true
  #unchecked = false
  readonly #ear: AnnouncementEar
  #tail: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** bridges whose addresses need IPv6 */
  #bridges6: readonly string[] = []
  readonly #watch: DriftWatch

  constructor(name: string, path: string, shared: Shared) {
    this.#options = { ...shared, name, path }
    this.#tables = new Tables(name)
    this.#ear = new AnnouncementEar(name, shared)
    this.#watch = new DriftWatch({
      tables: () => this.#tables,
      busy: () => !this.idle,
      onDrift: () => shared.listeners.onDrift(name),
      now: () => performance.now(),
    })
  }

  /** True when no call is under way or waiting. */
  get idle(): boolean {
    return this.#waiting === 0
  }

  /** True while it holds its namespace open. */
  get attached(): boolean {
    return this.#namespace !== undefined
  }

  queueResync(): void {
    this.#resync = true
  }

  /** Looks for what the kernel gives no notice of: that the namespace's file shows another one, or none. */
  check(): void {
    const namespace = this.#namespace
    if (namespace === undefined || !this.idle) return
    const { path, name, logger } = this.#options
    try {
      if (!isSameNetns(path, namespace.fd)) this.#watch.suspect('namespace')
    } catch (error) {
      logger.debug({ sandbox: name, err: String(error) }, 'sandbox not looked at')
    }
  }

  /** Never rejects: a sandbox that cannot be made or read is a failure in the result. */
  apply(plan: Plan): Promise<ApplyResult> {
    return this.#exclusive(async () => {
      const trusted = !this.#resync && this.attached
      const result = await this.#pass(plan)
      if (result.failures.length === 0) return result
      // after a refusal memory and kernel may differ
      this.#resync = true
      // for a VNI was waited already
      const isTaken = result.failures.some(({ error }) => error.code === 'VNI_TAKEN')
      if (!trusted || isTaken) return result
      const { drift, written } = result
      const second = await this.#pass(plan)
      this.#resync = second.failures.length > 0
      return { ...second, drift: drift + second.drift, written: written + second.written }
    })
  }

  /**
   * Deletes the devices first: a namespace ends some time after its last holder, and until then
   * a vxlan device would keep its VNI.
   * @throws TsoverlayError KERNEL_FAILED
   */
  remove(): Promise<void> {
    return this.#exclusive(async () => {
      const { path, logger, name } = this.#options
      const live = netnsState(path) === 'live'
      if (live) await this.#dropReplaced(path)
      if (live || this.attached) await deleteOurLinks((await this.#opened()).rtnl)
      await this.#detach()
      unpinNetns(path)
      this.#tables = new Tables(name)
      this.#resync = true
      if (live) logger.info({ sandbox: name }, 'sandbox removed')
    })
  }

  /** Whether there is a live namespace of our making. */
  isOurs(): Promise<boolean> {
    return this.#exclusive(async () => {
      const { path, home } = this.#options
      if (netnsState(path) !== 'live') return false
      if (this.#namespace !== undefined && isSameNetns(path, this.#namespace.fd)) return true
      return await Namespace.isOurs(home, path)
    })
  }

  close(): Promise<void> {
    return this.#exclusive(() => this.#detach())
  }

  #exclusive<T>(task: () => Promise<T>): Promise<T> {
    this.#waiting += 1
    const turn = this.#tail.then(task).finally(() => {
      this.#waiting -= 1
    })
    this.#tail = turn.catch(() => undefined)
    return turn
  }

  async #pass(plan: Plan): Promise<ApplyResult> {
    const done: TableResult[] = []
    const failures: ApplyFailure[] = []
    try {
      const suspects = this.#read(plan)
      if (suspects.has('namespace')) done.push(await this.#repin())
      const known = this.attached
      const namespace = await this.#opened()
      if (suspects.size > 0) done.push(this.#setSysctls(namespace, known))
      // before the ports: none is ever heard unchecked
      done.push(await this.#checkSources(namespace))
      await this.#applyTables(namespace, done)
      done.push(await this.#ear.apply(namespace, this.#tables))
    } catch (error) {
      failures.push(failureOf({ in: 'place', name: plan.place }, error))
    }
    return sumOf([...done, { written: 0, drift: 0, failures }])
  }

  /** A kernel that cannot check sources carries traffic all the same, and the log says so once. */
  async #checkSources({ netfilter }: Namespace): Promise<TableResult> {
    const { sources } = this.#tables
    const result = netfilter === undefined ? NOTHING : await sources.apply(netfilter)
    const problem = netfilter === undefined ? 'no netfilter sockets' : sources.unsupported
    if (problem !== undefined && !this.#unchecked) {
      this.#unchecked = true
      const fields = { sandbox: this.#options.name, err: problem }
      this.#options.logger.error(fields, 'no source check, the kernel has no nftables for bridges')
    }
    return result
  }

  /** Takes over the plan; @returns what this pass reads instead of trusting memory */
  #read(plan: Plan): ReadonlySet<Part> {
    const all = this.#resync || !this.attached
    const taken = this.#watch.take()
    const suspects = all ? ALL_PARTS : taken
    this.#resync = false
    this.#tables.setDesired(plan)
    this.#bridges6 = plan.links
      .filter((link) => link.kind === 'bridge')
      .filter(({ addresses }) => addresses.some((address) => familyOf(address) === 6))
      .map(({ name }) => name)
    for (const part of ['links', 'neighbours', 'fdb', 'stations', 'sources'] as const) {
      if (suspects.has(part)) this.#tables[part].queueResync()
    }
    if (suspects.has('sources')) this.#tables.floating.queueResync()
    return suspects
  }

  /** @param known whether a pass of this process set them before */
  #setSysctls(namespace: Namespace, known: boolean): TableResult {
    try {
      const { home } = this.#options
      const written = home.enter(namespace.fd, () => repairSysctls(this.#bridges6))
      return { written, drift: known ? written : 0, failures: [] }
    } catch (error) {
      return {
        written: 0,
        drift: 0,
        failures: [failureOf({ in: 'settings', name: 'sysctls' }, error)],
      }
    }
  }

  async #applyTables(namespace: Namespace, done: TableResult[]): Promise<void> {
    const tables = this.#tables
    const { host, home, vxlans } = this.#options
    const { rtnl, fd: netnsFd } = namespace
    const scope = { rtnl, netnsFd, host, hostFd: home.fd, vxlans }
    const links = await tables.links.apply(scope)
    done.push(links)
    for (const dev of links.remade) {
      tables.neighbours.forget(dev)
      tables.fdb.forget(dev)
    }
    for (const dev of links.fresh) tables.stations.forget(dev)
    done.push(await tables.stations.apply(rtnl, tables.links.ports))
    for (const table of [tables.fdb, tables.neighbours]) {
      if ([...links.fresh].some((dev) => tables.links.vxlans.has(dev))) table.queueResync()
      done.push(await table.apply(namespace.rtnl, tables.links.vxlans))
    }
    await announce(tables, namespace, home, this.#options.logger)
  }

  /** Makes our path show the namespace that we hold, if we hold one. */
  async #repin(): Promise<TableResult> {
    const { path, name, home, logger } = this.#options
    const namespace = this.#namespace
    const done = { written: 0, drift: 1, failures: [] }
    if (namespace === undefined || isSameNetns(path, namespace.fd)) return { ...done, drift: 0 }
    if (netnsState(path) !== 'live') {
      // its containers are still connected: better than a new one
      logger.warn({ sandbox: name }, 'sandbox unmounted, mounting it again')
      pinNetns(path, namespace.fd)
      return done
    }
    // what is not ours is not touched, and who is connected to ours stays so
    if (!(await Namespace.isOurs(home, path))) {
      return { ...done, drift: 0, failures: [failureOf({ in: 'place', name }, foreign(name))] }
    }
    await this.#dropReplaced(path)
    return done
  }

  /** Lets go of our namespace when another one is mounted at our path. */
  async #dropReplaced(path: string): Promise<void> {
    if (this.#namespace === undefined || isSameNetns(path, this.#namespace.fd)) return
    this.#options.logger.warn({ sandbox: this.#options.name }, 'sandbox replaced')
    // it may live on unseen in a process; its devices would keep their VNIs
    await deleteOurLinks(this.#namespace.rtnl)
    await this.#detach()
  }

  async #opened(): Promise<Namespace> {
    this.#namespace ??= await this.#open()
    return this.#namespace
  }

  async #open(): Promise<Namespace> {
    const { path, home, name, logger } = this.#options
    const onNotice = (type: number, body: Buffer): void => this.#notice(type, body)
    if (netnsState(path) !== 'live') {
      const namespace = await Namespace.create(home, path, onNotice)
      logger.info({ sandbox: name }, 'sandbox created')
      return namespace
    }
    if (!(await Namespace.isOurs(home, path))) throw foreign(name)
    return Namespace.open(home, path, onNotice)
  }

  async #detach(): Promise<void> {
    const namespace = this.#namespace
    this.#namespace = undefined
    this.#watch.close()
    await namespace?.close()
  }

  #notice(type: number, body: Buffer): void {
    const miss = decodeMiss(type, body)
    if (miss === undefined) {
      this.#watch.notice(type, body)
      return
    }
    const dev = this.#tables.vxlanAt(miss.ifindex)
    if (dev !== undefined) {
      this.#options.listeners.onMiss({ sandbox: this.#options.name, dev, ip: miss.ip })
    }
  }
}

function foreign(name: string): TsoverlayError {
  return kernelFailed(
    `sandbox ${name}`,
    'a network namespace of this name is there that this plugin did not make; it is left alone: unmount it, or create the network once more, for another name',
  )
}
