/** What a machine's own network namespace has that is none of ours, as lines to compare. */
import type { Machine } from './machine.js'
import type { IpLink } from './tables.js'

const DELIMITER = '== look =='
/** Of the devices whose settings are looked at; the first two are not devices. */
const SETTINGS_OF = ['all', 'default', 'eth0', 'fbr0']
/** What a router needs: Docker sets it, and so may we. */
const ROUTERS_SETTING = /\/(mc_)?forwarding:/

const COMMANDS = [
  'ip -d -j addr',
  'ip -N -j route show table all',
  'ip -6 -N -j route show table all',
  'ip rule; ip -6 rule',
  'ip -j neigh show nud permanent',
  'bridge -j fdb show',
  'nft -a list table inet foreign',
  'iptables-save | grep -i foreign',
  `cd /proc/sys/net && for d in ${SETTINGS_OF.join(' ')}; do grep -rs . ipv4/conf/$d ipv6/conf/$d; done`,
]

export interface Look {
  /** Those of the devices asked about that are there. */
  readonly devices: readonly string[]
  readonly lines: readonly string[]
}

/** @param devices which may be there; of others nothing is told */
export async function look(machine: Machine, devices: readonly string[]): Promise<Look> {
  const script = COMMANDS.map((command) => `{ ${command}; } 2>&1`).join(`; echo '${DELIMITER}'; `)
  const { stdout } = await machine.sh(['sh', '-c', script], { check: false })
  const parts = stdout.split(`${DELIMITER}\n`)
  const [links = '', routes = '', routes6 = '', rules, neighbours = '', fdb = '', ...others] = parts
  const [nft, iptables, settings = ''] = others
  const there = (JSON.parse(links) as IpLink[]).filter(({ ifname }) => devices.includes(ifname))
  const of = <Row extends { dev?: string; ifname?: string }>(text: string): Row[] =>
    rowsOf<Row>(text).filter(({ dev, ifname }) => devices.includes(dev ?? ifname ?? ''))
  return {
    devices: there.map(({ ifname }) => ifname),
    lines: [
      ...there.map(linkLine),
      ...[...rowsOf<Route>(routes), ...rowsOf<Route>(routes6)]
        .filter((route) => isForeign(route, devices))
        .map(routeLine),
      ...titled('rule', rules),
      ...of(neighbours).map((row) => `neighbour ${JSON.stringify(row)}`),
      ...of<Entry>(fdb)
        .filter(isLasting)
        .map((row) => `fdb ${JSON.stringify(row)}`),
      ...titled('nft', nft),
      ...titled('iptables', iptables),
      ...titled('setting', settings).filter((line) => !ROUTERS_SETTING.test(line)),
    ],
  }
}

const rowsOf = <Row>(text: string): Row[] => JSON.parse(text.trim() || '[]') as Row[]

const titled = (title: string, text = ''): string[] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => `${title} ${line.trim()}`)

/** Of a bridge or its port, what runs by itself. */
const VOLATILE = /timer|learned|topology|^root_|^state$/
const CARRIER = ['LOWER_UP', 'NO-CARRIER']

/** With its index: it would have another one, had it been made anew. */
function linkLine({ ifindex, ifname, flags, mtu, master, address, ...rest }: IpLink): string {
  const steady = (data: Readonly<Record<string, unknown>> = {}) =>
    Object.fromEntries(Object.entries(data).filter(([key]) => !VOLATILE.test(key)))
  const { info_kind: kind, info_data, info_slave_data } = rest.linkinfo ?? {}
  const addresses = (rest.addr_info ?? [])
    .filter(({ scope }) => scope !== 'link')
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`)
  const common = { ifindex, mtu, master, address, kind, addresses }
  const set = flags.filter((flag) => !CARRIER.includes(flag))
  const data = { ...common, set, data: steady(info_data), port: steady(info_slave_data) }
  return `link ${ifname} ${JSON.stringify(data)}`
}

/** Numbers for names, as `ip -N` has it: another machine's names may differ. */
interface Route {
  readonly type?: string
  readonly dst: string
  readonly dev?: string
  readonly gateway?: string
  readonly table?: string
  readonly metric?: number
  /** A number; absent: set by hand, which is 3 */
  readonly protocol?: string
}

/** 2 is the kernel, 3 and 4 are somebody's hand, 12 is BIRD (linux/rtnetlink.h). */
const PROTOCOLS = ['2', '3', '4', '12']

function isForeign({ dst, dev, protocol = '3' }: Route, devices: readonly string[]): boolean {
  if (/^(fe80:|ff00:)/.test(dst)) return false
  return PROTOCOLS.includes(protocol) && (dev === undefined || devices.includes(dev))
}

function routeLine({ type = 'unicast', dst, dev, gateway, table, metric, protocol }: Route) {
  return `route ${JSON.stringify({ type, dst, dev, gateway, table, metric, protocol })}`
}

interface Entry {
  readonly ifname?: string
  readonly mac: string
  readonly state?: string
}

/** Neither learned nor a multicast group that the kernel has joined. */
const isLasting = ({ mac, state }: Entry): boolean =>
  ['permanent', 'static'].includes(state ?? '') && !/^(33:33|01:00:5e)/.test(mac)
