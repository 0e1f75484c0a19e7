/** Hears the containers of one sandbox announce floating addresses, where its plan has any. */
import type { Announcement, Logger } from '../core/ports.js'
import { BIND_LOG, decodeAnnouncement } from './announcements.js'
import type { TableResult } from './failure.js'
import type { Namespace } from './namespace.js'
import type { Home } from './netns.js'
import type { Tables } from './tables/tables.js'

const NOTHING: TableResult = { written: 0, drift: 0, failures: [] }

interface Options {
  readonly home: Home
  readonly logger: Logger
  readonly listeners: { readonly onAnnouncement: (heard: Announcement) => void }
}

export class AnnouncementEar {
  readonly #sandbox: string
  readonly #options: Options
  #deaf = false

  constructor(sandbox: string, options: Options) {
    this.#sandbox = sandbox
    this.#options = options
  }

  /** A kernel that cannot tell carries traffic all the same, and the log says so once. */
  async apply(namespace: Namespace, tables: Tables): Promise<TableResult> {
    const { netfilter } = namespace
    // a network has floating addresses from its first day or never
    if (!tables.listens || netfilter === undefined) return NOTHING
    const { home, logger } = this.#options
    const hears = namespace.hear(home, BIND_LOG, (type, body) => this.#tell(tables, type, body))
    const result = await tables.floating.apply(netfilter)
    const problem = hears ? tables.floating.unsupported : 'no netfilter sockets'
    if (problem !== undefined && !this.#deaf) {
      this.#deaf = true
      const fields = { sandbox: this.#sandbox, err: problem }
      logger.error(fields, 'floating addresses do not move, the kernel has no nfnetlink_log')
    }
    return result
  }

  #tell(tables: Tables, type: number, body: Buffer): void {
    const heard = decodeAnnouncement(type, body)
    const dev = heard && tables.portAt(heard.ifindex)
    if (heard === undefined || dev === undefined) return
    const { ip, mac } = heard
    this.#options.listeners.onAnnouncement({ sandbox: this.#sandbox, dev, ip, mac })
  }
}
