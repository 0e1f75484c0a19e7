/**
 * What a rule's expressions make of a packet of which some fields are known: whether it matches, does
 * not, or cannot be told.
 */
import type { Attributes } from '../rtnl/codec.js'
import { parseAttributes, readText } from '../rtnl/codec.js'
import {
  CMP,
  CT,
  CT_STATE,
  LOOKUP_INVERTED,
  META,
  NFPROTO,
  NFTA_BITWISE,
  NFTA_CMP,
  NFTA_CT,
  NFTA_DATA,
  NFTA_LOOKUP,
  NFTA_META,
  NFTA_PAYLOAD,
  NFTA_RANGE,
  PAYLOAD,
} from './constants.js'
import { native32 } from './expressions.js'
import type { ReadExpression } from './rules.js'
import { matchesXt } from './xt-matches.js'

/** The first packet of a connection, to an address that nobody has changed. */
export interface Packet {
  /** names of devices; without the second it is for this host */
  readonly from: string
  readonly to?: string
  /** 4 or 16 bytes */
  readonly source: Uint8Array
  readonly destination: Uint8Array
  /** IPPROTO_… */
  readonly protocol: number
  /** destination port; absent: any */
  readonly port?: number
}

export type Sets = ReadonlyMap<string, readonly Buffer[]>
/** undefined: it cannot be told */
export type Truth = boolean | undefined

const NAME_BYTES = 16
const ADDRESSES = {
  4: { source: 12, destination: 16 },
  16: { source: 8, destination: 24 },
} as const
const PORT_OFFSET = 2
/** They say nothing of the packet. */
const SILENT: readonly string[] = ['counter', 'log', 'notrack', 'last']

type Value = Uint8Array | undefined
/** What an attribute of a rule has in it: each rule is asked for many packets. */
const VALUES = new WeakMap<Buffer, Buffer>()

export class Registers {
  readonly #packet: Packet
  readonly #sets: Sets
  readonly #values = new Map<number, Value>()
  readonly #meta: ReadonlyMap<number | undefined, Uint8Array>
  readonly #addresses: Buffer

