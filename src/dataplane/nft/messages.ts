/** struct nfgenmsg (linux/netfilter/nfnetlink.h) and the messages of nf_tables. */
import { attr, nested, parseAttributes, readText, text, u32be, u64be } from '../rtnl/codec.js'
import { NLM_F } from '../rtnl/constants.js'
import type { RtnlMessage } from '../rtnl/rtnl.js'
import {
  NFNL_MSG_BATCH,
  NFNL_SUBSYS_NFTABLES,
  NFT_MSG,
  NFT_SET,
  NFTA_CHAIN,
  NFTA_DATA,
  NFTA_GEN_ID,
  NFTA_HOOK,
  NFTA_LIST_ELEM,
  NFTA_RULE,
  NFTA_SET,
  NFTA_SET_DESC_CONCAT,
  NFTA_SET_ELEM,
  NFTA_SET_ELEM_LIST,
  NFTA_SET_FIELD_LEN,
  NFTA_TABLE,
  NFTNL_UDATA_SET_KEYBYTEORDER,
  NFTNL_UDATA_TABLE_COMMENT,
} from './constants.js'
import type { Expressions } from './expressions.js'

/** Bytes before the attributes. */
export const NFGENMSG = 4
/** An attribute has 64 KiB at most. */
const ELEMENT_BYTES_PER_MESSAGE = 48_000

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

/** An element of a set. */
export interface Element {
  readonly key: Buffer
  /** of an interval set: the last key, with this one all that lie between in each field */
  readonly end?: Buffer
  /** of a map: what the key leads to */
  readonly data?: Buffer
}

