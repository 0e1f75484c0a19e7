/**
 * Rtnl over npm netlink. The only importer of that package, and only of its raw socket: its
 * request layer does not check sequence numbers or NLM_F_DUMP_INTR, has no time limit of its own
 * and takes one message at a time.
 *
 * One exchange at a time is under way per socket. The kernel works off a send inside the system
 * call, message by message, and answers a refused message even when it asks for no
 * acknowledgement (af_netlink.c netlink_rcv_skb). So a chunk of messages asks for one
 * acknowledgement, at its end; whoever was not answered until then has succeeded.
 */
import { getSystemErrorName } from 'node:util'
import { RawNetlinkSocket } from 'netlink'
import { kernelFailed, refused } from '../failure.js'
import { enableNetlinkOption, sendInThread } from '../libc.js'
import { NLM_F, NLMSG, RTM } from './constants.js'
import { claimDescriptor, releaseDescriptor } from './descriptor.js'
import { chunksOf, HEADER, pack } from './packing.js'
import type { BatchSocket, NoticeSocket, OnNotice, Outcome, Rtnl, RtnlMessage } from './rtnl.js'

/** linux/netlink.h */
const NETLINK_ROUTE = 0
const NETLINK_NETFILTER = 12
/** linux/netfilter/nfnetlink.h */
const NFNLGRP_NFTABLES = 7
const NETLINK_GET_STRICT_CHK = 12
const TIMEOUT_MS = 2000
const MAX_DUMPS = 5
/** The kernel fills dump parts up to this size (af_netlink.c). */
const RECEIVE_BYTES = 32 * 1024
const BUFFER_BYTES = 1024 * 1024
/** The largest notice is that of a link, with statistics and settings of both families: 2 KiB. */
const NOTICE_BYTES = 4 * 1024
const NOTICE_BUFFER_BYTES = 128 * 1024

/**
 * The kernel makes and deletes links under a lock that it shares with everybody on the host
 * (rtnl_lock), and a deletion waits for RCU grace periods after it (net/core/dev.c
 * netdev_run_todo): some 20 ms, in which the event loop would stand still.
 */
const SLOW: readonly number[] = [RTM.NEWLINK, RTM.DELLINK]

interface Exchange {
  readonly first: number
  /** index of the message that asks for the acknowledgement */
  readonly last: number
  /** a refusal of the first message is one of all */
  readonly atomic: boolean
  readonly outcomes: Outcome[]
  readonly replies: Buffer[]
  interrupted: boolean
  readonly finish: (error?: string) => void
}

/** Opens a socket in the network namespace of the calling thread, synchronously. */
export function openRtnl(): Rtnl {
  return new NetlinkRtnl(NETLINK_ROUTE)
}

/** As openRtnl, for dumps of routes: only those that are asked for come, where the kernel can do that. */
export function openRouteLists(): Rtnl {
  return new NetlinkRtnl(NETLINK_ROUTE, true)
}

/** As openRtnl, for netfilter's messages; undefined on a kernel that has no such sockets. */
export function openNetfilter(): BatchSocket | undefined {
  try {
    return new NetlinkRtnl(NETLINK_NETFILTER)
  } catch {
    return undefined
  }
}

class NetlinkRtnl implements Rtnl, BatchSocket {
  readonly #socket: RawNetlinkSocket
  #sequence = 1
  #tail: Promise<unknown> = Promise.resolve()
  #current: Exchange | undefined
  #sending: Promise<void> = Promise.resolve()
  #closed = false

  /** @param isStrict the kernel looks at the whole header of a dump, and sorts out by it */
  constructor(protocol: number, isStrict = false) {
    this.#socket = openSocket(protocol, RECEIVE_BYTES, BUFFER_BYTES)
    // a kernel before 4.20 refuses it, and sends all
    if (isStrict) enableNetlinkOption(descriptors.get(this.#socket) ?? -1, NETLINK_GET_STRICT_CHK)
    this.#socket.on('message', (buffer) => this.#receive(buffer))
    this.#socket.on('truncatedMessage', () => this.#current?.finish('EMSGSIZE'))
    this.#socket.on('error', (error) => this.#current?.finish(error.code))
  }

  write(messages: readonly RtnlMessage[]): Promise<readonly Outcome[]> {
    return this.#exclusive(async () => {
      const outcomes: Outcome[] = []
      for (const chunk of chunksOf(messages)) {
        const exchange = await this.#exchange(chunk)
        for (const outcome of exchange.outcomes) outcomes.push(outcome)
      }
      return outcomes
    })
  }

