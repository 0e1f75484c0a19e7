/** Numbers of the kernel's user interface; each table names its header under include/uapi/linux. */

/** netlink.h */
export const NLM_F = {
  REQUEST: 0x01,
  ACK: 0x04,
  DUMP_INTR: 0x10,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
} as const
export const NLMSG = { ERROR: 2, DONE: 3 } as const

/** rtnetlink.h */
export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  SETLINK: 19,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
  NEWNEIGH: 28,
  DELNEIGH: 29,
  GETNEIGH: 30,
  NEWNETCONF: 80,
  GETNSID: 90,
} as const
export const RTNLGRP = {
  LINK: 1,
  NEIGH: 3,
  IPV4_IFADDR: 5,
  IPV4_ROUTE: 7,
  IPV6_IFADDR: 9,
  IPV6_ROUTE: 11,
  IPV4_NETCONF: 24,
  IPV6_NETCONF: 25,
} as const
export const RTA = {
  DST: 1,
  OIF: 4,
  GATEWAY: 5,
  PRIORITY: 6,
  PREFSRC: 7,
  METRICS: 8,
  MULTIPATH: 9,
  TABLE: 15,
  VIA: 18,
  ENCAP: 22,
} as const
export const RTAX_MTU = 2
export const RT_TABLE_MAIN = 254
export const RTPROT_KERNEL = 2
/**
 * Ours, by which we know our routes again; both are free in iproute2's rt_protos. PATHS have a route to
 * one VTEP with an MTU (facts/path-routes.ts), ROUTES are those of plans.
 */
export const RTPROT_PATHS = 158
export const RTPROT_ROUTES = 116
export const RTN = { UNICAST: 1, LOCAL: 2, BLACKHOLE: 6 } as const
export const RTM_F_CLONED = 0x200
export const RT_SCOPE_UNIVERSE = 0
export const RT_SCOPE_LINK = 253
/** of a deletion: any */
export const RT_SCOPE_NOWHERE = 255
export const RTNH_F_ONLINK = 0x4
/** RTNH_F_DEAD, RTNH_F_LINKDOWN */
export const RTNH_F_UNUSABLE = 0x1 | 0x10

/** netconf.h; the index of all devices is -1 */
export const NETCONFA = { IFINDEX: 1, FORWARDING: 2 } as const
export const NETCONFA_IFINDEX_ALL = 0xffffffff

/** socket.h */
export const AF = { UNSPEC: 0, INET: 2, BRIDGE: 7, INET6: 10 } as const

/** if.h, if_link.h, veth.h */
export const IFF = { UP: 0x1, LOOPBACK: 0x8, LOWER_UP: 0x10000 } as const
export const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  PROTINFO: 12,
  LINKINFO: 18,
  IFALIAS: 20,
  STATS64: 23,
  AF_SPEC: 26,
  GROUP: 27,
  NET_NS_FD: 28,
  EXT_MASK: 29,
  LINK_NETNSID: 37,
} as const
/** where struct rtnl_link_stats64 has them */
export const STATS64 = { RX_BYTES: 16, TX_BYTES: 24 } as const
export const IFLA_INFO = { KIND: 1, DATA: 2, SLAVE_KIND: 4, SLAVE_DATA: 5 } as const
export const IFLA_BRPORT = { STATE: 1, LEARNING: 8, UNICAST_FLOOD: 9, FLUSH: 24 } as const
export const IFLA_VXLAN = {
  ID: 1,
  LOCAL: 4,
  LEARNING: 7,
  PROXY: 11,
  L3MISS: 14,
  PORT: 15,
  LOCAL6: 17,
} as const
export const IFLA_BR_MCAST_SNOOPING = 23
export const VETH_INFO_PEER = 1
export const IFLA_INET6_ADDR_GEN_MODE = 8
export const IN6_ADDR_GEN_MODE_NONE = 1
export const RTEXT_FILTER_SKIP_STATS = 0x8

/** net_namespace.h */
export const NETNSA = { NSID: 1, FD: 3 } as const

/** if_addr.h */
export const IFA = { ADDRESS: 1, LOCAL: 2, FLAGS: 8 } as const
export const IFA_F = { NODAD: 0x02, DEPRECATED: 0x20, TENTATIVE: 0x40, TEMPORARY: 0x01 } as const

/** neighbour.h */
export const NDA = { DST: 1, LLADDR: 2, VLAN: 5, PORT: 6, VNI: 7, IFINDEX: 8 } as const
export const NUD = {
  INCOMPLETE: 0x01,
  REACHABLE: 0x02,
  STALE: 0x04,
  DELAY: 0x08,
  PROBE: 0x10,
  FAILED: 0x20,
  NOARP: 0x40,
  PERMANENT: 0x80,
} as const
export const NTF_SELF = 0x02
export const NTF_MASTER = 0x04
export const NTF_PROXY = 0x08
export const NTF_STICKY = 0x40
