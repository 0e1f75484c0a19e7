/** Hears the containers of one sandbox announce floating addresses, where its plan has any. */
import type { Plan } from '../../core/plan.js'
import type { Announcement, Logger } from '../../core/ports.js'
import type { TableResult } from '../failure.js'
import type { Generation } from '../nft/generation.js'
import { FLOATING, floatingElements } from '../tables/floating.js'
import { type KernelTable, NOTHING, type Scope } from '../tables/kernel-table.js'
import { deviceAt, type LinkTable } from '../tables/links.js'
import type { Notice } from '../tables/notices.js'
import { RuleTable } from '../tables/rule-table.js'
import { BIND_LOG, decodeAnnouncement } from './announcements.js'

interface Options {
  readonly sandbox: string
  readonly links: LinkTable
  readonly generation: Generation
  readonly logger: Logger
  readonly onAnnouncement: (heard: Announcement) => void
}

export class AnnouncementEar implements KernelTable {
  readonly name = 'rules'
  readonly #options: Options
  readonly #rules: RuleTable
  #listens = false
  #deaf = false

  constructor(options: Options) {
    this.#options = options
    const { sandbox, generation } = options
    this.#rules = new RuleTable({
      ruleset: FLOATING,
      item: `sandbox ${sandbox} floating addresses`,
      generation,
      elements: (plan) => floatingElements(plan.floating),
      onUnsupported: (reason) => this.#tellDeaf(reason),
    })
  }

  setDesired(plan: Plan): void {
    this.#listens = plan.floating !== undefined
    this.#rules.setDesired(plan)
  }

  queueResync(): void {
    this.#rules.queueResync()
  }

  contradicts(notice: Notice): boolean {
    return this.#listens && this.#rules.contradicts(notice)
  }

  /** A kernel that cannot tell carries traffic all the same, and the log says so once. */
  async apply(scope: Scope): Promise<TableResult> {
    // a network has floating addresses from its first day or never
    if (!this.#listens || scope.netfilter === undefined) return NOTHING
    const hears = scope.hear(BIND_LOG, (type, body) => this.#tell(type, body))
    const result = await this.#rules.apply(scope)
    if (!hears) this.#tellDeaf('no netfilter sockets')
    return result
  }

  #tellDeaf(err: string): void {
    if (this.#deaf) return
    this.#deaf = true
    const { sandbox, logger } = this.#options
    logger.error(
      { sandbox, err },
      'floating addresses do not move, the kernel has no nfnetlink_log',
    )
  }

  #tell(type: number, body: Buffer): void {
    const heard = decodeAnnouncement(type, body)
    const { sandbox, links, onAnnouncement } = this.#options
    const dev = heard && deviceAt(links.ports, heard.ifindex)
    if (heard === undefined || dev === undefined) return
    onAnnouncement({ sandbox, dev, ip: heard.ip, mac: heard.mac })
  }
}
