/**
 * DNS messages as bytes (RFC 1035, 6891). Names and records are dns-packet's work, of which this is
 * the only importer. The header, and the pointer from a record to the question, are ours: the
 * library would write the name again with each record, and the question anew, not as it came.
 */
import packet from 'dns-packet'
import { familyOf, type Ip } from '../core/ip.js'

interface Codec<T> {
  encode: { (value: T, into: Buffer, offset: number): unknown; bytes: number }
  decode: { (from: Buffer, offset: number): T; bytes: number }
}
interface Additional {
  readonly name: string
  readonly type: string
  readonly udpPayloadSize?: number
  readonly ednsVersion?: number
  readonly flags?: number
}
/** Has no types for its parts. */
const {
  name: nameCodec,
  answer: recordCodec,
  a,
  aaaa,
  ptr,
} = packet as unknown as {
  readonly name: Codec<string>
  readonly answer: Codec<Additional>
  readonly a: Codec<string>
  readonly aaaa: Codec<string>
  readonly ptr: Codec<string>
}

export const HEADER = 12
export const TYPE = { A: 1, PTR: 12, AAAA: 28, OPT: 41, IXFR: 251, ANY: 255 } as const
export const CLASS_IN = 1
export const OPCODE_QUERY = 0
export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, BADVERS: 16 } as const

const FLAG = { QR: 0x8000, TC: 0x0200, RD: 0x0100, RA: 0x0080, CD: 0x0010 } as const
const OPCODE_BITS = 0x7800
const DNSSEC_OK = 0x8000
/** to the first byte of the question's name (RFC 1035 4.1.4) */
const TO_QUESTION = 0xc000 + HEADER
/** pointer, type, class, TTL */
const RECORD_HEAD = 10
const OPT_SIZE = 11
const MAX_NAME = 255
/** More records than any resolver adds to a question (OPT, and TSIG or SIG(0)). */
const MAX_ADDITIONALS = 8

export interface Edns {
  readonly payload: number
  readonly version: number
  readonly dnssecOk: boolean
}

export interface Question {
  /** as it was asked, without a dot at the end; labels joined by dots, whatever is in them */
  readonly name: string
  readonly type: number
  readonly class: number
  /** the first byte after it */
  readonly end: number
  /** letters, digits and signs that text has as they are, and no pointer: what a name of ours can be */
  readonly plain: boolean
}

/** What stands in the twelve bytes of the header. @param message of that length at least */
export function headerOf(message: Buffer) {
  const flags = message.readUInt16BE(2)
  return {
    isResponse: (flags & FLAG.QR) !== 0,
    opcode: (flags & OPCODE_BITS) >> 11,
    questions: message.readUInt16BE(4),
    records: message.readUInt16BE(6) + message.readUInt16BE(8),
    additionals: message.readUInt16BE(10),
  }
}

