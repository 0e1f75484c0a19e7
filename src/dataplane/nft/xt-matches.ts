/**
 * Matches of iptables inside rules of nf_tables (nft_compat.c: name, revision, and the match's own
 * struct), as far as they are read here: comments, states of connections, ports of TCP and UDP.
 */
import type { Attributes } from '../rtnl/codec.js'
import { readText } from '../rtnl/codec.js'
import { CT_STATE, XT_CONNTRACK } from './constants.js'
import type { Packet, Truth } from './registers.js'

/** NFTA_MATCH_… */
const NAME = 1
const REVISION = 2
const INFO = 3
const ANY_PORT = 0xffff
/** of struct xt_conntrack_mtinfo3: which of its fields are inverted */
const INVERTED_AT = 148
/** Where the inversions stand in struct xt_udp and struct xt_tcp, behind four ports. */
const INVERSIONS = { udp: 8, tcp: 11 } as const
/** flags of TCP that are looked at: struct xt_tcp */
const TCP_FLAGS_AT = 9

/** Whether the packet, the first one of a connection, matches; undefined: it cannot be told. */
export function matchesXt(attributes: Attributes, packet: Pick<Packet, 'port'>): Truth {
  const info = attributes.get(INFO)
  switch (readText(attributes.get(NAME))) {
    case 'comment':
      return true
    case 'conntrack':
      return info && hasState(info, attributes.get(REVISION)?.readUInt32BE())
    case 'udp':
      return info && hasPort(info, INVERSIONS.udp, packet.port)
    case 'tcp':
      return info && info[TCP_FLAGS_AT] === 0
        ? hasPort(info, INVERSIONS.tcp, packet.port)
        : undefined
    default:
      return undefined
  }
}

function hasState(info: Buffer, revision: number | undefined): Truth {
  if (revision !== XT_CONNTRACK.REVISION || info.length < XT_CONNTRACK.BYTES) return undefined
  if (info.readUInt16LE(XT_CONNTRACK.FLAGS_AT) !== XT_CONNTRACK.STATE) return undefined
  const isInverted = (info.readUInt16LE(INVERTED_AT) & XT_CONNTRACK.STATE) !== 0
  return ((info.readUInt16LE(XT_CONNTRACK.STATES_AT) & CT_STATE.NEW) !== 0) !== isInverted
}

/** Source ports are any; destination ports are a range. */
function hasPort(info: Buffer, inversionsAt: number, port: number | undefined): Truth {
  if (port === undefined || info.length <= inversionsAt || info[inversionsAt] !== 0)
    return undefined
  if (info.readUInt16LE(0) !== 0 || info.readUInt16LE(2) !== ANY_PORT) return undefined
  return port >= info.readUInt16LE(4) && port <= info.readUInt16LE(6)
}
