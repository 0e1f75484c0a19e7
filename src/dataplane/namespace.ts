/** A sandbox's namespace while this process holds it: a descriptor and three sockets inside. */
import { closeSync } from 'node:fs'
import { refused } from './failure.js'
import { SANDBOX_MARK } from './names.js'
import type { Home } from './netns.js'
import { openNetns, pinNetns } from './netns.js'
import { RTNLGRP_NEIGH } from './rtnl/constants.js'
import { decodeLink, getLink, setLink } from './rtnl/link-codec.js'
import { openNetfilter, openNotices, openRtnl } from './rtnl/netlink-rtnl.js'
import type { BatchSocket, NoticeSocket, Rtnl } from './rtnl/rtnl.js'

export type OnNotice = (type: number, body: Buffer) => void

interface Sockets {
  readonly rtnl: Rtnl
  readonly notices: NoticeSocket
  readonly netfilter: BatchSocket | undefined
}

export class Namespace {
  readonly fd: number
  readonly rtnl: Rtnl
  /** undefined on a kernel without netfilter */
  readonly netfilter: BatchSocket | undefined
  readonly #notices: NoticeSocket

  private constructor(fd: number, sockets: Sockets) {
    this.fd = fd
    this.rtnl = sockets.rtnl
    this.netfilter = sockets.netfilter
    this.#notices = sockets.notices
  }

  /**
   * Opens the live namespace at `path`, whoever made it.
   * @throws TsoverlayError KERNEL_FAILED
   */
  static open(home: Home, path: string, onNotice: OnNotice): Namespace {
    const fd = openNetns(path)
    try {
      return home.enter(fd, () => Namespace.#attach(fd, onNotice))
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }

  /**
   * Makes a namespace, marks it as ours and only then makes it visible at `path`: a crash between
   * two of these steps leaves nothing behind.
   * @throws TsoverlayError KERNEL_FAILED
   */
  static async create(home: Home, path: string, onNotice: OnNotice): Promise<Namespace> {
    const namespace = home.enterNew((fd) => Namespace.#attach(fd, onNotice))
    try {
      const mark = setLink({ name: 'lo' }, { alias: SANDBOX_MARK })
      const [code] = await namespace.rtnl.write([mark])
      if (code !== undefined) throw refused(`mark of network namespace ${path}`, code)
      pinNetns(path, namespace.fd)
      return namespace
    } catch (error) {
      await namespace.close()
      throw error
    }
  }

  static #attach(fd: number, onNotice: OnNotice): Namespace {
    const rtnl = openRtnl()
    try {
      const notices = openNotices(RTNLGRP_NEIGH, onNotice)
      return new Namespace(fd, { rtnl, notices, netfilter: openNetfilter() })
    } catch (error) {
      // closes in a later turn, when the caller is home
      rtnl.close().catch(() => undefined)
      throw error
    }
  }

  /** Whether this plugin made it. */
  async isOurs(): Promise<boolean> {
    const body = await this.rtnl.get(getLink('lo'), ['ENODEV'])
    return body !== undefined && decodeLink(body).alias === SANDBOX_MARK
  }

  /** Lets go of the namespace; it ends when nobody else holds it. */
  async close(): Promise<void> {
    await Promise.all([this.rtnl.close(), this.netfilter?.close(), this.#notices.close()])
    closeSync(this.fd)
  }
}
