/** struct nfgenmsg (linux/netfilter/nfnetlink.h) and the messages of nf_tables. */
import { attr, nested, parseAttributes, readText, text, u32be } from '../rtnl/codec.js'
import { NLM_F } from '../rtnl/constants.js'
import type { RtnlMessage } from '../rtnl/rtnl.js'
import {
  NFNL_MSG_BATCH,
  NFNL_SUBSYS_NFTABLES,
  NFT_MSG,
  NFTA_CHAIN,
  NFTA_GEN_ID,
  NFTA_HOOK,
  NFTA_LIST_ELEM,
  NFTA_RULE,
  NFTA_TABLE,
  NFTNL_UDATA_TABLE_COMMENT,
} from './constants.js'
import type { Expressions } from './expressions.js'

/** Bytes before the attributes. */
export const NFGENMSG = 4

/** Which table a message is about. */
export interface TableRef {
  /** NFPROTO_… */
  readonly family: number
  readonly table: string
}

export interface BaseHook {
  readonly number: number
  readonly priority: number
  /** NF_ACCEPT or NF_DROP: what happens to packets that no rule decides on */
  readonly policy: number
  /** absent: `filter`. A chain of type `nat` sees the first packet of each connection */
  readonly type?: 'nat'
}

export function message(
  type: number,
  flags: number,
  family: number,
  ...attributes: readonly Buffer[]
): RtnlMessage {
  const header = Buffer.alloc(NFGENMSG)
  header[0] = family
  return {
    type: (NFNL_SUBSYS_NFTABLES << 8) | type,
    flags,
    body: Buffer.concat([header, ...attributes]),
  }
}

/** All of it happens or nothing (nfnetlink.c nfnetlink_rcv_batch). */
export function inBatch(messages: readonly RtnlMessage[]): readonly RtnlMessage[] {
  const header = Buffer.alloc(NFGENMSG)
  header.writeUInt16BE(NFNL_SUBSYS_NFTABLES, 2)
  return [
    { type: NFNL_MSG_BATCH.BEGIN, flags: 0, body: header },
    ...messages,
    { type: NFNL_MSG_BATCH.END, flags: 0, body: header },
  ]
}

/** Makes the table if it is not there. */
export function newTable({ family, table }: TableRef, comment: string): RtnlMessage {
  const words = Buffer.from(`${comment}\0`)
  const tlv = Buffer.concat([Uint8Array.of(NFTNL_UDATA_TABLE_COMMENT, words.length), words])
  const attributes = [text(NFTA_TABLE.NAME, table), attr(NFTA_TABLE.USERDATA, tlv)]
  return message(NFT_MSG.NEWTABLE, NLM_F.CREATE, family, ...attributes)
}

/** With all that is in it. */
export function deleteTable({ family, table }: TableRef): RtnlMessage {
  return message(NFT_MSG.DELTABLE, 0, family, text(NFTA_TABLE.NAME, table))
}

export function newChain(of: TableRef, name: string, hook?: BaseHook): RtnlMessage {
  const attributes = [text(NFTA_CHAIN.TABLE, of.table), text(NFTA_CHAIN.NAME, name)]
  if (hook !== undefined) {
    const place = [u32be(NFTA_HOOK.HOOKNUM, hook.number), u32be(NFTA_HOOK.PRIORITY, hook.priority)]
    attributes.push(
      nested(NFTA_CHAIN.HOOK, ...place),
      u32be(NFTA_CHAIN.POLICY, hook.policy),
      text(NFTA_CHAIN.TYPE, hook.type ?? 'filter'),
    )
  }
  return message(NFT_MSG.NEWCHAIN, NLM_F.CREATE, of.family, ...attributes)
}

/** Behind the rules that the chain has. */
export function newRule(of: TableRef, chain: string, expressions: Expressions): RtnlMessage {
  const list = expressions.map((one) => nested(NFTA_LIST_ELEM, one))
  return message(
    NFT_MSG.NEWRULE,
    NLM_F.CREATE | NLM_F.APPEND,
    of.family,
    text(NFTA_RULE.TABLE, of.table),
    text(NFTA_RULE.CHAIN, chain),
    nested(NFTA_RULE.EXPRESSIONS, ...list),
  )
}

export function getTable({ family, table }: TableRef): RtnlMessage {
  return message(NFT_MSG.GETTABLE, 0, family, text(NFTA_TABLE.NAME, table))
}

/** The comment that the table was made with; empty when it has none. */
export function decodeComment(body: Buffer): string {
  const data = parseAttributes(body, NFGENMSG).get(NFTA_TABLE.USERDATA)
  if (data === undefined || data[0] !== NFTNL_UDATA_TABLE_COMMENT) return ''
  return readText(data.subarray(2))
}

/** All chains of the family; 0: of all families. */
export function dumpChains({ family }: Pick<TableRef, 'family'>): RtnlMessage {
  return message(NFT_MSG.GETCHAIN, NLM_F.DUMP, family)
}

export interface ChainState {
  /** NFPROTO_… */
  readonly family: number
  readonly table: string
  readonly name: string
  /** its rules, and those that lead to it */
  readonly uses: number
  readonly policy?: number
  /** number of the hook that it is at */
  readonly hook?: number
  /** of several at one hook the lowest is asked first */
  readonly priority?: number
  /** `filter`, `nat`, `route`; empty where it is at no hook */
  readonly type: string
}

export function decodeChain(body: Buffer): ChainState {
  const attributes = parseAttributes(body, NFGENMSG)
  const policy = attributes.get(NFTA_CHAIN.POLICY)?.readUInt32BE()
  const place = attributes.get(NFTA_CHAIN.HOOK)
  const at = place && parseAttributes(place)
  const hook = at?.get(NFTA_HOOK.HOOKNUM)?.readUInt32BE()
  const priority = at?.get(NFTA_HOOK.PRIORITY)?.readInt32BE()
  return {
    family: body[0] ?? 0,
    table: readText(attributes.get(NFTA_CHAIN.TABLE)),
    name: readText(attributes.get(NFTA_CHAIN.NAME)),
    uses: attributes.get(NFTA_CHAIN.USE)?.readUInt32BE() ?? 0,
    ...(policy === undefined ? {} : { policy }),
    ...(hook === undefined ? {} : { hook }),
    ...(priority === undefined ? {} : { priority }),
    type: readText(attributes.get(NFTA_CHAIN.TYPE)),
  }
}

/** What is in the attributes of a list, one like the other. */
export function listItems(list: Buffer | undefined): readonly Buffer[] {
  const items: Buffer[] = []
  let at = 0
  while (list !== undefined && at + 4 <= list.length) {
    const length = list.readUInt16LE(at)
    if (length < 4) break
    items.push(list.subarray(at + 4, at + length))
    at += (length + 3) & ~3
  }
  return items
}

/** Which generation the rules of this namespace have: each change of any of them makes another. */
export function getGeneration(): RtnlMessage {
  return message(NFT_MSG.GETGEN, 0, 0)
}

/** Of a notice that rules have changed: the generation they have now; undefined for any other. */
export function decodeNewGeneration(type: number, body: Buffer): number | undefined {
  return type === NEW_GENERATION ? decodeGeneration(body) : undefined
}

const NEW_GENERATION = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG.NEWGEN

export function decodeGeneration(body: Buffer): number {
  return parseAttributes(body, NFGENMSG).get(NFTA_GEN_ID)?.readUInt32BE() ?? 0
}
