/** What rules of others in the host's namespace do with packets; see PathFacts.tried. */
import type { Ip } from '../../core/ip.js'
import type { RulesFact, TriedPacket } from '../../core/path-facts.js'
import { ABSENT, IP_FAMILIES, readChains, seesPackets } from '../nft/chains.js'
import { HOOK, VERDICT } from '../nft/constants.js'
import type { ChainState, TableRef } from '../nft/messages.js'
import type { Packet } from '../nft/packet.js'
import { type Judgement, type Rules, Trial } from '../nft/trial.js'
import { readRules } from '../nft/whole-table.js'
import { addressBytes } from '../rtnl/codec.js'
import type { BatchSocket } from '../rtnl/rtnl.js'
import { readLegacyTables } from '../tables/docker-user.js'

const HOOKS = {
  input: [HOOK.INET_PREROUTING, HOOK.INET_INPUT],
  forward: [HOOK.INET_PREROUTING, HOOK.INET_FORWARD, HOOK.INET_POSTROUTING],
  output: [HOOK.INET_OUTPUT, HOOK.INET_POSTROUTING],
} as const
const PROTOCOLS = { tcp: 6, udp: 17 } as const
const ICMP = { 4: 1, 16: 58 } as const
/** Our own tables are known by their plans, and say by other means what they let through. */
const OURS = /^tsoverlay/

/** @throws TsoverlayError KERNEL_FAILED */
export async function tryPackets(
  socket: BatchSocket | undefined,
  packets: readonly TriedPacket[],
): Promise<readonly RulesFact[]> {
  if (socket === undefined) return packets.map(() => UNREAD)
  const bases = await baseChains(socket)
  const tables = new Map<string, Rules>()
  for (const { family, table } of bases) {
    const key = `${family} ${table}`
    if (!tables.has(key)) tables.set(key, await readRules(socket, { family, table }, ABSENT))
  }
  const isLegacy = readLegacyTables().includes('filter')
  return packets.map((packet) => {
    const fact = tryOne(packet, bases, tables)
    return isLegacy && fact.fate === 'passes' ? LEGACY : fact
  })
}

const UNREAD: RulesFact = { fate: 'unknown' }
const LEGACY: RulesFact = {
  fate: 'unknown',
  by: { family: 'iptables-legacy', table: 'filter', chain: '' },
}

/** At hooks, of others; in the order in which they are asked. */
async function baseChains(socket: BatchSocket): Promise<readonly ChainState[]> {
  return (await readChains(socket))
    .filter(({ family, table, hook, type }) => {
      const isOf = IP_FAMILIES[family] !== undefined && hook !== undefined && type !== 'nat'
      return isOf && !OURS.test(table)
    })
    .sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0))
}

function tryOne(
  packet: TriedPacket,
  bases: readonly ChainState[],
  tables: ReadonlyMap<string, Rules>,
): RulesFact {
  const asked = packetOf(packet)
  let doubt: RulesFact | undefined
  for (const base of atHooks(bases, HOOKS[packet.hook], packet.destination)) {
    const rules = tables.get(`${base.family} ${base.table}`) ?? NO_RULES
    const judged = new Trial(rules, asked).judge(base.name, base.policy === VERDICT.DROP)
    if (judged.fate === 'refused') return factOf(base, judged)
    if (judged.fate === 'unknown') doubt ??= factOf(base, judged)
  }
  return doubt ?? { fate: 'passes' }
}

const NO_RULES: Rules = { chains: new Map(), sets: new Map() }

/** Those that see packets to the address, in the order of the hooks. */
function atHooks(
  bases: readonly ChainState[],
  hooks: readonly number[],
  to: Ip,
): readonly ChainState[] {
  return hooks.flatMap((hook) =>
    bases.filter((base) => base.hook === hook && seesPackets(base, to)),
  )
}

function factOf(base: ChainState & TableRef, { fate, by }: Judgement): RulesFact {
  const where = { family: IP_FAMILIES[base.family] ?? '', table: base.table }
  const rule = by === undefined ? { chain: base.name } : { chain: by.chain, handle: `${by.handle}` }
  return { fate, by: { ...where, ...rule } }
}

function packetOf({ from, to, source, destination, protocol, port }: TriedPacket): Packet {
  const bytes = addressBytes(source)
  const icmp = ICMP[bytes.length === 4 ? 4 : 16]
  return {
    from,
    to,
    source: bytes,
    destination: addressBytes(destination),
    protocol: protocol === 'icmp' ? icmp : PROTOCOLS[protocol],
    ...(port === undefined ? {} : { port }),
  }
}
