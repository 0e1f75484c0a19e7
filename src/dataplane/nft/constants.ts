/** Numbers of nf_tables (include/uapi/linux/netfilter/nf_tables.h, nfnetlink.h, netfilter.h). */

/** netfilter.h; a table's family decides which packets its hooks see */
export const NFPROTO = { INET: 1, IPV4: 2, BRIDGE: 7, IPV6: 10 } as const
/** netfilter.h nf_inet_hooks, netfilter_bridge.h */
export const HOOK = {
  INET_PREROUTING: 0,
  INET_INPUT: 1,
  INET_FORWARD: 2,
  INET_OUTPUT: 3,
  INET_POSTROUTING: 4,
  BRIDGE_PREROUTING: 0,
} as const
export const VERDICT = { DROP: 0, ACCEPT: 1, JUMP: -3, GOTO: -4, RETURN: -5 } as const

export const NFNL_MSG_BATCH = { BEGIN: 16, END: 17 } as const
export const NFNL_SUBSYS_NFTABLES = 10
export const NFT_MSG = {
  NEWTABLE: 0,
  DELTABLE: 2,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  NEWRULE: 6,
  GETRULE: 7,
  DELRULE: 8,
  NEWSET: 9,
  NEWSETELEM: 12,
  GETSETELEM: 13,
  DELSETELEM: 14,
  GETTABLE: 1,
  NEWGEN: 15,
  GETGEN: 16,
} as const

export const NFTA_TABLE = { NAME: 1, USERDATA: 6 } as const
export const NFTA_CHAIN = { TABLE: 1, NAME: 3, HOOK: 4, POLICY: 5, USE: 6, TYPE: 7 } as const
export const NFTA_HOOK = { HOOKNUM: 1, PRIORITY: 2 } as const
export const NFTA_RULE = {
  TABLE: 1,
  CHAIN: 2,
  HANDLE: 3,
  EXPRESSIONS: 4,
  POSITION: 6,
  USERDATA: 7,
} as const
export const NFTA_LIST_ELEM = 1
export const NFTA_SET = {
  TABLE: 1,
  NAME: 2,
  FLAGS: 3,
  KEY_TYPE: 4,
  KEY_LEN: 5,
  DATA_TYPE: 6,
  DATA_LEN: 7,
  DESC: 9,
  ID: 10,
  TIMEOUT: 11,
  USERDATA: 13,
} as const
/** of the lengths of a key's fields */
export const NFTA_SET_DESC_CONCAT = 2
export const NFTA_SET_FIELD_LEN = 1
/** TIMEOUT, EVAL: elements that run out, and that rules may add; CONCAT: of keys with several fields */
export const NFT_SET = { INTERVAL: 0x4, MAP: 0x8, TIMEOUT: 0x10, EVAL: 0x20, CONCAT: 0x80 } as const
export const NFTA_DYNSET = { SET_NAME: 1, OP: 3, SREG_KEY: 4 } as const
export const NFT_DYNSET_OP_UPDATE = 1
export const NFTA_PAYLOAD = {
  DREG: 1,
  BASE: 2,
  OFFSET: 3,
  LEN: 4,
  SREG: 5,
  CSUM_TYPE: 6,
  CSUM_OFFSET: 7,
  CSUM_FLAGS: 8,
} as const
export const NFT_PAYLOAD_CSUM_INET = 1
/** the address is part of what the transport header's checksum is of */
export const NFT_PAYLOAD_L4CSUM_PSEUDOHDR = 1
export const NFTA_SET_ELEM_LIST = { TABLE: 1, SET: 2, ELEMENTS: 3 } as const
export const NFTA_SET_ELEM = { KEY: 1, DATA: 2, KEY_END: 10 } as const
export const NFTA_GEN_ID = 1
/** libnftnl udata.h: the comment of a table or rule, as nft shows it */
export const NFTNL_UDATA_TABLE_COMMENT = 0
export const NFTNL_UDATA_RULE_COMMENT = 0
export const NFTNL_UDATA_SET_KEYBYTEORDER = 0

export const NFTA_EXPR = { NAME: 1, DATA: 2 } as const
export const NFTA_DATA = { VALUE: 1, VERDICT: 2 } as const
/** Attributes of expressions, where rules of others are read. */
export const NFTA_META = { DREG: 1, KEY: 2 } as const
export const NFTA_CT = { DREG: 1, KEY: 2 } as const
export const NFTA_CMP = { SREG: 1, OP: 2, DATA: 3 } as const
export const NFTA_RANGE = { SREG: 1, OP: 2, FROM: 3, TO: 4 } as const
export const NFTA_BITWISE = { SREG: 1, DREG: 2, MASK: 4, XOR: 5, OP: 6 } as const
export const NFTA_LOOKUP = { SET: 1, SREG: 2, DREG: 3, FLAGS: 5 } as const
export const NFTA_IMMEDIATE = { DREG: 1, DATA: 2 } as const
export const NFTA_VERDICT = { CODE: 1, CHAIN: 2 } as const
/** registers of 4 bytes each; a value takes as many as it needs */
export const NFT_REG = { VERDICT: 0, FIRST: 8 } as const
export const META = {
  MARK: 3,
  IIFNAME: 6,
  OIFNAME: 7,
  NFPROTO: 15,
  L4PROTO: 16,
  IIFKIND: 26,
  OIFKIND: 27,
} as const
export const PAYLOAD = { LINK: 0, NETWORK: 1, TRANSPORT: 2 } as const
export const CMP = { EQ: 0, NEQ: 1 } as const
export const LOOKUP_INVERTED = 1
/** `fib saddr . iif oif` as a flag, `fib saddr oifname`, `fib daddr type` */
export const FIB = {
  OIF: 1,
  OIFNAME: 2,
  ADDRTYPE: 3,
  SADDR: 1,
  DADDR: 2,
  IIF: 8,
  PRESENT: 32,
} as const
/** linux/rtnetlink.h */
export const RTN_LOCAL = 2
/** nf_conntrack_common.h: states as a mask, and what has been done to a connection */
export const CT = { STATE: 0, STATUS: 2 } as const
export const CT_STATE = { ESTABLISHED: 2, RELATED: 4, NEW: 8 } as const
export const CT_STATUS = { DNAT: 0x20 } as const
/** xt_conntrack.h: struct xt_conntrack_mtinfo3 as nft_compat takes it, with the offsets of what we set */
export const XT_CONNTRACK = {
  REVISION: 3,
  BYTES: 168,
  FLAGS_AT: 146,
  STATES_AT: 150,
  STATE: 1,
} as const
export const NFT_NAT_DNAT = 1
export const NF_NAT_RANGE_PROTO_RANDOM_FULLY = 0x10
export const EXTHDR = { PRESENT: 1, IPV6: 0 } as const

/** linux/netfilter/nfnetlink_log.h */
export const NFNL_SUBSYS_ULOG = 4
export const NFULNL_MSG = { PACKET: 0, CONFIG: 1 } as const
export const NFULA = { INDEV: 4, PHYSINDEV: 6, HWADDR: 8, PAYLOAD: 9 } as const
export const NFULA_CFG = { CMD: 1, QTHRESH: 5 } as const
export const NFULNL_CFG_CMD_BIND = 1
export const NFTA_LOG = { GROUP: 1, SNAPLEN: 3, QTHRESHOLD: 4 } as const
