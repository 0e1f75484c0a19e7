/**
 * Settings in the host's own namespace; each function works in the namespace of the calling thread.
 * Documentation/networking/ip-sysctl.rst of the kernel says what they do.
 */
import { readdirSync } from 'node:fs'
import { readSysctl, writeSysctl } from './sysctls.js'

const V4_FORWARD = 'net/ipv4/ip_forward'
const V6_FORWARD = 'net/ipv6/conf/all/forwarding'

/** @returns how many settings were written. @throws TsoverlayError KERNEL_FAILED */
export function forwardIpv4(): number {
  return repair([[V4_FORWARD, '1']])
}

/**
 * The kernel forwards IPv6 for all devices or none (ip6_output.c ip6_forward), and a device that
 * forwards takes router advertisements only with accept_ra=2; with another, what it has learned from
 * them goes at once (addrconf.c addrconf_fixup_forwarding). So where it is off, each device that takes
 * them gets that first, and the host keeps its addresses and its default route.
 * @returns how many settings were written
 * @throws TsoverlayError KERNEL_FAILED
 */
export function forwardIpv6(): number {
  if ((readSysctl(V6_FORWARD) ?? '1') !== '0') return 0
  const devices = readdirSync('/proc/sys/net/ipv6/conf').filter((name) => name !== 'all')
  const takers = devices
    .map((name) => `net/ipv6/conf/${name}/accept_ra`)
    .filter((setting) => readSysctl(setting) === '1')
  for (const setting of takers) writeSysctl(setting, '2')
  writeSysctl(V6_FORWARD, '1')
  return takers.length + 1
}

/**
 * Of a bridge or tunnel of ours. The reverse path filter is left as the host has it.
 * @returns how many settings were written
 * @throws TsoverlayError KERNEL_FAILED
 */
export function repairLinkSettings(
  name: string,
  { isBridge, hasIpv6 }: { readonly isBridge: boolean; readonly hasIpv6: boolean },
): number {
  const v6 = `net/ipv6/conf/${name}`
  return repair([
    [`net/ipv4/conf/${name}/forwarding`, '1'],
    // holds where it is off for all devices, too
    [`net/ipv4/conf/${name}/send_redirects`, '0'],
    // proxy entries are answered at once instead of within 0.8 s (arp.c, ndisc.c: pneigh_enqueue)
    [`net/ipv4/neigh/${name}/proxy_delay`, '0'],
    // a gateway takes no configuration from a container
    [`${v6}/accept_ra`, '0'],
    ...(hasIpv6
      ? ([
          [`${v6}/disable_ipv6`, '0'],
          [`${v6}/forwarding`, '1'],
          [`${v6}/proxy_ndp`, '1'],
          [`net/ipv6/neigh/${name}/proxy_delay`, '0'],
        ] as const)
      : []),
    // Containers' MACs are asked for from its link-local address (ndisc.c, ndisc_send_ns), which would
    // be tentative for two seconds after the first port came up. Nobody else has it: its MAC is random.
    ...(hasIpv6 && isBridge ? ([[`${v6}/accept_dad`, '0']] as const) : []),
  ])
}

/**
 * Packets from 127.0.0.1 go out by a bridge only with its route_localnet, and answers to it come in
 * (route.c __mkroute_output, ip_route_input_slow). What containers send to 127.0.0.0/8 themselves is
 * dropped by a rule (tables/isolation.ts).
 * @param published whether ports of localhost lead to containers behind the bridge
 * @returns how many settings were written
 * @throws TsoverlayError KERNEL_FAILED
 */
export function repairLocalhost(bridge: string, published: boolean): number {
  return repair([[`net/ipv4/conf/${bridge}/route_localnet`, published ? '1' : '0']])
}

function repair(settings: readonly (readonly [string, string])[]): number {
  const altered = settings.filter(([name, value]) => (readSysctl(name) ?? value) !== value)
  for (const [name, value] of altered) writeSysctl(name, value)
  return altered.length
}