// As Docker's resolver, which writes every other byte with a backslash, so that no container's
// name is equal to it.
const PLAIN = /^[-!#-&*+,./0-:<-?A-Z[\]^_`a-z{|}~]*$/

/** The first question. @returns undefined: it is none */
export function questionOf(message: Buffer): Question | undefined {
  try {
    const decoded = nameCodec.decode(message, HEADER)
    const name = decoded === '.' ? '' : decoded
    const end = HEADER + nameCodec.decode.bytes + 4
    if (end > message.length) return undefined
    return {
      name,
      type: message.readUInt16BE(end - 4),
      class: message.readUInt16BE(end - 2),
      end,
      // a name with a pointer is longer or shorter than its bytes
      plain: PLAIN.test(name) && end - 4 - HEADER === (name === '' ? 1 : name.length + 2),
    }
  } catch {
    return undefined
  }
}

/**
 * What the asker says about itself in its OPT record.
 * @param question which ends before the additional records
 * @returns undefined: nothing; null: what stands there cannot be read
 */
export function ednsOf(message: Buffer, question: Question): Edns | undefined | null {
  if (message.readUInt16BE(10) > MAX_ADDITIONALS) return null
  try {
    const [record, ...more] = additionalsOf(message, question.end).filter((r) => r.type === 'OPT')
    if (record === undefined) return undefined
    // RFC 6891 6.1.1: one, of the root
    if (more.length > 0 || record.name !== '.') return null
    const { udpPayloadSize: payload = 0, ednsVersion: version = 0, flags = 0 } = record
    return { payload, version, dnssecOk: (flags & DNSSEC_OK) !== 0 }
  } catch {
    return null
  }
}

/** @throws RangeError, Error: what stands there cannot be read */
function additionalsOf(message: Buffer, from: number): readonly Additional[] {
  const records: Additional[] = []
  let at = from
  for (let left = message.readUInt16BE(10); left > 0; left -= 1) {
    records.push(recordCodec.decode(message, at))
    at += recordCodec.decode.bytes
    if (at > message.length) throw new RangeError('a record ends after the message')
  }
  return records
}

/** An answer record's data; its name is the question's. */
export type Data = { readonly address: Ip } | { readonly host: string }

export interface Reply {
  readonly question?: Question
  readonly rcode?: number
  readonly records?: readonly Data[]
  readonly ttl?: number
  /** the asker has sent OPT, so it gets one; how much we would read */
  readonly payload?: number
  readonly dnssecOk?: boolean
  /** bytes that the asker takes: what does not fit is left out, and TC says so */
  readonly limit: number
}

/** A response to `query`, which has a header. */
export function replyTo(query: Buffer, reply: Reply): Buffer {
  const { question, rcode = RCODE.NOERROR, records = [], ttl = 0, payload, limit } = reply
  const tail = payload === undefined ? 0 : OPT_SIZE
  const start = question?.end ?? HEADER
  const out = Buffer.alloc(start + tail + sizeOf(records))
  query.copy(out, 0, 0, start)
  let [at, count] = [start, 0]
  for (const data of records) {
    const next = writeRecord(out, at, data, ttl)
    if (next + tail > limit) break
    at = next
    count += 1
  }
  const truncated = count < records.length ? FLAG.TC : 0
  const kept = query.readUInt16BE(2) & (OPCODE_BITS | FLAG.RD | FLAG.CD)
  out.writeUInt16BE(FLAG.QR | FLAG.RA | kept | truncated | (rcode & 15), 2)
  out.writeUInt16BE(question === undefined ? 0 : 1, 4)
  out.writeUInt16BE(count, 6)
  out.writeUInt16BE(0, 8)
  out.writeUInt16BE(tail === 0 ? 0 : 1, 10)
  if (payload !== undefined) {
    // the root's name is a zero byte; without options
    out.fill(0, at, at + OPT_SIZE)
    out.writeUInt16BE(TYPE.OPT, at + 1)
    out.writeUInt16BE(payload, at + 3)
    out.writeUInt8(rcode >> 4, at + 5)
    out.writeUInt16BE(reply.dnssecOk === true ? DNSSEC_OK : 0, at + 7)
  }
  return out.subarray(0, at + tail)
}

function sizeOf(records: readonly Data[]): number {
  let size = 0
  for (const data of records) {
    size += RECORD_HEAD + 2 + ('host' in data ? MAX_NAME : familyOf(data.address) === 4 ? 4 : 16)
  }
  return size
}

/** @returns the first byte after it */
function writeRecord(out: Buffer, at: number, data: Data, ttl: number): number {
  const [type, codec, value] = encodingOf(data)
  out.writeUInt16BE(TO_QUESTION, at)
  out.writeUInt16BE(type, at + 2)
  out.writeUInt16BE(CLASS_IN, at + 4)
  out.writeUInt32BE(ttl, at + 6)
  codec.encode(value, out, at + RECORD_HEAD)
  return at + RECORD_HEAD + codec.encode.bytes
}

function encodingOf(data: Data): readonly [type: number, codec: Codec<string>, value: string] {
  if ('host' in data) return [TYPE.PTR, ptr, data.host]
  return familyOf(data.address) === 4 ? [TYPE.A, a, data.address] : [TYPE.AAAA, aaaa, data.address]
}

/** Whether DNS can carry it (RFC 1035 2.3.4). */
export function isWritable(host: string): boolean {
  return (
    Buffer.byteLength(host) <= MAX_NAME - 2 &&
    host.split('.').every((label) => label !== '' && Buffer.byteLength(label) <= 63)
  )
}
