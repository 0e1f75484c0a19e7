/** The router between the lab's segments, and what goes through it. */
import { Machine } from './machine.js'
import { gatewayOf } from './names.js'

/** Packets of one kind that were forwarded. */
export interface Flow {
  readonly from: string
  readonly to: string
  /** As nftables names it: `tcp`, `udp`, `icmp`, `ipv6-icmp`. */
  readonly protocol: string
  /** Of UDP only: the destination's, e.g. 4789 for VXLAN. */
  readonly port?: number
  readonly packets: number
}

const TABLE = 'lab_flows'
const FAMILIES = [
  ['v4', 'ip', 'ipv4_addr'],
  ['v6', 'ip6', 'ipv6_addr'],
] as const
/** More flows than a test has. */
const SIZE = 65_536

/** A set for each family that the kernel fills by itself, in the order of `FAMILIES`. */
const RULES = [
  `table inet ${TABLE}`,
  `delete table inet ${TABLE}`,
  `table inet ${TABLE} {`,
  ...FAMILIES.flatMap(([set, , address]) => [
    `set ${set} { type ${address} . ${address} . inet_proto; flags dynamic; size ${SIZE}; counter; }`,
    `set ${set}_udp { type ${address} . ${address} . inet_service; flags dynamic; size ${SIZE}; counter; }`,
  ]),
  'chain seen { type filter hook forward priority 0; policy accept;',
  ...FAMILIES.flatMap(([set, family]) => [
    `meta l4proto != udp update @${set} { ${family} saddr . ${family} daddr . meta l4proto }`,
    `update @${set}_udp { ${family} saddr . ${family} daddr . udp dport }`,
  ]),
  '}',
  '}',
].join('\n')

export class Router extends Machine {
  /** Its address on each segment. */
  get gateways(): string[] {
    return this.spec.segments.map(gatewayOf)
  }

  /**
   * What it forwards between the call and the end of `work`. Exact: the kernel counts each packet,
   * none is lost as in a capture. One at a time.
   */
  async forwarded(work: () => Promise<unknown>): Promise<Flow[]> {
    await this.sh(['nft', '-f', '-'], { input: RULES })
    await work()
    return flowsOf((await this.sh(['nft', '-j', 'list', 'table', 'inet', TABLE])).stdout)
  }
}

interface Element {
  readonly elem: {
    readonly val: { readonly concat: readonly [string, string, string | number] }
    readonly counter: { readonly packets: number }
  }
}

/** @param text `nft -j list table` of ours */
export function flowsOf(text: string): Flow[] {
  type Entry = { readonly set?: { readonly name: string; readonly elem?: readonly Element[] } }
  const { nftables } = JSON.parse(text) as { nftables: readonly Entry[] }
  return nftables.flatMap(({ set }) =>
    (set?.elem ?? []).map(({ elem }) => {
      const [from, to, last] = elem.val.concat
      const { packets } = elem.counter
      if (!set?.name.endsWith('_udp')) return { from, to, protocol: `${last}`, packets }
      return { from, to, protocol: 'udp', port: Number(last), packets }
    }),
  )
}
