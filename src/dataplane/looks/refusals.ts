/** As HostLooks.refusals: the rules of all tables of nf_tables are tried, those of iptables-nft, too. */

import type { Refusal, TriedPacket } from '../../core/host-looks.js'
import { ipToBytes } from '../../core/ip.js'
import { ABSENT, IP_FAMILIES, readChains, seesPackets } from '../nft/chains.js'
import { HOOK, VERDICT } from '../nft/constants.js'
import type { ChainState } from '../nft/messages.js'
import type { Packet } from '../nft/packet.js'
import { Trial } from '../nft/trial.js'
import { readRules } from '../nft/whole-table.js'
import { openNetfilter } from '../rtnl/netlink-rtnl.js'
import type { BatchSocket } from '../rtnl/rtnl.js'

const IPPROTO_UDP = 17
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
    const asked = (await readChains(socket)).filter(
      ({ family, table, hook }) =>
        IP_FAMILIES[family] !== undefined &&
        table !== OURS &&
        Object.values(HOOKS).includes(hook ?? -1),
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
  const asked = packets.filter(({ way, to }) => HOOKS[way] === hook && seesPackets({ family }, to))
  if (asked.length === 0) return []
  const rules = await readRules(socket, { family, table }, ABSENT)
  const drops = policy === VERDICT.DROP
  return asked
    .filter((packet) => new Trial(rules, fieldsOf(packet)).isRefusedBy(name, drops))
    .map((packet) => ({ table: `${IP_FAMILIES[family]} ${table}`, chain: name, packet }))
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
