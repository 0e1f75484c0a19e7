/** Packets without manners for the resolver: questions of which bytes were changed, cut, looped. */
import packet from 'dns-packet'
import fc from 'fast-check'
import type { Ip } from '../../src/core/ip.js'
import { answer, type Transport } from '../../src/dns/answer.js'
import { HEADER } from '../../src/dns/wire.js'

const ADDRESSES = Array.from({ length: 60 }, (_, n) => `10.20.0.${n}`) as unknown as Ip[]
/** Names of sixty addresses, and one for every address. */
export const FUZZ_VIEW = {
  addressesOf: (name: string) => (/^(web|db|a*)$/.test(name) ? ADDRESSES : undefined),
  namesOf: () => ['web.net'],
}
const name = fc.oneof(
  fc.constantFrom('web', 'WEB', 'db', 'a'.repeat(63), '1.0.20.10.in-addr.arpa', '.', 'é', 'a..b'),
  fc.domain(),
)
const type = fc.constantFrom('A', 'AAAA', 'PTR', 'ANY', 'AXFR', 'TXT', 'OPT', 'SRV')
const opt = fc.record({ udpPayloadSize: fc.nat(65_535), ednsVersion: fc.nat(2), times: fc.nat(3) })
const bytes = fc.array(fc.tuple(fc.nat(80), fc.oneof(fc.nat(255), fc.constantFrom(0xc0, 12, 0))), {
  maxLength: 4,
})
const bent = fc
  .record({ name, type, opt, bytes, cut: fc.nat(300) })
  .map(({ name, type, opt, bytes, cut }) => {
    const record = { type: 'OPT', name: '.', extendedRcode: 0, flags: 0, options: [], ...opt }
    const message = packet.encode({
      type: 'query',
      id: 4711,
      questions: [{ name, type: type as 'A' }],
      additionals: Array.from({ length: opt.times }, () => record as unknown as packet.Answer),
    })
    for (const [at, byte] of bytes) if (at < message.length) message[at] = byte
    return cut < 60 ? message.subarray(0, cut) : message
  })
const random = fc.uint8Array({ maxLength: 600 }).map((array) => Buffer.from(array))
const packets = fc.oneof({ weight: 4, arbitrary: bent }, { weight: 1, arbitrary: random })

/** @returns how many verdicts of each kind, and what no resolver may do */
export function fuzzDns(seed: number, count: number) {
  const counts: Record<string, number> = { answer: 0, pass: 0, silence: 0 }
  const violations: string[] = []
  for (const query of drawPackets(seed, count)) {
    const before = query.toString('hex')
    for (const transport of ['udp', 'tcp'] as const) {
      const wrong = wrongWith(query, transport, counts)
      if (wrong !== undefined) violations.push(`names: ${wrong}: ${before}`)
    }
    if (query.toString('hex') !== before) violations.push(`names: the query was changed: ${before}`)
  }
  return { counts, violations }
}

/** @returns the same packets for the same seed */
export function drawPackets(seed: number, count: number): readonly Buffer[] {
  return fc.sample(packets, { seed, numRuns: count })
}

function wrongWith(
  query: Buffer,
  transport: Transport,
  counts: Record<string, number>,
): string | undefined {
  try {
    const verdict = answer(query, FUZZ_VIEW, transport)
    counts[verdict.kind] = (counts[verdict.kind] ?? 0) + 1
    if (verdict.kind !== 'answer') return undefined
    const { message } = verdict
    const decoded = packet.decode(message)
    if (packet.decode.bytes !== message.length) return 'bytes after the answer'
    if (decoded.type !== 'response' || decoded.id !== query.readUInt16BE(0)) return 'no response'
    if (message.length > (transport === 'udp' ? 4096 : 65_535) || query.length < HEADER)
      return 'too long'
    return undefined
  } catch (error) {
    return String(error)
  }
}
