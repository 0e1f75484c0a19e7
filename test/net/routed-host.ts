/**
 * A host with two routed networks and a bridge of Docker's, as the kernel sees it, and another host
 * behind its trunk that has containers of both and stands for the rest of the world, too.
 *
 *   x1, x2 ─ tsb-x ─┐                          ┌─ 10.20.2.2, fd00:20:2::2 (of x)
 *   y1 ──── tsb-y ──┤ host ── eth0 ── eth0 ────┤─ 10.30.2.2 (of y)
 *   d1 ─── docker0 ─┘                          └─ 203.0.113.9 (nobody's)
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cidr, Ip } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import { type Domain, HOST, type LinkPlan, type Plan } from '../../src/core/plan.js'
import { inside, makeContainer, NO_DAD, removeContainer, run } from './kernel.js'
import type { Talker } from './talker.js'
import { startTalker } from './talker.js'

const LOCALS = {
  x1: ['tsb-x', '10.20.1.2/24', 'fd00:20:1::2/64'],
  x2: ['tsb-x', '10.20.1.3/24', 'fd00:20:1::3/64'],
  y1: ['tsb-y', '10.30.1.2/24', 'fd00:30:1::2/64'],
  d1: ['docker0', '172.17.0.2/16', 'fd00:17::2/64'],
} as const
const BRIDGES = {
  'tsb-x': ['10.20.1.1/24', 'fd00:20:1::1/64'],
  'tsb-y': ['10.30.1.1/24', 'fd00:30:1::1/64'],
  docker0: ['172.17.0.1/16', 'fd00:17::1/64'],
} as const
/** Addresses of the other host and of what is behind it. */
const BEHIND = ['10.20.2.2/32', '10.30.2.2/32', '203.0.113.9/32', 'fd00:20:2::2/128']
const BEHIND6 = ['fd00:30:2::2/128', '2001:db8:9::9/128']
/** Whose they are not. */
const FORGED: Readonly<Record<string, readonly string[]>> = {
  x1: ['10.30.1.9', '10.30.2.7'],
  d1: ['10.20.1.9', '10.20.2.7'],
  other: ['10.20.1.9'],
}
/** The host's own, to the trunk. */
export const HOST_ADDRESS = '192.0.2.1'
export const WORLD = '203.0.113.9'

export const X: Domain = {
  bridge: 'tsb-x',
  ranges: ['10.20.0.0/16', 'fd00:20::/32'] as Cidr[],
  open: false,
  exposed: true,
  masquerade: false,
  published: [],
}
export const Y: Domain = {
  ...X,
  bridge: 'tsb-y',
  ranges: ['10.30.0.0/16', 'fd00:30::/32'] as Cidr[],
}

export type Name = 'x1' | 'x2' | 'y1' | 'd1' | 'other' | 'host'

export interface RoutedHost {
  readonly talkers: Readonly<Record<Name, Talker>>
  /** of the other namespaces */
  readonly netns: Readonly<Record<Exclude<Name, 'host'>, string>>
  stop(): Promise<void>
}

/** In the namespaces of a throw-away host. */
export async function makeRoutedHost(): Promise<RoutedHost> {
  const files = mkdtempSync(join(tmpdir(), 'tsoverlay-routed-'))
  run('mount', '-t', 'tmpfs', 'tsoverlay-test', files)
  run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1')
  run('sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=0')
  run('sysctl', '-qw', ...NO_DAD)
  run('sysctl', '-qw', ...['ip', 'ip6'].map((one) => `net.bridge.bridge-nf-call-${one}tables=0`))
  for (const [bridge, addresses] of Object.entries(BRIDGES)) {
    run('ip', 'link', 'add', bridge, 'type', 'bridge')
    for (const address of addresses) run('ip', 'addr', 'add', address, 'dev', bridge, 'nodad')
    run('ip', 'link', 'set', bridge, 'up')
  }
  const netns: Record<string, string> = { other: makeOther(files) }
  for (const name of Object.keys(LOCALS)) netns[name] = makeLocal(files, name)
  const talkers: Record<string, Talker> = {}
  const places = [...Object.entries(netns), ['host', '']] as const
  await Promise.all(
    places.map(async ([name, path]) => {
      talkers[name] = await startTalker(path, name)
    }),
  )
  return {
    talkers: talkers as Record<Name, Talker>,
    netns: netns as Record<Exclude<Name, 'host'>, string>,
    stop: async () => {
      await Promise.all(Object.values(talkers).map((talker) => talker.stop()))
      for (const path of Object.values(netns)) removeContainer(path)
      run('umount', files)
      run('rmdir', files)
    },
  }
}

