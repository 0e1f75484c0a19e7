/**
 * What a place is made of: one kind of object each, kept as planned. A pass works them off in order.
 * A table is of one place and is asked for one thing at a time.
 */
import type { Item } from '../../core/item.js'
import type { Plan } from '../../core/plan.js'
import type { TableResult } from '../failure.js'
import type { FrameSocket } from '../places/frame-socket.js'
import type { BatchSocket, OnNotice, RtnlMessage } from '../rtnl/rtnl.js'
import type { LinkScope } from './link-writer.js'
import type { Notice } from './notices.js'

/** What a pass works with. */
export interface Scope extends LinkScope {
  /** undefined on a kernel without netfilter */
  readonly netfilter: BatchSocket | undefined
  /** Runs a synchronous call in the namespace of the place. @throws TsoverlayError KERNEL_FAILED */
  readonly inside: <T>(call: () => T) => T
  /** @throws TsoverlayError KERNEL_FAILED */
  readonly frames: () => FrameSocket
  /**
   * Has packets handed over that rules of this namespace log.
   * @returns false on a kernel that cannot
   */
  readonly hear: (bind: RtnlMessage, onPacket: OnNotice) => boolean
}

export interface KernelTable {
  /** several tables of a place may have one name: they are suspect together */
  readonly name: Item['in']
  setDesired(plan: Plan): void
  /** The next apply reads the kernel instead of trusting memory. */
  queueResync(): void
  /**
   * Told of each notice as it comes. Of several of one link `contradicts` is asked about the latest only.
   */
  hears?(notice: Notice): void
  /**
   * Whether a notice says something else than what is wanted, so that somebody else wrote. Our own
   * writes are wanted before they are made.
   */
  contradicts(notice: Notice): boolean
  /** @throws TsoverlayError KERNEL_FAILED when the kernel cannot be read: the pass ends there */
  apply(scope: Scope): Promise<TableResult>
}

export const NOTHING: TableResult = { written: 0, drift: 0, failures: [] }
