/** As HostLooks.refusals: the rules of all tables of nf_tables are tried, those of iptables-nft, too. */

import type { Refusal, TriedPacket } from '../../core/host-looks.js'
import { familyOf, ipToBytes } from '../../core/ip.js'
import { HOOK, NFPROTO, VERDICT } from '../nft/constants.js'
import { type ChainState, decodeChain, dumpChains } from '../nft/messages.js'
import type { Packet } from '../nft/registers.js'
import { Trial } from '../nft/trial.js'
import { readRules } from '../nft/whole-table.js'
import { openNetfilter } from '../rtnl/netlink-rtnl.js'
import type { BatchSocket } from '../rtnl/rtnl.js'

const ABSENT = ['EOPNOTSUPP', 'EAFNOSUPPORT', 'EPROTONOSUPPORT', 'ENOENT']
const IPPROTO_UDP = 17
const FAMILIES: ReadonlyMap<number, { readonly name: string; readonly takes: readonly number[] }> =
  new Map([
    [NFPROTO.INET, { name: 'inet', takes: [4, 6] }],
    [NFPROTO.IPV4, { name: 'ip', takes: [4] }],
    [NFPROTO.IPV6, { name: 'ip6', takes: [6] }],
  ])
const HOOKS: Readonly<Record<TriedPacket['way'], number>> = {
  in: HOOK.INET_INPUT,
  out: HOOK.INET_OUTPUT,
}
/** What else stands in the way of packets is told of by itself. */
const OURS = 'tsoverlay'

export async function findRefusals(packets: readonly TriedPacket[]): Promise<readonly Refusal[]> {
  const socket = openNetfilter()
  if (socket === undefined) return []
  try {
    const chains = (await socket.dump(dumpChains({ family: 0 }), ABSENT)).map(decodeChain)
    const asked = chains.filter(
      ({ family, table, hook }) =>
        FAMILIES.has(family) && table !== OURS && Object.values(HOOKS).includes(hook ?? -1),
    )
    const found: Refusal[] = []
    for (const chain of asked) found.push(...(await refusedBy(socket, chain, packets)))
    return found
  } finally {
    await socket.close()
  }
}

async function refusedBy(
  socket: BatchSocket,
  { family, table, name, hook, policy }: ChainState,
  packets: readonly TriedPacket[],
): Promise<readonly Refusal[]> {
  const kind = FAMILIES.get(family)
  const asked = packets.filter(
    ({ way, to }) => HOOKS[way] === hook && kind?.takes.includes(familyOf(to)) === true,
  )
  if (asked.length === 0) return []
  const rules = await readRules(socket, { family, table }, ABSENT)
  const drops = policy === VERDICT.DROP
  return asked
    .filter((packet) => new Trial(rules, fieldsOf(packet)).isRefusedBy(name, drops))
    .map((packet) => ({ table: `${kind?.name} ${table}`, chain: name, packet }))
}

function fieldsOf({ way, dev, from, to, port }: TriedPacket): Packet {
  return {
    from: way === 'in' ? dev : '',
    ...(way === 'in' ? {} : { to: dev }),
    source: ipToBytes(from),
    destination: ipToBytes(to),
    protocol: IPPROTO_UDP,
    port,
  }
}
