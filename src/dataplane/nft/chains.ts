/** The chains of all tables in a namespace, whoever made them. */
import { type Family, familyOf, type Ip } from '../../core/ip.js'
import type { BatchSocket } from '../rtnl/rtnl.js'
import { NFPROTO } from './constants.js'
import { type ChainState, decodeChain, dumpChains, type TableRef } from './messages.js'

/** A kernel without nf_tables or without a family of it, or a table that has just gone. */
export const ABSENT = ['EOPNOTSUPP', 'EAFNOSUPPORT', 'EPROTONOSUPPORT', 'ENOENT']

/** Families whose chains see IP packets of the host's own hooks, as nft calls them. */
export const IP_FAMILIES: Readonly<Record<number, string>> = {
  [NFPROTO.INET]: 'inet',
  [NFPROTO.IPV4]: 'ip',
  [NFPROTO.IPV6]: 'ip6',
}
const PROTOCOL: Readonly<Record<Family, number>> = { 4: NFPROTO.IPV4, 6: NFPROTO.IPV6 }

/** Of all families; none where the kernel has no nf_tables. @throws TsoverlayError KERNEL_FAILED */
export async function readChains(socket: BatchSocket): Promise<readonly ChainState[]> {
  return (await socket.dump(dumpChains({ family: 0 }), ABSENT)).map(decodeChain)
}

/** Whether a table's chains are asked about packets to an address. */
export function seesPackets({ family }: Pick<TableRef, 'family'>, to: Ip): boolean {
  return family === NFPROTO.INET || family === PROTOCOL[familyOf(to)]
}
