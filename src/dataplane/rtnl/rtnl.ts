/**
 * rtnetlink as far as we use it: the narrow interface between the tables and a netlink socket.
 * Message bodies are made and read by the codecs.
 */

export interface RtnlMessage {
  /** RTM_… (linux/rtnetlink.h) */
  readonly type: number
  /** NLM_F_… besides REQUEST and ACK, which the socket sets (linux/netlink.h) */
  readonly flags: number
  /** what follows the netlink header, padded to four bytes */
  readonly body: Buffer
}

/** Name of an errno, or undefined for success. */
export type Outcome = string | undefined

export interface Rtnl {
  /**
   * Sends all messages, many in one system call, in order; a refused one does not stop the rest.
   * Never rejects: what got no answer within the time limit has the outcome ETIMEDOUT.
   * @returns one outcome per message
   */
  write(messages: readonly RtnlMessage[]): Promise<readonly Outcome[]>
  /**
   * Asks for one object.
   * @returns its message body; undefined when the kernel says that there is none (`absent` codes)
   * @throws TsoverlayError KERNEL_FAILED
   */
  get(message: RtnlMessage, absent: readonly string[]): Promise<Buffer | undefined>
  /**
   * Lists all objects, again when the kernel says that the list changed meanwhile.
   * @returns their message bodies; none when the kernel refuses with one of the `absent` codes
   * @throws TsoverlayError KERNEL_FAILED
   */
  dump(message: RtnlMessage, absent?: readonly string[]): Promise<readonly Buffer[]>
  /** Resolves when the descriptor is closed and holds its namespace no more. */
  close(): Promise<void>
}

/** A netfilter socket: its subsystems take changes in batches that the kernel does whole or not at all. */
export interface BatchSocket extends Pick<Rtnl, 'get' | 'dump' | 'close'> {
  /**
   * Never rejects.
   * @param messages the first opens the batch and the last closes it; there is one between them
   * @returns undefined when all is done, else why nothing is
   */
  batch(messages: readonly RtnlMessage[]): Promise<Outcome>
}

/** @param type RTM_… */
export type OnNotice = (type: number, body: Buffer) => void

/** A socket that only listens to multicast groups. */
export interface NoticeSocket {
  close(): Promise<void>
}