/** Of a container. */
function macOf(name: string): Mac {
  return `02:42:00:00:01:0${Object.keys(LOCALS).indexOf(name)}` as Mac
}

/** What the two networks want of the host, which is there already, but for rules. */
export function routedPlan(domains: readonly Domain[]): Plan {
  const mtu = 1500
  const bridges = domains.map(({ bridge }) => bridge)
  const ports = Object.entries(LOCALS).filter(([, [bridge]]) => bridges.includes(bridge))
  const wanted = Object.entries(BRIDGES).filter(([name]) => bridges.includes(name))
  return {
    place: HOST,
    links: [
      ...wanted.map(
        ([name, addresses]): LinkPlan => ({
          kind: 'bridge',
          name,
          mtu,
          addresses: addresses as readonly string[] as readonly Cidr[],
        }),
      ),
      ...ports.map(
        ([name, [master]]): LinkPlan => ({
          kind: 'veth',
          name: `tsp-${name}`,
          mtu,
          master,
          peer: { name: `tso${name}`, mac: macOf(name) },
        }),
      ),
    ],
    sources: ports.map(([name, [, ...addresses]]) => ({
      dev: `tsp-${name}`,
      mac: macOf(name),
      ips: addresses.map((address) => address.replace(/\/.*/, '') as Ip),
    })),
    neighbours: [],
    fdb: [],
    domains,
    trunk: 'eth0',
  }
}

function makeLocal(files: string, name: string): string {
  const [bridge = '', address = '', address6 = ''] = LOCALS[name as keyof typeof LOCALS]
  const [gateway = '', gateway6 = ''] = BRIDGES[bridge as keyof typeof BRIDGES]
  const path = makeContainer(files, name)
  const port = bridge === 'docker0' ? `veth${name}` : `tsp-${name}`
  run('ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', path)
  run('ip', 'link', 'set', port, 'master', bridge, 'up')
  inside(path, 'ip', 'link', 'set', 'eth0', 'address', macOf(name))
  inside(path, 'ip', 'addr', 'add', address, 'dev', 'eth0')
  inside(path, 'ip', 'addr', 'add', address6, 'dev', 'eth0', 'nodad')
  inside(path, 'ip', 'link', 'set', 'eth0', 'up')
  inside(path, 'ip', 'route', 'add', 'default', 'via', gateway.replace(/\/.*/, ''))
  inside(path, 'ip', '-6', 'route', 'add', 'default', 'via', gateway6.replace(/\/.*/, ''))
  forge(path, name)
  return path
}

/** Lets it send from addresses that are none of its own. */
function forge(path: string, name: string): void {
  inside(path, 'sysctl', '-qw', 'net.ipv6.ip_nonlocal_bind=1')
  for (const address of FORGED[name] ?? [])
    inside(path, 'ip', 'addr', 'add', `${address}/32`, 'dev', 'lo')
}

function makeOther(files: string): string {
  const path = makeContainer(files, 'other')
  run('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', path)
  run('ip', 'addr', 'add', `${HOST_ADDRESS}/24`, 'dev', 'eth0')
  run('ip', 'addr', 'add', '2001:db8::1/64', 'dev', 'eth0', 'nodad')
  run('ip', 'link', 'set', 'eth0', 'up')
  inside(path, 'ip', 'addr', 'add', '192.0.2.2/24', 'dev', 'eth0')
  inside(path, 'ip', 'addr', 'add', '2001:db8::2/64', 'dev', 'eth0', 'nodad')
  inside(path, 'ip', 'link', 'set', 'eth0', 'up')
  forge(path, 'other')
  for (const address of [...BEHIND, ...BEHIND6])
    inside(path, 'ip', 'addr', 'add', address, 'dev', 'lo')
  for (const range of ['10.20.2.0/24', '10.30.2.0/24', 'default'])
    run('ip', 'route', 'add', range, 'via', '192.0.2.2', 'dev', 'eth0')
  for (const range of ['fd00:20:2::/64', 'fd00:30:2::/64', 'default'])
    run('ip', '-6', 'route', 'add', range, 'via', '2001:db8::2', 'dev', 'eth0')
  for (const range of ['10.20.1.0/24', '10.30.1.0/24', '172.17.0.0/16'])
    inside(path, 'ip', 'route', 'add', range, 'via', HOST_ADDRESS)
  for (const range of ['fd00:20:1::/64', 'fd00:30:1::/64', 'fd00:17::/64'])
    inside(path, 'ip', '-6', 'route', 'add', range, 'via', '2001:db8::1')
  return path
}
