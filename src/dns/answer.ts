/** What a container's question is answered with; pure. */
import { familyOf, type Ip, ipFromBytes, parseIp } from '../core/ip.js'
import type { NamesView } from '../core/names-view.js'
import {
  CLASS_IN,
  type Data,
  type Edns,
  ednsOf,
  HEADER,
  headerOf,
  isWritable,
  OPCODE_QUERY,
  type Question,
  questionOf,
  RCODE,
  replyTo,
  TYPE,
} from './wire.js'

/**
 * Seconds that an answer may be kept (Docker's resolver says 600). A container that went may be back on
 * another host with another address within a second, and unlike Docker's own names nobody there can
 * tell when; in as many seconds a question is Docker's again when this program is away.
 */
const TTL = 5
/** What a UDP answer may have without EDNS (RFC 1035 4.2.1). */
const PLAIN_LIMIT = 512
/** What we take and what we send at most by UDP: more than a page's worth goes by TCP. */
const EDNS_LIMIT = 4096
const TCP_LIMIT = 65_535

export type Transport = 'udp' | 'tcp'

export type Verdict =
  | { readonly kind: 'answer'; readonly message: Buffer }
  /** the cluster has no answer: Docker's resolver is to be asked */
  | { readonly kind: 'pass' }
  /** it is no question at all */
  | { readonly kind: 'silence' }

const PASS: Verdict = { kind: 'pass' }
const SILENCE: Verdict = { kind: 'silence' }

/**
 * @param random from 0 to 1, without 1
 * @throws what `view` throws
 */
export function answer(
  query: Buffer,
  view: NamesView,
  transport: Transport,
  random: () => number = Math.random,
): Verdict {
  if (query.length < HEADER) return SILENCE
  const header = headerOf(query)
  // an answer to an answer would be one of two servers that never end
  if (header.isResponse) return SILENCE
  if (header.opcode !== OPCODE_QUERY) return PASS
  // RFC 9619: one. None is a way to ask for a cookie (RFC 7873 5.4): Docker's resolver has none
  if (header.questions !== 1) return formErr(query)
  const question = questionOf(query)
  if (question === undefined) return formErr(query)
  if (!isOurKind(question) || header.records > 0) return PASS
  const records = lookUp(question, view)
  if (records === undefined) return PASS
  const edns = ednsOf(query, question)
  if (edns === null) return formErr(query)
  return {
    kind: 'answer',
    message: reply(query, question, edns, shuffled(records, random), transport),
  }
}

/** A response that says no more than `rcode`; `query` has a header. */
export function failure(query: Buffer, rcode: number): Buffer {
  const question = headerOf(query).questions === 1 ? questionOf(query) : undefined
  // pointers would lead elsewhere
  if (!question?.plain) return replyTo(query, { rcode, limit: PLAIN_LIMIT })
  const edns = headerOf(query).records > 0 ? undefined : ednsOf(query, question)
  return replyTo(query, { question, ...optOf(edns), rcode, limit: PLAIN_LIMIT })
}

function formErr(query: Buffer): Verdict {
  return { kind: 'answer', message: failure(query, RCODE.FORMERR) }
}

/** Records of a name in the internet, not those of the transport or whole zones (RFC 6895 3.1). */
function isOurKind({ type, class: kind, plain }: Question): boolean {
  const isMeta = type === TYPE.OPT || (type >= 128 && type < TYPE.ANY) || type === 0
  return plain && kind === CLASS_IN && !isMeta
}

/** @returns undefined: not the cluster's; empty: it has no record of that type */
function lookUp({ name, type }: Question, view: NamesView): readonly Data[] | undefined {
  const lower = name.toLowerCase()
  const addresses = lower === '' ? undefined : view.addressesOf(lower)
  if (addresses !== undefined) {
    return addresses.filter((ip) => isAsked(ip, type)).map((address) => ({ address }))
  }
  const ip = addressOfReverse(lower)
  const host = ip && view.namesOf(ip)?.find(isWritable)
  if (host === undefined) return undefined
  return type === TYPE.PTR || type === TYPE.ANY ? [{ host }] : []
}

function isAsked(ip: Ip, type: number): boolean {
  return type === TYPE.ANY || type === (familyOf(ip) === 4 ? TYPE.A : TYPE.AAAA)
}

const REVERSE_4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/
const REVERSE_6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/

/** `5.0.20.10.in-addr.arpa` → `10.20.0.5` (RFC 1035 3.5, RFC 3596 2.5). */
function addressOfReverse(name: string): Ip | undefined {
  const four = REVERSE_4.exec(name)
  if (four !== null) return parseIp(four.slice(1).reverse().join('.'))
  const six = REVERSE_6.exec(name)?.[1]
  if (six === undefined) return undefined
  return ipFromBytes(Buffer.from(six.split('.').reverse().join(''), 'hex'))
}

/**
 * In any order, each as likely, as Docker does: turns by a counter would give one address to
 * everybody who asks for A and AAAA by turns.
 */
function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  const out = [...items]
  for (let last = out.length - 1; last > 0; last -= 1) {
    const at = Math.floor(random() * (last + 1))
    const [one, other] = [out[at], out[last]]
    if (one === undefined || other === undefined) continue
    out[at] = other
    out[last] = one
  }
  return out
}

function reply(
  query: Buffer,
  question: Question,
  edns: Edns | undefined,
  records: readonly Data[],
  transport: Transport,
): Buffer {
  const ours = optOf(edns)
  const limit = transport === 'tcp' ? TCP_LIMIT : udpLimit(edns)
  if (edns !== undefined && edns.version > 0) {
    return replyTo(query, { question, ...ours, rcode: RCODE.BADVERS, limit })
  }
  // Part of the addresses stays in an answer that is cut: musl before 1.2.4 never asks by TCP.
  return replyTo(query, { question, ...ours, records, ttl: TTL, limit })
}

function optOf(edns: Edns | null | undefined) {
  return edns ? { payload: EDNS_LIMIT, dnssecOk: edns.dnssecOk } : {}
}

function udpLimit(edns: Edns | undefined): number {
  if (edns === undefined) return PLAIN_LIMIT
  return Math.min(Math.max(edns.payload, PLAIN_LIMIT), EDNS_LIMIT)
}
