/**
 * The table that keeps a container to its own MAC and addresses: `table bridge tsoverlay` in the
 * sandbox, where each frame from a port passes before the bridge learns or forwards. What comes in
 * by a vxlan device was checked by the host that sent it.
 *
 * A port speaks IPv4, ARP and IPv6 and nothing else, also not inside a VLAN tag: Linux hands a
 * frame with tag 0 on as if it had none, so a tag would be a way around. Link-local addresses
 * (169.254.0.0/16, fe80::/10) are free, as docker's --link-local-ip is not told to drivers and
 * IPv6 makes them at will; they reach this host's containers only.
 */
import { familyOf } from '../../core/ip.js'
import { macToBytes } from '../../core/mac.js'
import { HOST_LINKS } from '../../core/names.js'
import type { SourcePlan } from '../../core/plan.js'
import { HOOK, NFPROTO, VERDICT } from '../nft/constants.js'
import type { Rule } from '../nft/expressions.js'
import {
  accept,
  bytesAre,
  bytesAreNot,
  drop,
  fromDevices,
  goTo,
  IFNAME_BYTES,
  isLinkLocal6,
  notFromDevices,
  portHas,
  portHasAll,
  portHasNot,
  transportIs,
  transportIsNot,
} from '../nft/expressions.js'
import type { Ruleset } from '../nft/ruleset.js'
import type { SetElement } from '../nft/table.js'
import { addressBytes } from '../rtnl/codec.js'

/** linux/if_ether.h; offset 12 of the frame. A VLAN tag shows as its own type there. */
const ETHERTYPE = { IPV4: [0x08, 0x00], ARP: [0x08, 0x06], IPV6: [0x86, 0xdd] } as const
const IPPROTO_ICMPV6 = 58
/** RFC 4861, RFC 2710, RFC 3810 */
const ICMPV6 = {
  MLD_REPORT: 131,
  MLD_DONE: 132,
  ROUTER_SOLICITATION: 133,
  ROUTER_ADVERTISEMENT: 134,
  NEIGHBOUR_SOLICITATION: 135,
  NEIGHBOUR_ADVERTISEMENT: 136,
  REDIRECT: 137,
  MLD2_REPORT: 143,
} as const
/** Ethernet, IPv4, address lengths (RFC 826) */
const ARP_HEAD = [0, 1, 8, 0, 6, 4]

/** Keys begin with the name of the port. Types as nft's datatype.h numbers and joins them. */
const MACS = { name: 'macs', length: IFNAME_BYTES + 8, type: (41 << 6) | 9 }
const IP4 = { name: 'ip4', length: IFNAME_BYTES + 4, type: (41 << 6) | 7 }
/** MAC, EtherType (where nft's own key has two zeros behind a MAC) and IPv4 address. */
const IP4_FRAMES = { name: 'ip4frames', length: IFNAME_BYTES + 12, type: (41 << 12) | (9 << 6) | 7 }
const IP6 = { name: 'ip6', length: IFNAME_BYTES + 16, type: (41 << 6) | 8 }

const icmp6 = (type: number) => bytesAre('transport', 0, [type])
/** Target address of a neighbour message (RFC 4861 section 4.3). */
const TARGET = 8

/** @param unchecked what is let through without a look */
const ethernet = (unchecked: Rule): readonly Rule[] => [
  unchecked,
  // What nearly all frames are, by one look: without it the check took 10 to 15 % of the
  // throughput between containers of a host (docs/performance.md). The rest decides alike.
  accept(portHasAll(IP4_FRAMES.name, ['link', 6, 8], ['network', 12, 4])),
  drop(portHasNot(MACS.name, 'link', 6, 6)),
  goTo('ipv4', bytesAre('link', 12, ETHERTYPE.IPV4)),
  goTo('ipv6', bytesAre('link', 12, ETHERTYPE.IPV6)),
  goTo('arp', bytesAre('link', 12, ETHERTYPE.ARP)),
  drop(),
]

const IPV4: readonly Rule[] = [
  accept(portHas(IP4.name, 'network', 12, 4)),
  accept(bytesAre('network', 12, [169, 254])),
  drop(),
]

const ARP: readonly Rule[] = [
  drop(bytesAreNot('network', 0, ARP_HEAD)),
  drop(portHasNot(MACS.name, 'network', 8, 6)),
  accept(portHas(IP4.name, 'network', 14, 4)),
  // a probe asks for an address without saying that it has it (RFC 5227)
  accept(bytesAre('network', 14, [0, 0, 0, 0])),
  accept(bytesAre('network', 14, [169, 254])),
  drop(),
]

