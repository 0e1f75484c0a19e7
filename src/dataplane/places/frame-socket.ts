/** A packet socket that only sends: frames out of devices of the namespace that it was opened in. */
import { closeSync } from 'node:fs'
import { refused } from '../failure.js'
import { openPacketSocket, sendFrame } from '../libc.js'

export class FrameSocket {
  readonly #fd: number

  private constructor(fd: number) {
    this.#fd = fd
  }

  /**
   * In the namespace of the calling thread; synchronous.
   * @throws TsoverlayError KERNEL_FAILED
   */
  static open(): FrameSocket {
    const fd = openPacketSocket()
    if (typeof fd === 'string') throw refused('packet socket', fd)
    return new FrameSocket(fd)
  }

  /** @returns the name of an errno if it was not sent */
  send(ifindex: number, frame: Buffer): string | undefined {
    return sendFrame(this.#fd, ifindex, frame)
  }

  close(): void {
    closeSync(this.#fd)
  }
}
