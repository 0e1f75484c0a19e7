import { mkdir } from 'node:fs/promises'
import { cleanUp } from './cleanup.js'
import { LabEtcd } from './etcd.js'
import { endRunning } from './exec.js'
import { Host } from './host.js'
import { ensureImage } from './image.js'
import { Machine } from './machine.js'
import { clientOn, machinesOf } from './machines.js'
import { DEFAULT_SHARE, LabError, type Log } from './names.js'
import { makeBridges, netnsDirectory } from './network.js'
import type { LabOptions } from './options.js'
import { ensurePackages, requireRoot } from './packages.js'
import { DEFAULT_SUITE, ensureRoot } from './root.js'
import { Router } from './router.js'
import { exclusively, isInUse, type LabRecord, readRecord, self, writeRecord } from './state.js'

/**
 * Several Docker hosts on this machine, each 10.99.0.K on one bridge, or on a bridge for each segment
 * with a router between. There is one lab at a time: names and addresses are fixed.
 */
export class Lab {
  readonly hosts: readonly Host[]
  readonly #etcd: LabEtcd | undefined
  readonly #router: Router | undefined
  #onSignal: OnSignal | undefined

  private constructor(record: LabRecord) {
    this.hosts = record.machines.filter((one) => one.kind === 'host').map((one) => new Host(one))
    const etcd = record.machines.find((one) => one.kind === 'etcd')
    this.#etcd = etcd === undefined ? undefined : new LabEtcd(new Machine(etcd))
    const router = record.machines.find((one) => one.kind === 'router')
    this.#router = router === undefined ? undefined : new Router(router)
  }

  /** @throws LabError if the lab was brought up without etcd. */
  get etcd(): LabEtcd {
    if (this.#etcd === undefined) throw new LabError('this lab has no etcd')
    return this.#etcd
  }

  get hasEtcd(): boolean {
    return this.#etcd !== undefined
  }

  /** What is between the segments. @throws LabError if the lab has only one. */
  get router(): Router {
    if (this.#router === undefined) throw new LabError('this lab has one segment and no router')
    return this.#router
  }

  /** How many layer 2 networks the hosts are on. */
  get segments(): number {
    return this.#router?.spec.segments.length ?? 1
  }

  /**
   * A machine without Docker on a segment, to which a test can add routes; powered on if it is not.
   * There is one on each segment. @throws LabError if there's no such segment.
   */
  async client(segment = 1): Promise<Machine> {
    if (!(segment >= 1 && segment <= this.segments)) {
      throw new LabError(`segment is ${segment}; this lab has 1 to ${this.segments}`)
    }
    const client = new Machine(clientOn(segment, this.host(1).spec))
    if (!client.isOn()) await client.boot()
    return client
  }

  /** hK, counted from 1. @throws LabError if there's no such host. */
  host(index: number): Host {
    const host = this.hosts[index - 1]
    if (host === undefined) throw new LabError(`this lab has no host h${index}`)
    return host
  }

  /**
   * Brings a lab up, all machines at once, and returns when every daemon answers and each host has
   * the image `lab`. What a dead owner has left is removed first. Whatever goes wrong on the way,
   * a signal included, nothing is left.
   * @throws LabError if not root, if another lab is up, or with what did not come up.
   */
  static async up(options: LabOptions): Promise<Lab> {
    const log = options.log ?? (() => {})
    machinesOf(options, '') // refuses what cannot be, before anything is done
    await ensurePackages(log)
    return exclusively(async () => {
      await refuseIfInUse(log)
      const onSignal = leaveOnSignal()
      try {
        const root = await ensureRoot(options.suite ?? DEFAULT_SUITE, log)
        const lab = await Lab.#bringUp(options, root, log)
        if (options.keep === true) forget(onSignal)
        else lab.#onSignal = onSignal
        return lab
      } catch (error) {
        await cleanUp()
        forget(onSignal)
        throw error
      }
    })
  }

  static async #bringUp(options: LabOptions, root: string, log: Log): Promise<Lab> {
    const record = recordOf(options, root)
    await mkdir(options.share ?? DEFAULT_SHARE, { recursive: true })
    await writeRecord(record)
    const lab = new Lab(record)
    await makeBridges(lab.segments)
    const image = await ensureImage(root)
    await inParallel(lab.#machines(), (machine) => machine.boot())
    log(`${record.machines.map((one) => one.name).join(', ')}: booted`)
    await inParallel(lab.hosts, (host) => host.loadImage(image))
    return lab
  }

  /** The lab that is up. @throws LabError if none is. */
  static attach(): Lab {
    requireRoot()
    const record = readRecord()
    if (record === undefined || !isInUse(record)) throw new LabError('no lab is up')
    return new Lab(record)
  }

  /** Removes the lab, whatever state it is in. A second time there's nothing to do. */
  async down(): Promise<void> {
    await Lab.down()
    if (this.#onSignal !== undefined) forget(this.#onSignal)
  }

  /** Removes any lab of this machine, also one that nobody remembers. */
  static async down(): Promise<void> {
    requireRoot()
    await exclusively(cleanUp)
  }

  #machines(): { boot(): Promise<void> }[] {
    return [this.#router, this.#etcd, ...this.hosts].filter((one) => one !== undefined)
  }
}

async function refuseIfInUse(log: Log): Promise<void> {
  const record = readRecord()
  if (record !== undefined && isInUse(record)) {
    const names = record.machines.map((one) => one.name).join(', ')
    throw new LabError(
      `a lab is up already (${names}, owner ${record.owner.pid}); take it down first`,
    )
  }
  if (record !== undefined) log('removing what a lab that died has left')
  await cleanUp()
}

function recordOf(options: LabOptions, root: string): LabRecord {
  const keep = options.keep ?? false
  const machines = machinesOf(options, root)
  return { owner: self(), keep, machines, netnsDirectory: netnsDirectory() }
}

/** Waits for all, also after one has failed: what is under way cannot be cleaned up yet. */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(items.map(work))
  for (const result of results) {
    if (result.status === 'rejected') throw result.reason
  }
}

const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const
type OnSignal = (name: keyof typeof SIGNAL_NUMBERS) => void

/** From now on a signal that ends this process removes the lab first. */
function leaveOnSignal(): OnSignal {
  const onSignal: OnSignal = (name) => {
    endRunning()
    // What was booting may come up after the first look, hence twice.
    const leave = () => process.exit(128 + SIGNAL_NUMBERS[name])
    cleanUp().then(cleanUp).then(leave, leave)
  }
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
  return onSignal
}

function forget(onSignal: OnSignal): void {
  process.removeListener('SIGINT', onSignal).removeListener('SIGTERM', onSignal)
}