const IPV6: readonly Rule[] = [
  goTo('neighbours', portHas(IP6.name, 'network', 8, 16)),
  goTo('neighbours', isLinkLocal6('network', 8)),
  goTo('newcomer', bytesAre('network', 8, new Array(16).fill(0))),
  drop(),
]

/**
 * From an address of its own: a container says of no other address that it has it, and is no
 * router. A neighbour message in fragments passes here; no Linux takes one (RFC 6980).
 */
const NEIGHBOURS: readonly Rule[] = [
  accept(transportIsNot(IPPROTO_ICMPV6)),
  accept(
    transportIs(IPPROTO_ICMPV6),
    icmp6(ICMPV6.NEIGHBOUR_ADVERTISEMENT),
    portHas(IP6.name, 'transport', TARGET, 16),
  ),
  accept(
    transportIs(IPPROTO_ICMPV6),
    icmp6(ICMPV6.NEIGHBOUR_ADVERTISEMENT),
    isLinkLocal6('transport', TARGET),
  ),
  ...[ICMPV6.NEIGHBOUR_ADVERTISEMENT, ICMPV6.ROUTER_ADVERTISEMENT, ICMPV6.REDIRECT].map((type) =>
    drop(transportIs(IPPROTO_ICMPV6), icmp6(type)),
  ),
  accept(transportIs(IPPROTO_ICMPV6)),
  drop(),
]

/** From `::`: whoever has no address yet looks whether its own is free (RFC 4862), joins groups. */
const NEWCOMER: readonly Rule[] = [
  accept(
    transportIs(IPPROTO_ICMPV6),
    icmp6(ICMPV6.NEIGHBOUR_SOLICITATION),
    portHas(IP6.name, 'transport', TARGET, 16),
  ),
  accept(
    transportIs(IPPROTO_ICMPV6),
    icmp6(ICMPV6.NEIGHBOUR_SOLICITATION),
    isLinkLocal6('transport', TARGET),
  ),
  ...[ICMPV6.MLD_REPORT, ICMPV6.MLD_DONE, ICMPV6.MLD2_REPORT, ICMPV6.ROUTER_SOLICITATION].map(
    (type) => accept(transportIs(IPPROTO_ICMPV6), icmp6(type)),
  ),
  drop(),
]

/** dstnat of nft's bridge family: before anything else that people put there. */
const PRIORITY = -300

/** @param unchecked as of `ethernet` */
const rulesetFor = (unchecked: Rule): Ruleset => ({
  family: NFPROTO.BRIDGE,
  table: 'tsoverlay',
  sets: [MACS, IP4, IP4_FRAMES, IP6],
  chains: [
    { name: 'ipv4', rules: IPV4 },
    { name: 'arp', rules: ARP },
    { name: 'neighbours', rules: NEIGHBOURS },
    { name: 'newcomer', rules: NEWCOMER },
    { name: 'ipv6', rules: IPV6 },
    {
      name: 'sources',
      hook: { number: HOOK.BRIDGE_PREROUTING, priority: PRIORITY, policy: VERDICT.DROP },
      rules: ethernet(unchecked),
    },
  ],
})

export const SOURCE_CHECK = rulesetFor(accept(fromDevices('vxlan')))

/** For the host's own namespace, where bridges have ports that are none of ours. */
export const HOST_SOURCE_CHECK = rulesetFor(accept(notFromDevices(HOST_LINKS.veth)))

/** The sets' elements; undefined when nothing is to be checked. */
export function sourceElements(
  sources: readonly SourcePlan[] | undefined,
): readonly SetElement[] | undefined {
  return sources?.flatMap(({ dev, mac, ips }) => [
    { set: MACS.name, key: keyOf(dev, macToBytes(mac), MACS.length) },
    ...ips.flatMap((ip) => {
      if (familyOf(ip) === 6)
        return [{ set: IP6.name, key: keyOf(dev, addressBytes(ip), IP6.length) }]
      const frame = [...macToBytes(mac), ...ETHERTYPE.IPV4, ...addressBytes(ip)]
      return [
        { set: IP4.name, key: keyOf(dev, addressBytes(ip), IP4.length) },
        { set: IP4_FRAMES.name, key: keyOf(dev, Uint8Array.from(frame), IP4_FRAMES.length) },
      ]
    }),
  ])
}

function keyOf(dev: string, value: Uint8Array, length: number): Buffer {
  const key = Buffer.alloc(length)
  key.write(dev, 0, IFNAME_BYTES - 1)
  key.set(value, IFNAME_BYTES)
  return key
}