  constructor(packet: Packet, sets: Sets) {
    const { from, to = '', source, destination, protocol } = packet
    this.#packet = packet
    this.#sets = sets
    this.#addresses = Buffer.concat([source, destination])
    this.#meta = new Map([
      [META.IIFNAME, deviceBytes(from)],
      [META.OIFNAME, deviceBytes(to)],
      [META.NFPROTO, Uint8Array.of(source.length === 4 ? NFPROTO.IPV4 : NFPROTO.IPV6)],
      [META.L4PROTO, Uint8Array.of(protocol)],
    ])
  }

  /** A rule begins. */
  clear(): void {
    this.#values.clear()
  }

  /** Takes the expression in; false ends the rule. */
  takes({ name, attributes }: ReadExpression): Truth {
    switch (name) {
      case 'meta':
        return this.#load(
          attributes,
          NFTA_META.DREG,
          this.#meta.get(numberOf(attributes, NFTA_META.KEY)),
        )
      case 'ct':
        return this.#load(attributes, NFTA_CT.DREG, tracked(attributes))
      case 'payload':
        return this.#load(attributes, NFTA_PAYLOAD.DREG, this.#payload(attributes))
      case 'bitwise':
        return this.#load(attributes, NFTA_BITWISE.DREG, this.#masked(attributes))
      case 'cmp':
        return this.#compared(attributes)
      case 'range':
        return this.#ranged(attributes)
      case 'lookup':
        return this.#found(attributes)
      case 'match':
        return matchesXt(attributes, this.#packet)
      default:
        if (SILENT.includes(name)) return true
        this.#values.clear()
        return undefined
    }
  }

  #load(attributes: Attributes, register: number, value: Value): Truth {
    const number = numberOf(attributes, register)
    // it changes the packet, which is no match
    if (number !== undefined) this.#values.set(number, value)
    return true
  }

  #value(attributes: Attributes, register: number): Value {
    return this.#values.get(numberOf(attributes, register) ?? -1)
  }

  /** Addresses, or a part of one, and the destination port. */
  #payload(attributes: Attributes): Value {
    const { source, port } = this.#packet
    const at = numberOf(attributes, NFTA_PAYLOAD.OFFSET) ?? 0
    const end = at + (numberOf(attributes, NFTA_PAYLOAD.LEN) ?? 0)
    const base = numberOf(attributes, NFTA_PAYLOAD.BASE)
    if (base === PAYLOAD.TRANSPORT && at === PORT_OFFSET && end === PORT_OFFSET + 2)
      return port === undefined ? undefined : Uint8Array.of(port >> 8, port & 0xff)
    const places = ADDRESSES[source.length === 4 ? 4 : 16]
    if (base !== PAYLOAD.NETWORK || at < places.source) return undefined
    const found = this.#addresses.subarray(at - places.source, end - places.source)
    return found.length === end - at ? found : undefined
  }

  #masked(attributes: Attributes): Value {
    const value = this.#value(attributes, NFTA_BITWISE.SREG)
    const [mask, flip] = [
      dataOf(attributes, NFTA_BITWISE.MASK),
      dataOf(attributes, NFTA_BITWISE.XOR),
    ]
    if (numberOf(attributes, NFTA_BITWISE.OP) || mask === undefined || flip === undefined)
      return undefined
    return value?.map((byte, at) => (byte & (mask[at] ?? 0)) ^ (flip[at] ?? 0))
  }

  #compared(attributes: Attributes): Truth {
    const data = dataOf(attributes, NFTA_CMP.DATA)
    const order = orderOf(this.#value(attributes, NFTA_CMP.SREG), data)
    if (order === undefined) return undefined
    const operation = numberOf(attributes, NFTA_CMP.OP)
    if (operation === CMP.EQ) return order === 0
    return operation === CMP.NEQ ? order !== 0 : undefined
  }

  #ranged(attributes: Attributes): Truth {
    const value = this.#value(attributes, NFTA_RANGE.SREG)
    const low = orderOf(value, dataOf(attributes, NFTA_RANGE.FROM))
    const high = orderOf(value, dataOf(attributes, NFTA_RANGE.TO))
    if (low === undefined || high === undefined) return undefined
    return (low >= 0 && high <= 0) === (numberOf(attributes, NFTA_RANGE.OP) === CMP.EQ)
  }

  #found(attributes: Attributes): Truth {
    const value = this.#value(attributes, NFTA_LOOKUP.SREG)
    const keys = this.#sets.get(readText(attributes.get(NFTA_LOOKUP.SET)))
    const isPlain = !attributes.has(NFTA_LOOKUP.DREG)
    if (value === undefined || keys === undefined || !isPlain) return undefined
    const isInverted = numberOf(attributes, NFTA_LOOKUP.FLAGS) === LOOKUP_INVERTED
    return keys.some((key) => key.equals(value)) !== isInverted
  }
}

function tracked(attributes: Attributes): Value {
  const key = numberOf(attributes, NFTA_CT.KEY)
  if (key === CT.STATE) return native32(CT_STATE.NEW)
  return key === CT.STATUS ? native32(0) : undefined
}

function deviceBytes(name: string): Uint8Array {
  const bytes = Buffer.alloc(NAME_BYTES)
  bytes.write(name)
  return bytes
}

function numberOf(attributes: Attributes, type: number): number | undefined {
  return attributes.get(type)?.readUInt32BE()
}

function dataOf(attributes: Attributes, type: number): Buffer | undefined {
  const data = attributes.get(type)
  if (data === undefined) return undefined
  const known = VALUES.get(data)
  const value = known ?? parseAttributes(data).get(NFTA_DATA.VALUE)
  if (known === undefined && value !== undefined) VALUES.set(data, value)
  return value
}

/** Of as many bytes as the rule names: a device's name may be the beginning of one. */
function orderOf(value: Value, data: Buffer | undefined): number | undefined {
  if (value === undefined || data === undefined || value.length < data.length) return undefined
  return Buffer.compare(value.subarray(0, data.length), data)
}
