/** Tells when links, addresses or routes of the host have changed, whatever has changed about them. */
import { RTNLGRP } from '../rtnl/constants.js'
import { openNotices } from '../rtnl/netlink-rtnl.js'
import type { NoticeSocket } from '../rtnl/rtnl.js'

const { LINK, IPV4_IFADDR, IPV6_IFADDR, IPV4_ROUTE, IPV6_ROUTE } = RTNLGRP
/**
 * An address that is replaced is gone for a moment, and its routes with it; dockerd makes several
 * links for each container.
 */
const SETTLE_MS = 300

export class HostWatch {
  readonly #socket: NoticeSocket
  #listener: () => void = () => undefined
  #timer: NodeJS.Timeout | undefined

  /** Listens in the namespace of the calling thread. */
  constructor() {
    const groups = [LINK, IPV4_IFADDR, IPV6_IFADDR, IPV4_ROUTE, IPV6_ROUTE]
    this.#socket = openNotices(groups, () => this.#settle())
  }

  onChange(listener: () => void): void {
    this.#listener = listener
  }

  async close(): Promise<void> {
    this.#listener = () => undefined
    await this.#socket.close()
    clearTimeout(this.#timer)
  }

  #settle(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#listener()
    }, SETTLE_MS).unref()
  }
}
