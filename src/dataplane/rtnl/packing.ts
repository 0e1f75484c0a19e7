/** Requests of rtnetlink and netfilter as the bytes of one send. */
import { NLM_F } from './constants.js'
import type { RtnlMessage } from './rtnl.js'

/** Bytes of nlmsghdr (linux/netlink.h). */
export const HEADER = 16
/**
 * A refusal takes up to 1 KiB of the receive buffer until we read it, and we do not read during
 * the send: all of a chunk must fit in the standard buffer of 208 KiB, doubled.
 */
const CHUNK_MESSAGES = 256
const CHUNK_BYTES = 32 * 1024

/** The messages in pieces of which each may be sent at once. */
export function* chunksOf(messages: readonly RtnlMessage[]): Generator<readonly RtnlMessage[]> {
  let chunk: RtnlMessage[] = []
  let bytes = 0
  for (const message of messages) {
    const size = HEADER + message.body.length
    if (chunk.length === CHUNK_MESSAGES || (chunk.length > 0 && bytes + size > CHUNK_BYTES)) {
      yield chunk
      chunk = []
      bytes = 0
    }
    chunk.push(message)
    bytes += size
  }
  if (chunk.length > 0) yield chunk
}

/**
 * @param first sequence number of the first message
 * @param last index of the message that asks for the acknowledgement
 */
export function pack(messages: readonly RtnlMessage[], first: number, last: number): Buffer {
  const bytes = messages.reduce((sum, message) => sum + HEADER + message.body.length, 0)
  const buffer = Buffer.alloc(bytes)
  let at = 0
  messages.forEach((message, index) => {
    const length = HEADER + message.body.length
    const dump = (message.flags & NLM_F.DUMP) === NLM_F.DUMP
    const ack = index === last && !dump ? NLM_F.ACK : 0
    buffer.writeUInt32LE(length, at)
    buffer.writeUInt16LE(message.type, at + 4)
    buffer.writeUInt16LE(message.flags | NLM_F.REQUEST | ack, at + 6)
    buffer.writeUInt32LE(first + index, at + 8)
    buffer.set(message.body, at + HEADER)
    at += length
  })
  return buffer
}
