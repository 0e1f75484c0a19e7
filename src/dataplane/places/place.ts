/**
 * One place, one pass at a time: each call runs after the one before it has ended, so concurrent
 * callers are safe. What an earlier process left is adopted: the first pass reads the kernel, later
 * ones trust memory until `queueResync`, or until a notice makes a table suspect.
 */
import type { Plan } from '../../core/plan.js'
import type { ApplyResult } from '../../core/ports.js'
import { failureOf, sumOf, type TableResult } from '../failure.js'
import type { OnNotice } from '../rtnl/rtnl.js'
import type { KernelTable, Scope } from '../tables/kernel-table.js'
import { DriftWatch } from './drift-watch.js'

/** A place's namespace, as its kind of place has it. */
export interface Ground {
  /** True while it is held open. */
  isAttached(): boolean
  /**
   * Puts right what others did to the namespace as such.
   * @throws TsoverlayError KERNEL_FAILED
   */
  mend(): Promise<TableResult>
  /**
   * Opens it where it is not open.
   * @throws TsoverlayError KERNEL_FAILED
   */
  open(plan: Plan): Promise<Scope>
}

interface Options {
  readonly name: string
  readonly ground: Ground
  /** in order of work; called once at first and after each `forget` */
  readonly tables: () => readonly KernelTable[]
  /** somebody changed what a pass made: the next one reads what it is about */
  readonly onDrift: (place: string) => void
}

export class Place {
  readonly #options: Options
  readonly #watch: DriftWatch
  #tables: readonly KernelTable[]
  #resync = true
  #tail: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(options: Options) {
    this.#options = options
    this.#tables = options.tables()
    this.#watch = new DriftWatch({
      tables: () => this.#tables,
      busy: () => !this.idle,
      onDrift: () => options.onDrift(options.name),
      now: () => performance.now(),
    })
  }

  /** True when no call is under way or waiting. */
  get idle(): boolean {
    return this.#waiting === 0
  }

  queueResync(): void {
    this.#resync = true
  }

  readonly onNotice: OnNotice = (type, body) => this.#watch.notice(type, body)

  /** The namespace may not be as we made it. */
  suspect(): void {
    this.#watch.suspect('place')
  }

  /** Notices that came so far are of a namespace that is held no more. */
  deafen(): void {
    this.#watch.close()
  }

  /** There is nothing left of what passes made. */
  forget(): void {
    this.#tables = this.#options.tables()
    this.#resync = true
  }

  /** Never rejects: a place that cannot be made or read is a failure in the result. */
  apply(plan: Plan): Promise<ApplyResult> {
    return this.exclusive(async () => {
      const trusted = !this.#resync && this.#options.ground.isAttached()
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

  exclusive<T>(task: () => Promise<T>): Promise<T> {
    this.#waiting += 1
    const turn = this.#tail.then(task).finally(() => {
      this.#waiting -= 1
    })
    this.#tail = turn.catch(() => undefined)
    return turn
  }

  async #pass(plan: Plan): Promise<ApplyResult> {
    const { ground, name } = this.#options
    const done: TableResult[] = []
    try {
      if (this.#read(plan)) done.push(await ground.mend())
      const scope = await ground.open(plan)
      for (const table of this.#tables) done.push(await table.apply(scope))
    } catch (error) {
      const failures = [failureOf({ in: 'place', name }, error)]
      done.push({ written: 0, drift: 0, failures })
    }
    return sumOf(done)
  }

  /**
   * Takes over the plan, and has the tables read that are suspect.
   * @returns whether the namespace is suspect, too
   */
  #read(plan: Plan): boolean {
    const all = this.#resync || !this.#options.ground.isAttached()
    const suspects = this.#watch.take()
    this.#resync = false
    for (const table of this.#tables) {
      table.setDesired(plan)
      // settings cost little, and whoever changes one thing changes others
      const isSuspect = suspects.has(table.name) || (table.name === 'settings' && suspects.size > 0)
      if (all || isSuspect) table.queueResync()
    }
    return all || suspects.has('place')
  }
}
