/**
 * Neighbours of a place, whose containers are told when an address has another MAC than it had: they
 * get a frame in their bridge, by an Announcer.
 */
import type { Plan } from '../../core/plan.js'
import type { Logger } from '../../core/ports.js'
import type { TableResult } from '../failure.js'
import { deleteNeighbour } from '../rtnl/neighbour-codec.js'
import type { RtnlMessage } from '../rtnl/rtnl.js'
import type { KernelTable, Scope } from '../tables/kernel-table.js'
import type { LinkTable } from '../tables/links.js'
import { neighbourTable } from '../tables/neighbours.js'
import type { Notice } from '../tables/notices.js'
import { Announcer, announcement } from './announcer.js'

export class AnnouncedNeighbours implements KernelTable {
  readonly name = 'neighbours'
  readonly #links: LinkTable
  readonly #logger: Logger
  readonly #announcer = new Announcer()
  readonly #table: KernelTable

  constructor(links: LinkTable, logger: Logger) {
    this.#links = links
    this.#logger = logger
    this.#table = neighbourTable(links, (have, want) => {
      if (have !== undefined) this.#announcer.went(have.ip, have.mac)
      if (want !== undefined) this.#announcer.came(want)
    })
  }

  setDesired(plan: Plan): void {
    this.#announcer.setResidents(plan.residents ?? [])
    this.#table.setDesired(plan)
  }

  queueResync(): void {
    this.#table.queueResync()
  }

  contradicts(notice: Notice): boolean {
    return this.#table.contradicts(notice)
  }

  async apply(scope: Scope): Promise<TableResult> {
    const result = await this.#table.apply(scope)
    await this.#announce(scope)
    return result
  }

  /**
   * What the bridge itself has cached, as the gateway between subnets, is deleted. What cannot be sent
   * is no failure: caches are right again by themselves, only later.
   */
  async #announce({ rtnl, frames }: Scope): Promise<void> {
    if (!this.#announcer.isDue) return
    try {
      const socket = frames()
      const own: RtnlMessage[] = []
      let lost: string | undefined
      await this.#announcer.tell(({ dev, ip, mac }) => {
        const bridge = this.#links.bridgeIndexOf(dev)
        if (bridge === undefined) return
        own.push(deleteNeighbour(bridge, ip))
        lost = socket.send(bridge, announcement(ip, mac)) ?? lost
      })
      await rtnl.write(own)
      if (lost !== undefined) {
        this.#logger.debug({ err: lost }, 'another MAC of an address not announced')
      }
    } catch (error) {
      this.#logger.warn({ err: String(error) }, 'another MAC of an address not announced')
    }
  }
}
