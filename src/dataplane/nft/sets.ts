/** Sets and maps of nf_tables, and their elements. */
import { attr, nested, parseAttributes, text, u32be, u64be } from '../rtnl/codec.js'
import { NLM_F } from '../rtnl/constants.js'
import type { RtnlMessage } from '../rtnl/rtnl.js'
import {
  NFT_MSG,
  NFT_SET,
  NFTA_DATA,
  NFTA_LIST_ELEM,
  NFTA_SET,
  NFTA_SET_DESC_CONCAT,
  NFTA_SET_ELEM,
  NFTA_SET_ELEM_LIST,
  NFTA_SET_FIELD_LEN,
  NFTNL_UDATA_SET_KEYBYTEORDER,
} from './constants.js'
import type { TableRef } from './messages.js'
import { listItems, message, NFGENMSG } from './messages.js'

/** An attribute has 64 KiB at most. */
const ELEMENT_BYTES_PER_MESSAGE = 48_000

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