  /**
   * What ends a batch is not acknowledged by kernels before 6.10, so the message before it is. The
   * answers come when the kernel has done or undone all of them (nfnetlink.c nfnetlink_rcv_batch).
   */
  batch(messages: readonly RtnlMessage[]): Promise<Outcome> {
    return this.#exclusive(async () => {
      const { outcomes } = await this.#exchange(messages, true)
      return outcomes.find((outcome) => outcome !== undefined)
    })
  }

  get(message: RtnlMessage, absent: readonly string[]): Promise<Buffer | undefined> {
    return this.#exclusive(async () => {
      const { outcomes, replies } = await this.#exchange([message])
      const [outcome] = outcomes
      if (outcome === undefined) return replies[0]
      if (absent.includes(outcome)) return undefined
      throw refused(`rtnetlink request ${message.type}`, outcome)
    })
  }

  dump(message: RtnlMessage, absent: readonly string[] = []): Promise<readonly Buffer[]> {
    return this.#exclusive(async () => {
      for (let turn = 0; turn < MAX_DUMPS; turn += 1) {
        const { outcome, replies } = await this.#list(message)
        if (outcome === undefined) return replies
        if (absent.includes(outcome)) return []
        if (outcome !== 'EINTR') throw refused(`rtnetlink dump ${message.type}`, outcome)
      }
      const reason = `it changed during each of ${MAX_DUMPS} attempts to read it`
      throw kernelFailed(`rtnetlink dump ${message.type}`, reason)
    })
  }

  async #list(message: RtnlMessage): Promise<{ outcome: Outcome; replies: readonly Buffer[] }> {
    const { outcomes, interrupted, replies } = await this.#exchange([message])
    return { outcome: outcomes[0] ?? (interrupted ? 'EINTR' : undefined), replies }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#current?.finish('ECANCELED')
    // else the descriptor could be another file's when the thread comes to use it
    await this.#sending
    await closeSocket(this.#socket)
  }

  #exclusive<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(task)
    this.#tail = turn.catch(() => undefined)
    return turn
  }

  /** Sends one chunk and waits until its last message is answered. Never rejects. */
  #exchange(messages: readonly RtnlMessage[], atomic = false): Promise<Exchange> {
    const { promise, resolve } = withResolver<Exchange>()
    const finish = (error?: string): void => {
      if (this.#current !== exchange) return
      this.#current = undefined
      clearTimeout(timer)
      if (error !== undefined) exchange.outcomes.fill(error)
      if (!this.#closed) this.#socket.unref()
      resolve(exchange)
    }
    const first = this.#sequence
    const outcomes: Outcome[] = Array.from({ length: messages.length }, () => undefined)
    const last = messages.length - (atomic ? 2 : 1)
    const replies: Buffer[] = []
    const exchange = { first, last, atomic, outcomes, replies, interrupted: false, finish }
    const timer = setTimeout(() => finish('ETIMEDOUT'), TIMEOUT_MS)
    this.#current = exchange
    if (this.#closed) {
      finish('ECANCELED')
      return promise
    }
    this.#sequence = (first + messages.length) % 0x7fffffff || 1
    this.#socket.ref()
    this.#send(messages, pack(messages, first, last), finish)
    return promise
  }

  #send(messages: readonly RtnlMessage[], packed: Buffer, finish: Exchange['finish']): void {
    if (!messages.some(({ type }) => SLOW.includes(type))) {
      this.#socket.send(packed, {}, (error) => {
        if (error) finish(error.code)
      })
      return
    }
    const sent = sendInThread(descriptors.get(this.#socket) ?? -1, packed)
    this.#sending = sent.then((error) => {
      if (error !== undefined) finish(error)
    })
  }

  #receive(buffer: Buffer): void {
    let at = 0
    while (at + HEADER <= buffer.length) {
      const length = buffer.readUInt32LE(at)
      if (length < HEADER || at + length > buffer.length) return
      this.#dispatch(buffer.subarray(at, at + length))
      at += (length + 3) & ~3
    }
  }

  #dispatch(message: Buffer): void {
    const exchange = this.#current
    if (exchange === undefined) return
    const index = message.readUInt32LE(8) - exchange.first
    // an answer to an exchange that was given up
    if (index < 0 || index >= exchange.outcomes.length) return
    const type = message.readUInt16LE(4)
    if ((message.readUInt16LE(6) & NLM_F.DUMP_INTR) !== 0) exchange.interrupted = true
    if (type !== NLMSG.ERROR && type !== NLMSG.DONE) {
      exchange.replies.push(message.subarray(HEADER))
      return
    }
    const errno = message.length >= HEADER + 4 ? message.readInt32LE(HEADER) : 0
    if (errno < 0) exchange.outcomes[index] = getSystemErrorName(errno)
    if (index === exchange.last || (exchange.atomic && index === 0)) exchange.finish()
  }
}

