/** What the kernel tracks of connections, and the addresses that it gives their packets (NAT). */
import { u32be } from '../rtnl/codec.js'
import {
  CMP,
  CT,
  CT_STATE,
  CT_STATUS,
  NF_NAT_RANGE_PROTO_RANDOM_FULLY,
  NFT_NAT_DNAT,
  NFT_REG,
} from './constants.js'
import type { Expressions, Rule } from './expressions.js'
import { compare, expression, mask, native32, register, rule } from './expressions.js'

function tracked(key: number, bits: number): Expressions {
  const load = expression('ct', u32be(1, NFT_REG.FIRST), u32be(2, key))
  return [load, mask(native32(bits)), compare(native32(0), CMP.NEQ)]
}

/** Of a connection that has had an answer, or about one that is known, as ICMP errors are. */
export const isAnswered: Expressions = tracked(CT.STATE, CT_STATE.ESTABLISHED | CT_STATE.RELATED)
/** Of a connection that has had no answer yet. */
export const isNew: Expressions = tracked(CT.STATE, CT_STATE.NEW)
/** Of a connection whose destination somebody has changed: that of a published port. */
export const isForwarded: Expressions = tracked(CT.STATUS, CT_STATUS.DNAT)

/** The source becomes an address of this host, with a port that nobody can guess. */
export function masquerade(...matches: readonly Expressions[]): Rule {
  return rule(matches, [expression('masq', u32be(1, NF_NAT_RANGE_PROTO_RANDOM_FULLY))])
}

/**
 * The destination becomes the address in the first registers and the port behind it.
 * @param family NFPROTO_…
 * @param bytes of an address
 */
export function forwardTo(family: number, bytes: number, ...matches: readonly Expressions[]): Rule {
  const to = [u32be(3, NFT_REG.FIRST), u32be(5, register(bytes))]
  return rule(matches, [expression('nat', u32be(1, NFT_NAT_DNAT), u32be(2, family), ...to)])
}
