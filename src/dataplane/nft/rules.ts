/** Single rules in a chain of others: read, told apart by what they say, put and deleted. */
import type { Attributes } from '../rtnl/codec.js'
import { attr, nested, parseAttributes, readText, text, u64be } from '../rtnl/codec.js'
import { NLM_F } from '../rtnl/constants.js'
import type { RtnlMessage } from '../rtnl/rtnl.js'
import {
  NFT_MSG,
  NFTA_DATA,
  NFTA_EXPR,
  NFTA_LIST_ELEM,
  NFTA_RULE,
  NFTA_VERDICT,
  NFTNL_UDATA_RULE_COMMENT,
} from './constants.js'
import type { Expressions } from './expressions.js'
import type { TableRef } from './messages.js'
import { listItems, message, NFGENMSG } from './messages.js'

/** A rule as it was read. */
export interface RuleState {
  readonly handle: bigint
  /** its expressions in short, but for counters and comments */
  readonly says: string
  readonly comment: string
}

/** All rules of the chain, in order; without a chain those of the whole table. */
export function dumpRules(of: TableRef, chain?: string): RtnlMessage {
  const where = [
    text(NFTA_RULE.TABLE, of.table),
    ...(chain === undefined ? [] : [text(NFTA_RULE.CHAIN, chain)]),
  ]
  return message(NFT_MSG.GETRULE, NLM_F.DUMP, of.family, ...where)
}

export function deleteRule(of: TableRef, chain: string, handle: bigint): RtnlMessage {
  const where = [text(NFTA_RULE.TABLE, of.table), text(NFTA_RULE.CHAIN, chain)]
  return message(NFT_MSG.DELRULE, 0, of.family, ...where, u64be(NFTA_RULE.HANDLE, handle))
}

/** Before the rule with this handle, else behind all. */
export function putRule(
  of: TableRef,
  chain: string,
  { expressions, comment }: { readonly expressions: Expressions; readonly comment: string },
  before: bigint | undefined,
): RtnlMessage {
  const list = expressions.map((one) => nested(NFTA_LIST_ELEM, one))
  const flags = before === undefined ? NLM_F.CREATE | NLM_F.APPEND : NLM_F.CREATE
  return message(
    NFT_MSG.NEWRULE,
    flags,
    of.family,
    text(NFTA_RULE.TABLE, of.table),
    text(NFTA_RULE.CHAIN, chain),
    nested(NFTA_RULE.EXPRESSIONS, ...list),
    ...(before === undefined ? [] : [u64be(NFTA_RULE.POSITION, before)]),
    attr(NFTA_RULE.USERDATA, encodeComment(comment)),
  )
}

function encodeComment(comment: string): Buffer {
  const words = Buffer.from(`${comment}\0`)
  return Buffer.concat([Uint8Array.of(NFTNL_UDATA_RULE_COMMENT, words.length), words])
}

interface RawExpression {
  readonly name: string
  readonly data: Buffer | undefined
}

function decodeExpressions(list: Buffer | undefined): readonly RawExpression[] {
  return listItems(list).map((one) => {
    const parts = parseAttributes(one)
    return { name: readText(parts.get(NFTA_EXPR.NAME)), data: parts.get(NFTA_EXPR.DATA) }
  })
}

/** One of a rule's expressions as it was read. */
export interface ReadExpression {
  readonly name: string
  readonly attributes: Attributes
}

/** A rule with all of its expressions. */
export interface WholeRule {
  readonly handle: bigint
  readonly expressions: readonly ReadExpression[]
}

/** The chain that a rule is in, and all of its expressions. */
export function decodeWhole(body: Buffer): WholeRule & { readonly chain: string } {
  const rule = parseAttributes(body, NFGENMSG)
  const expressions = decodeExpressions(rule.get(NFTA_RULE.EXPRESSIONS)).map(({ name, data }) => ({
    name,
    attributes: parseAttributes(data ?? Buffer.alloc(0)),
  }))
  const handle = rule.get(NFTA_RULE.HANDLE)?.readBigUInt64BE() ?? 0n
  return { chain: readText(rule.get(NFTA_RULE.CHAIN)), handle, expressions }
}

export function decodeRule(body: Buffer): RuleState {
  const attributes = parseAttributes(body, NFGENMSG)
  const expressions = decodeExpressions(attributes.get(NFTA_RULE.EXPRESSIONS))
  const isComment = ({ name, data }: RawExpression): boolean =>
    name === 'match' && readText(parseAttributes(data ?? Buffer.alloc(0)).get(1)) === 'comment'
  const own = expressions.find(isComment)?.data
  return {
    handle: attributes.get(NFTA_RULE.HANDLE)?.readBigUInt64BE() ?? 0n,
    says: expressions
      .filter((one) => one.name !== 'counter' && !isComment(one))
      .map(({ name, data }) => `${name} ${data === undefined ? '' : brief(name, data)}`.trim())
      .join(', '),
    comment: commentOf(attributes.get(NFTA_RULE.USERDATA), own),
  }
}

/** Of nft's kind, or of iptables' (struct xt_comment_info). */
function commentOf(userdata: Buffer | undefined, match: Buffer | undefined): string {
  if (match !== undefined) return readText(parseAttributes(match).get(3))
  if (userdata === undefined || userdata[0] !== NFTNL_UDATA_RULE_COMMENT) return ''
  return readText(userdata.subarray(2))
}

/** `meta 6`, `cmp 0 7473622d`, `immediate -3 DOCKER-USER`; any other with its bytes. */
function brief(name: string, data: Buffer): string {
  const attributes = parseAttributes(data)
  const number = (type: number): number | undefined => attributes.get(type)?.readInt32BE()
  const value = (type: number) => parseAttributes(attributes.get(type) ?? Buffer.alloc(0))
  if (name === 'meta') return `${number(2)}`
  if (name === 'cmp') return `${number(2)} ${value(3).get(NFTA_DATA.VALUE)?.toString('hex')}`
  const verdict = name === 'immediate' ? value(2).get(NFTA_DATA.VERDICT) : undefined
  if (verdict === undefined) return data.toString('hex')
  const to = parseAttributes(verdict)
  const chain = readText(to.get(NFTA_VERDICT.CHAIN))
  return `${to.get(NFTA_VERDICT.CODE)?.readInt32BE()} ${chain}`.trim()
}
