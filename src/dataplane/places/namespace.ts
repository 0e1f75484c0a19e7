/** A namespace while this process holds it: a descriptor and its sockets inside. */
import { closeSync } from 'node:fs'
import { refused } from '../failure.js'
import { RTNLGRP } from '../rtnl/constants.js'
import { decodeLink, getLink, setLink } from '../rtnl/link-codec.js'
import {
  openNetfilter,
  openNotices,
  openPacketLog,
  openRouteLists,
  openRtnl,
  openRuleNotices,
} from '../rtnl/netlink-rtnl.js'
import type { BatchSocket, NoticeSocket, OnNotice, Rtnl, RtnlMessage } from '../rtnl/rtnl.js'
import { FrameSocket } from './frame-socket.js'
import { SANDBOX_MARK } from './marks.js'
import type { Home } from './netns.js'
import { OWN_NAMESPACE, openNetns, pinNetns } from './netns.js'

const LINK_GROUPS = [
  RTNLGRP.LINK,
  RTNLGRP.IPV4_IFADDR,
  RTNLGRP.IPV6_IFADDR,
  RTNLGRP.IPV4_ROUTE,
  RTNLGRP.IPV6_ROUTE,
  RTNLGRP.IPV4_NETCONF,
  RTNLGRP.IPV6_NETCONF,
] as const
/** Two sockets: a flood of the neighbours must not drown what happens to the links. */
const NOTICE_GROUPS = [[RTNLGRP.NEIGH], LINK_GROUPS] as const

interface Sockets {
  readonly rtnl: Rtnl
  readonly lists: Rtnl
  readonly notices: readonly NoticeSocket[]
  readonly netfilter: BatchSocket | undefined
}

export class Namespace {
  readonly fd: number
  readonly rtnl: Rtnl
  /** its dumps of routes are only what was asked for, where the kernel can do that */
  readonly lists: Rtnl
  /** undefined on a kernel without netfilter */
  readonly netfilter: BatchSocket | undefined
  /** of rules, and of a sandbox of its links and entries */
  readonly #notices: readonly NoticeSocket[]
  /** of links and entries of the host's namespace, while they are asked for */
  #hostNotices: readonly NoticeSocket[] = []
  #frames: FrameSocket | undefined
  #log: NoticeSocket | undefined

  private constructor(fd: number, sockets: Sockets) {
    this.fd = fd
    this.rtnl = sockets.rtnl
    this.lists = sockets.lists
    this.netfilter = sockets.netfilter
    this.#notices = sockets.notices
  }

  /**
   * Opens the live namespace at `path`, which the caller knows to be ours.
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

  /**
   * The host's own, which is that of the calling thread; it hears of rules at first, and of nothing else.
   * @throws TsoverlayError KERNEL_FAILED
   */
  static ofHost(onNotice: OnNotice): Namespace {
    const rtnl = openRtnl()
    const rules = openRuleNotices(onNotice)
    const notices = rules === undefined ? [] : [rules]
    const sockets = { rtnl, notices, lists: openRouteLists(), netfilter: openNetfilter() }
    return new Namespace(openNetns(OWN_NAMESPACE), sockets)
  }

  /** Whether notices of links and entries of the host's namespace come. Synchronous. */
  hearLinks(wanted: boolean, onNotice: OnNotice): void {
    if (wanted === this.#hostNotices.length > 0) return
    for (const socket of this.#hostNotices) socket.close().catch(() => undefined)
    this.#hostNotices = wanted ? NOTICE_GROUPS.map((groups) => openNotices(groups, onNotice)) : []
  }

  static #attach(fd: number, onNotice: OnNotice): Namespace {
    const rtnl = openRtnl()
    const notices: NoticeSocket[] = []
    try {
      for (const groups of NOTICE_GROUPS) notices.push(openNotices(groups, onNotice))
      const rules = openRuleNotices(onNotice)
      if (rules !== undefined) notices.push(rules)
      // there are few routes in it
      return new Namespace(fd, { rtnl, lists: rtnl, notices, netfilter: openNetfilter() })
    } catch (error) {
      // they close in a later turn, when the caller is home
      for (const socket of [rtnl, ...notices]) socket.close().catch(() => undefined)
      throw error
    }
  }

  /**
   * Whether this plugin made the live namespace at `path`.
   * @throws TsoverlayError KERNEL_FAILED
   */
  static async isOurs(home: Home, path: string): Promise<boolean> {
    const fd = openNetns(path)
    try {
      const rtnl = home.enter(fd, openRtnl)
      const body = await rtnl.get(getLink({ name: 'lo' }), ['ENODEV']).finally(() => rtnl.close())
      return body !== undefined && decodeLink(body).alias === SANDBOX_MARK
    } finally {
      closeSync(fd)
    }
  }

  /**
   * Opened when first asked for.
   * @throws TsoverlayError KERNEL_FAILED
   */
  frames(home: Home): FrameSocket {
    this.#frames ??= home.enter(this.fd, () => FrameSocket.open())
    return this.#frames
  }

  /**
   * Has packets handed over that rules of this namespace log; asked again, it goes on with the first.
   * @returns false on a kernel that cannot
   */
  hear(home: Home, bind: RtnlMessage, onPacket: OnNotice): boolean {
    this.#log ??= home.enter(this.fd, () => openPacketLog(bind, onPacket))
    return this.#log !== undefined
  }

  /** Lets go of the namespace; it ends when nobody else holds it. */
  async close(): Promise<void> {
    const notices = [...this.#notices, ...this.#hostNotices]
    const sockets = [this.rtnl, this.lists, this.netfilter, this.#log, ...notices]
    this.#frames?.close()
    this.#frames = undefined
    await Promise.all(sockets.map((socket) => socket?.close()))
    closeSync(this.fd)
  }
}
