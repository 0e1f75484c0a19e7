/**
 * One network's sandbox: its namespace and the tables of what is in it. Each method runs after the
 * one before it has ended, so concurrent callers are safe. What an earlier process left is
 * adopted: the first pass reads the kernel, later ones trust memory until `queueResync`.
 */
import type { Plan } from '../core/plan.js'
import type { ApplyFailure, ApplyResult, Logger, Miss } from '../core/ports.js'
import type { TableResult } from './failure.js'
import { failureOf, kernelFailed, refused } from './failure.js'
import { decodeMiss } from './misses.js'
import { Namespace } from './namespace.js'
import type { Home } from './netns.js'
import { isSameNetns, netnsState, pinNetns, unpinNetns } from './netns.js'
import { NftTable } from './nft/table.js'
import { decodeLink, deleteLinks, dumpLinks } from './rtnl/link-codec.js'
import type { Rtnl } from './rtnl/rtnl.js'
import { EntryTable } from './tables/entry-table.js'
import { FDB } from './tables/fdb.js'
import { isOurKind, LinkTable } from './tables/links.js'
import { NEIGHBOURS } from './tables/neighbours.js'
import { SOURCE_CHECK, sourceElements } from './tables/source-check.js'

interface SandboxOptions {
  readonly name: string
  readonly path: string
  readonly home: Home
  /** socket in the host's namespace */
  readonly host: Rtnl
  readonly logger: Logger
  readonly onMiss: (miss: Miss) => void
}

class Tables {
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

  queueResync(): void {
    this.links.queueResync()
    this.neighbours.queueResync()
    this.fdb.queueResync()
    this.sources.queueResync()
  }
}

const NOTHING: TableResult = { written: 0, drift: 0, failures: [] }

export class Sandbox {
  readonly #options: SandboxOptions
  #namespace: Namespace | undefined
  #tables: Tables
  #resync = true
  #unchecked = false
  #tail: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(options: SandboxOptions) {
    this.#options = options
    this.#tables = new Tables(options.name)
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

  /** Never rejects: a sandbox that cannot be made or read is a failure in the result. */
  apply(plan: Plan): Promise<ApplyResult> {
    return this.#exclusive(async () => {
      const result = await this.#pass(plan)
      // after a refusal memory and kernel may differ
      if (result.failures.length > 0) this.#resync = true
      return result
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
      const namespace = Namespace.open(home, path, () => undefined)
      try {
        return await namespace.isOurs()
      } finally {
        await namespace.close()
      }
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
    const tables = this.#tables
    const done: TableResult[] = []
    const failures: ApplyFailure[] = []
    try {
      const resync = this.#resync || this.#namespace === undefined
      this.#resync = false
      tables.setDesired(plan)
      if (resync) {
        tables.queueResync()
        await this.#repin()
      }
      const namespace = await this.#opened()
      const { host, home } = this.#options
      const scope = { rtnl: namespace.rtnl, netnsFd: namespace.fd, host, hostFd: home.fd }
      // before the ports: none is ever heard unchecked
      done.push(await this.#checkSources(namespace))
      const links = await tables.links.apply(scope)
      done.push(links)
      for (const dev of links.remade) {
        tables.neighbours.forget(dev)
        tables.fdb.forget(dev)
      }
      for (const table of [tables.fdb, tables.neighbours]) {
        if ([...links.fresh].some((dev) => tables.links.vxlans.has(dev))) table.queueResync()
        done.push(await table.apply(namespace.rtnl, tables.links.vxlans))
      }
    } catch (error) {
      failures.push(failureOf(`sandbox ${plan.sandbox}`, error))
    }
    return {
      written: done.reduce((sum, table) => sum + table.written, 0),
      drift: done.reduce((sum, table) => sum + table.drift, 0),
      failures: [...done.flatMap((table) => table.failures), ...failures],
    }
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

  /** Makes our path show the namespace that we hold, if we hold one. */
  async #repin(): Promise<void> {
    const { path, name, logger } = this.#options
    if (this.#namespace === undefined) return
    if (netnsState(path) === 'live') {
      await this.#dropReplaced(path)
      return
    }
    // its containers are still connected: better than a new one
    logger.warn({ sandbox: name }, 'sandbox unmounted, mounting it again')
    pinNetns(path, this.#namespace.fd)
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
    const namespace = Namespace.open(home, path, onNotice)
    try {
      if (await namespace.isOurs()) return namespace
    } catch (error) {
      await namespace.close()
      throw error
    }
    await namespace.close()
    throw kernelFailed(
      `sandbox ${name}`,
      'a network namespace of this name is there that this plugin did not make; it is left alone',
    )
  }

  async #detach(): Promise<void> {
    const namespace = this.#namespace
    this.#namespace = undefined
    await namespace?.close()
  }

  #notice(type: number, body: Buffer): void {
    const miss = decodeMiss(type, body)
    if (miss === undefined) return
    for (const [dev, ifindex] of this.#tables.links.vxlans) {
      if (ifindex === miss.ifindex) {
        this.#options.onMiss({ sandbox: this.#options.name, dev, ip: miss.ip })
      }
    }
  }
}

/** @throws TsoverlayError KERNEL_FAILED */
async function deleteOurLinks(rtnl: Rtnl): Promise<void> {
  const links = (await rtnl.dump(dumpLinks())).map(decodeLink).filter(isOurKind)
  if (links.length === 0) return
  const outcomes = await rtnl.write(deleteLinks(links.map((link) => link.index)))
  const code = outcomes.at(-1)
  if (code !== undefined && code !== 'ENODEV') throw refused('links of a sandbox', code)
}