/** How the keys of a set look. */
export interface KeySpec {
  /** number of the key's type in nft's own list, which shows it by that (datatype.h) */
  readonly type: number
  /** of a key, bytes */
  readonly length: number
  /** its elements are made by rules and run out after so many milliseconds */
  readonly timeoutMs?: number
  /** elements are ranges (kernel 5.6 on): bytes of each of the key's fields */
  readonly fields?: readonly number[]
  /** a map: type and bytes of what its keys lead to */
  readonly data?: { readonly type: number; readonly length: number }
  /** for nft, which shows a single name of a device by it */
  readonly isText?: true
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

/** The kernel does not look at the numbers of types. */
export function newSet(of: TableRef, name: string, key: KeySpec, id: number): RtnlMessage {
  const { timeoutMs, fields, data } = key
  return message(
    NFT_MSG.NEWSET,
    NLM_F.CREATE,
    of.family,
    text(NFTA_SET.TABLE, of.table),
    text(NFTA_SET.NAME, name),
    u32be(NFTA_SET.FLAGS, flagsOf(key)),
    u32be(NFTA_SET.KEY_TYPE, key.type),
    u32be(NFTA_SET.KEY_LEN, key.length),
    u32be(NFTA_SET.ID, id),
    ...(timeoutMs === undefined ? [] : [u64be(NFTA_SET.TIMEOUT, timeoutMs)]),
    ...(data === undefined
      ? []
      : [u32be(NFTA_SET.DATA_TYPE, data.type), u32be(NFTA_SET.DATA_LEN, data.length)]),
    ...(fields === undefined ? [] : [nested(NFTA_SET.DESC, concatenation(fields))]),
    ...(key.isText ? [attr(NFTA_SET.USERDATA, HOST_ORDER)] : []),
  )
}

/** The key's byte order is the machine's (libnftnl udata.h, nft's datatype.h). */
const HOST_ORDER = Uint8Array.of(NFTNL_UDATA_SET_KEYBYTEORDER, 4, 1, 0, 0, 0)

function flagsOf({ timeoutMs, fields, data }: KeySpec): number {
  return (
    (timeoutMs === undefined ? 0 : NFT_SET.TIMEOUT | NFT_SET.EVAL) |
    (fields === undefined ? 0 : NFT_SET.INTERVAL | NFT_SET.CONCAT) |
    (data === undefined ? 0 : NFT_SET.MAP)
  )
}

function concatenation(fields: readonly number[]): Buffer {
  const lengths = fields.map((length) => nested(NFTA_LIST_ELEM, u32be(NFTA_SET_FIELD_LEN, length)))
  return nested(NFTA_SET_DESC_CONCAT, ...lengths)
}

/** Adding what is there is success, deleting what is not there (ENOENT) is none. */
export function changeElements(
  of: TableRef,
  set: string,
  change: 'add' | 'delete',
  elements: readonly Element[],
): readonly RtnlMessage[] {
  const type = change === 'add' ? NFT_MSG.NEWSETELEM : NFT_MSG.DELSETELEM
  const flags = change === 'add' ? NLM_F.CREATE : 0
  const head = [text(NFTA_SET_ELEM_LIST.TABLE, of.table), text(NFTA_SET_ELEM_LIST.SET, set)]
  return packed(elements.map((one) => encodeElement(one, change))).map((list) =>
    message(type, flags, of.family, ...head, nested(NFTA_SET_ELEM_LIST.ELEMENTS, ...list)),
  )
}

function encodeElement({ key, end, data }: Element, change: 'add' | 'delete'): Buffer {
  const value = (type: number, bytes: Buffer) => nested(type, attr(NFTA_DATA.VALUE, bytes))
  return nested(
    NFTA_LIST_ELEM,
    value(NFTA_SET_ELEM.KEY, key),
    ...(end === undefined ? [] : [value(NFTA_SET_ELEM.KEY_END, end)]),
    ...(data === undefined || change === 'delete' ? [] : [value(NFTA_SET_ELEM.DATA, data)]),
  )
}

/** In lists that fit into an attribute. */
function packed(elements: readonly Buffer[]): readonly (readonly Buffer[])[] {
  const lists: Buffer[][] = []
  let room = 0
  for (const element of elements) {
    if (room < element.length) {
      lists.push([])
      room = ELEMENT_BYTES_PER_MESSAGE
    }
    lists.at(-1)?.push(element)
    room -= element.length
  }
  return lists
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
}

export function decodeChain(body: Buffer): ChainState {
  const attributes = parseAttributes(body, NFGENMSG)
  const policy = attributes.get(NFTA_CHAIN.POLICY)?.readUInt32BE()
  const place = attributes.get(NFTA_CHAIN.HOOK)
  const hook = place && parseAttributes(place).get(NFTA_HOOK.HOOKNUM)?.readUInt32BE()
  return {
    family: body[0] ?? 0,
    table: readText(attributes.get(NFTA_CHAIN.TABLE)),
    name: readText(attributes.get(NFTA_CHAIN.NAME)),
    uses: attributes.get(NFTA_CHAIN.USE)?.readUInt32BE() ?? 0,
    ...(policy === undefined ? {} : { policy }),
    ...(hook === undefined ? {} : { hook }),
  }
}

export function dumpElements(of: TableRef, set: string): RtnlMessage {
  const head = [text(NFTA_SET_ELEM_LIST.TABLE, of.table), text(NFTA_SET_ELEM_LIST.SET, set)]
  return message(NFT_MSG.GETSETELEM, NLM_F.DUMP, of.family, ...head)
}

/** The elements of one part of the dump. */
export function decodeElements(body: Buffer): readonly Element[] {
  const list = parseAttributes(body, NFGENMSG).get(NFTA_SET_ELEM_LIST.ELEMENTS)
  return listItems(list).flatMap((item) => {
    const attributes = parseAttributes(item)
    const bytesOf = (type: number): Buffer | undefined => {
      const nest = attributes.get(type)
      return nest && parseAttributes(nest).get(NFTA_DATA.VALUE)
    }
    const key = bytesOf(NFTA_SET_ELEM.KEY)
    const end = bytesOf(NFTA_SET_ELEM.KEY_END)
    const data = bytesOf(NFTA_SET_ELEM.DATA)
    if (key === undefined) return []
    return [{ key, ...(end && { end }), ...(data && { data }) }]
  })
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
