/** The host's own namespace as a place: a plan of it, what the kernel has of it, and what others have. */
import type { Cidr, Ip } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import { HOST, type Plan } from '../../src/core/plan.js'
import { bridgeFdb, ipLinks, ipNeighbours, run } from './kernel.js'

export const BRIDGE = 'tsb-aaaaaaaaaa'
export const TUNNEL = 'tsv-300'
export const PORT = 'tsp-c1'
export const TUNNEL_MAC = '02:42:00:00:02:02'
/** The last metric but one. */
const LAST = 4_278_198_272

const cidr = (value: string): Cidr => value as Cidr
const ip = (value: string): Ip => value as Ip
const mac = (value: string): Mac => value as Mac

/** As a routed network's: one host behind a tunnel, one on the link of `eth0`. */
export const PLAN: Plan = {
  place: HOST,
  links: [
    {
      kind: 'bridge',
      name: BRIDGE,
      mtu: 1450,
      addresses: [cidr('10.32.1.1/24'), cidr('fd32:0:0:1::1/64')],
    },
    {
      kind: 'vxlan',
      name: TUNNEL,
      mtu: 1450,
      vni: 300,
      port: 4789,
      local: ip('192.0.2.1'),
      mac: mac('02:42:00:00:02:01'),
      addresses: [cidr('10.32.1.0/32')],
    },
    {
      kind: 'veth',
      name: PORT,
      mtu: 1450,
      master: BRIDGE,
      peer: { name: 'tsoc1', mac: mac('02:42:0a:20:01:02') },
    },
  ],
  neighbours: [{ dev: TUNNEL, ip: ip('10.32.2.0'), mac: mac(TUNNEL_MAC) }],
  fdb: [{ dev: TUNNEL, mac: mac(TUNNEL_MAC), vtep: ip('192.0.2.2') }],
  routes: [
    {
      to: cidr('10.32.2.0/24'),
      dev: TUNNEL,
      via: ip('10.32.2.0'),
      onlink: true,
      source: ip('10.32.1.1'),
    },
    { to: cidr('10.32.3.0/24'), dev: 'eth0', via: ip('192.0.2.3') },
    { to: cidr('fd32:0:0:3::/64'), dev: 'eth0', via: ip('2001:db8::3') },
    { to: cidr('10.32.4.0/24'), dev: 'eth0', via: ip('2001:db8::4') },
    { to: cidr('10.32.1.0/24'), dev: '', metric: LAST },
    { to: cidr('fd32:0:0:1::/64'), dev: '', metric: LAST },
  ],
  proxies: [
    { dev: BRIDGE, ip: ip('10.32.1.77') },
    { dev: BRIDGE, ip: ip('fd32:0:0:1::77') },
  ],
  strangers: {
    port: 4789,
    vnis: [300],
    vteps: [ip('192.0.2.1'), ip('192.0.2.2')],
    partial: false,
    create: true,
  },
}

export const EMPTY: Plan = { place: HOST, links: [], neighbours: [], fdb: [] }

/** The underlay: `eth0`, whose other end is here, too. */
export function makeUnderlay(): void {
  run('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'far0')
  run('ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'eth0')
  run('ip', 'addr', 'add', '2001:db8::1/64', 'dev', 'eth0', 'nodad')
  run('ip', 'link', 'set', 'eth0', 'up')
  run('ip', 'link', 'set', 'far0', 'up')
}

const SETTINGS = [
  'net.ipv4.ip_forward',
  'net.ipv6.conf.all.forwarding',
  'net.ipv6.conf.all.accept_ra',
]
const LINK_SETTINGS = [
  `net.ipv4.conf.${BRIDGE}.forwarding`,
  `net.ipv4.conf.${BRIDGE}.send_redirects`,
  `net.ipv6.conf.${BRIDGE}.accept_ra`,
  `net.ipv6.conf.${BRIDGE}.proxy_ndp`,
  `net.ipv4.conf.${TUNNEL}.forwarding`,
]

const lines = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim().replaceAll(/\s+/g, ' '))
    .filter((line) => line !== '')

/** Routes of ours as `ip route` says them. */
export function ownRoutes(): string[] {
  return ['-4', '-6'].flatMap((family) => lines(run('ip', family, 'route', 'show', 'proto', '116')))
}

/** All that is ours in the namespace. */
export function hostPicture(): string[] {
  const ours = ipLinks()
    .filter(({ ifname }) => ifname.startsWith('ts'))
    .sort((a, b) => (a.ifname < b.ifname ? -1 : 1))
  const isThere = (name: string): boolean => ours.some(({ ifname }) => ifname === name)
  return [
    ...ours.map((link) => {
      const { info_kind: kind, info_data: data = {} } = link.linkinfo ?? {}
      const flags = ['learning', 'proxy', 'l3miss'].filter((flag) => data[flag] === true)
      const addresses = (link.addr_info ?? []).filter(({ scope }) => scope !== 'link')
      const vxlan = kind === 'vxlan' ? ` ${data['id']} ${data['local']} ${link.address}` : ''
      return [
        `${kind} ${link.ifname} ${link.mtu} ${link.flags.includes('UP') ? 'up' : 'down'}`,
        ` ${link.master ?? '-'}${vxlan} ${flags.join(' ')} `,
        addresses.map(({ local, prefixlen }) => `${local}/${prefixlen}`).join(' '),
      ].join('')
    }),
    ...(isThere(TUNNEL)
      ? [
          ...ipNeighbours(undefined, TUNNEL).map((row) => `neighbour ${row}`),
          ...bridgeFdb(undefined, TUNNEL).map((row) => `fdb ${row}`),
        ]
      : []),
    ...lines(run('bridge', 'fdb', 'show'))
      .filter((row) => row.includes(`dev ${PORT}`) && row.includes('static'))
      .map((row) => `station ${row}`),
    ...ownRoutes(),
    ...lines(run('ip', 'route', 'show', 'proto', 'kernel'))
      .filter((row) => row.includes(`dev ${BRIDGE}`))
      .map((row) => `connected ${row}`),
    ...['-4', '-6'].flatMap((family) => lines(run('ip', family, 'neigh', 'show', 'proxy'))),
    ...lines(
      run(
        'sysctl',
        ...SETTINGS,
        ...LINK_SETTINGS.filter((name) => isThere(name.split('.')[3] ?? '')),
      ),
    ),
    ...lines(run('nft', 'list', 'tables')),
  ]
}
