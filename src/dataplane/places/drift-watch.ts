/**
 * What the kernel's notices of one place say against what we made. Our own writes cause notices as
 * well, so each is held against what is wanted; only one that says something else makes a table
 * suspect, and the next pass reads that table. A pass that finds nothing wrong writes nothing, causes
 * no notice and so ends the matter.
 */
import type { Item } from '../../core/item.js'
import type { KernelTable } from '../tables/kernel-table.js'
import { decodeNotice, type Notice } from '../tables/notices.js'

/** What a pass can read by itself: a table, or the place as such. */
export type Suspect = Item['in']

/** Notices come in bursts: of a link that is being made, or of a table that somebody flushes. */
const SETTLE_MS = 100
/** The longest pause between two repairs, when somebody keeps on changing what we put right. */
const LAST_SETTLE_MS = 1_000

interface Options {
  readonly tables: () => readonly KernelTable[]
  /** whether a pass is under way, which makes links in several steps */
  readonly busy: () => boolean
  /** called when a table is suspect, maybe again before `take` */
  readonly onDrift: () => void
  /** milliseconds of a clock that only goes forward */
  readonly now: () => number
}

export class DriftWatch {
  readonly #options: Options
  readonly #suspects = new Set<Suspect>()
  /** the latest notice of each link, of each port and of the rules, to be judged with no pass under way */
  readonly #later = new Map<string, Notice>()
  #timer: NodeJS.Timeout | undefined
  #pause = SETTLE_MS
  #last = Number.NEGATIVE_INFINITY

  constructor(options: Options) {
    this.#options = options
  }

  /** @param type RTM_…, or that of a message of nf_tables */
  notice(type: number, body: Buffer): void {
    const notice = decodeNotice(type, body)
    if (notice === undefined) return
    for (const table of this.#options.tables()) table.hears?.(notice)
    const later = keyOf(notice)
    if (later === undefined) {
      if (this.#judge(notice)) this.#settle()
      return
    }
    this.#later.set(later, notice)
    this.#settle()
  }

  /** It may not be as we made it. */
  suspect(what: Suspect): void {
    this.#suspects.add(what)
    this.#settle()
  }

  /** What a pass that begins now has to read. */
  take(): ReadonlySet<Suspect> {
    const suspects = new Set(this.#suspects)
    this.#suspects.clear()
    return suspects
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#later.clear()
    this.#suspects.clear()
  }

  /** @returns whether it makes a table suspect */
  #judge(notice: Notice): boolean {
    const said = this.#options.tables().filter((table) => table.contradicts(notice))
    for (const { name } of said) this.#suspects.add(name)
    return said.length > 0
  }

  #settle(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => this.#conclude(), this.#pause)
    this.#timer.unref()
  }

  #conclude(): void {
    this.#timer = undefined
    if (this.#options.busy()) {
      this.#settle()
      return
    }
    for (const notice of this.#later.values()) this.#judge(notice)
    this.#later.clear()
    if (this.#suspects.size === 0) return
    this.#slowDown()
    this.#options.onDrift()
  }

  /** Two that want different things of one kernel must not keep a processor busy. */
  #slowDown(): void {
    const now = this.#options.now()
    // it was changed again as soon as it was put right
    const fight = now - this.#last < 3 * this.#pause
    this.#pause = fight ? Math.min(this.#pause * 2, LAST_SETTLE_MS) : SETTLE_MS
    this.#last = now
  }
}

/** Our own changes of links and rules come in several steps; undefined for what is judged at once. */
function keyOf(notice: Notice): string | undefined {
  switch (notice.kind) {
    case 'link':
      return `link ${notice.link.index}`
    case 'port':
      return `port ${notice.index}`
    case 'rules':
      return 'rules'
    default:
      return undefined
  }
}