/**
 * Opens a socket in the calling thread's namespace that receives the notices of multicast groups.
 * Its receive buffer is small by intent: a flood is dropped by the kernel instead of held here. Who
 * asks for an unknown address asks again within a second, and a change that is missed is found by
 * the next full pass.
 * @param groups RTNLGRP_…
 * @param onNotice gets the RTM_… type and the message body
 */
export function openNotices(groups: readonly number[], onNotice: OnNotice): NoticeSocket {
  return listen(NETLINK_ROUTE, groups, onNotice)
}

/**
 * As openNotices, for changes of any rules of nf_tables; undefined on a kernel without. Of messages
 * that come together only the first is handed on: that of a new generation comes alone
 * (nf_tables_api.c nf_tables_gen_notify).
 */
export function openRuleNotices(onNotice: OnNotice): NoticeSocket | undefined {
  try {
    return listen(NETLINK_NETFILTER, [NFNLGRP_NFTABLES], onNotice)
  } catch {
    return undefined
  }
}

/**
 * The packets that rules of this namespace hand to a group of nfnetlink_log, each as a message of
 * its own; undefined on a kernel without.
 * @param bind the message that asks for them
 */
export function openPacketLog(bind: RtnlMessage, onNotice: OnNotice): NoticeSocket | undefined {
  try {
    return listen(NETLINK_NETFILTER, [], onNotice, pack([bind], 1, -1))
  } catch {
    return undefined
  }
}

function listen(
  protocol: number,
  groups: readonly number[],
  onNotice: OnNotice,
  first?: Buffer,
): NoticeSocket {
  const socket = openSocket(protocol, NOTICE_BYTES, NOTICE_BUFFER_BYTES)
  socket.on('message', (buffer) => {
    if (buffer.length >= HEADER) onNotice(buffer.readUInt16LE(4), buffer.subarray(HEADER))
  })
  socket.on('error', () => undefined)
  for (const group of groups) socket.addMembership(group)
  if (first !== undefined) socket.send(first, {}, () => undefined)
  let closed: Promise<void> | undefined
  return {
    close: () => {
      closed ??= closeSocket(socket)
      return closed
    },
  }
}

const descriptors = new WeakMap<RawNetlinkSocket, number>()

/** A socket that does not keep the process alive. */
function openSocket(protocol: number, messageBytes: number, bufferBytes: number): RawNetlinkSocket {
  const socket = new RawNetlinkSocket(protocol, {
    messagePeeking: false,
    msgBufferSize: messageBytes,
    recvBufferSize: bufferBytes,
    sendBufferSize: bufferBytes,
  })
  try {
    descriptors.set(socket, claimDescriptor(socket.address().port))
  } catch (error) {
    socket.close()
    throw error
  }
  socket.unref()
  return socket
}

/**
 * Closes in a turn of the event loop of its own: the package's poll handler still uses the socket
 * after the callbacks of received messages, from which we may have come.
 */
function closeSocket(socket: RawNetlinkSocket): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => {
      releaseDescriptor(descriptors.get(socket) ?? -1)
      socket.close()
      resolve()
    })
  })
}

function withResolver<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
