/** Elements of sets as nft would say them, by the types of their keys (nft's datatype.h). */
import { type Cidr, familyOf, type Ip, ipFromBytes, ipFromNumber, rangeOf } from '../../core/ip.js'
import { macFromBytes } from '../../core/mac.js'
import type { Element, KeySpec } from './sets.js'

interface Kind {
  /** in a key of several fields, filled up to whole registers */
  readonly bytes: number
  readonly text: (value: Buffer) => string
}

const number = (value: Buffer): string =>
  `${value.length === 0 ? 0 : value.readUIntBE(0, value.length)}`
const named =
  (names: Readonly<Record<number, string>>) =>
  (value: Buffer): string =>
    names[value[0] ?? 0] ?? `${value[0]}`

/** By type. */
const KINDS: Readonly<Record<number, Kind>> = {
  2: { bytes: 4, text: named({ 2: 'ip', 10: 'ip6' }) },
  4: { bytes: 4, text: number },
  7: { bytes: 4, text: (value) => ipFromBytes(value.subarray(0, 4)) },
  8: { bytes: 16, text: (value) => ipFromBytes(value.subarray(0, 16)) },
  9: { bytes: 8, text: (value) => macFromBytes(value.subarray(0, 6)) },
  12: { bytes: 4, text: named({ 6: 'tcp', 17: 'udp', 132: 'sctp' }) },
  13: { bytes: 4, text: (value) => number(value.subarray(0, 2)) },
  41: { bytes: 16, text: (value) => value.toString('utf8', 0, lengthOf(value)) },
}
const FIELD_BITS = 6

function lengthOf(text: Buffer): number {
  const end = text.indexOf(0)
  return end < 0 ? text.length : end
}

/** `tsp-1a2b . 10.32.1.2`, `ip . 10.32.0.0/16`, `tcp . 80 : 10.32.1.2 . 8080` */
export function elementText({ key, end, data }: Element, spec: KeySpec): string {
  const first = fieldsOf(key, spec.type)
  const last = end === undefined ? first : fieldsOf(end, spec.type)
  const text = first.map((field, at) => between(field, last[at] ?? field)).join(' . ')
  if (data === undefined || spec.data === undefined) return text
  return `${text} : ${fieldsOf(data, spec.data.type).join(' . ')}`
}

/** The type of a key is that of its fields, six bits each. */
function fieldsOf(key: Buffer, type: number): readonly string[] {
  const kinds: (Kind | undefined)[] = []
  for (let rest = type; rest > 0; rest >>= FIELD_BITS) {
    kinds.unshift(KINDS[rest & ((1 << FIELD_BITS) - 1)])
  }
  if (kinds.length === 1) return [kinds[0]?.text(key) ?? key.toString('hex')]
  let at = 0
  return kinds.map((kind) => {
    const value = key.subarray(at, at + (kind?.bytes ?? key.length))
    at += value.length
    return kind?.text(value) ?? value.toString('hex')
  })
}

function between(first: string, last: string): string {
  if (first === last) return first
  return prefixOf(first, last) ?? `${first}-${last}`
}

/** The range as a prefix, if it is one. */
function prefixOf(first: string, last: string): string | undefined {
  if (!/[.:]/.test(first)) return undefined
  const bits = familyOf(first as Ip) === 4 ? 32 : 128
  for (let length = bits; length >= 0; length -= 1) {
    const cidr = `${first}/${length}` as Cidr
    const range = rangeOf(cidr)
    const end = ipFromNumber(range.last, familyOf(cidr))
    if (end === last && ipFromNumber(range.first, familyOf(cidr)) === first) return cidr
  }
  return undefined
}
