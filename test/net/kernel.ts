/**
 * A throw-away host for tests on the real kernel: the test file runs itself again under
 * `unshare -n -m`, so the machine's own namespaces see nothing of it.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Cidr, Ip } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import type { FdbPlan, LinkPlan, NeighbourPlan, Plan } from '../../src/core/plan.js'
import type { Logger } from '../../src/core/ports.js'

/** Who resolves for another sends from its link-local address, which is tentative for seconds else. */
export const NO_DAD = ['all', 'default'].map((one) => `net.ipv6.conf.${one}.accept_dad=0`)

const MARK = 'TSOVERLAY_TEST_HOST'

export const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** Runs `main` inside a fresh host; `url` is the test file's import.meta.url. Needs root. */
export async function onThrowAwayHost(url: string, main: () => Promise<void>): Promise<void> {
  if (process.env[MARK] === undefined) {
    if (process.getuid?.() !== 0) {
      const { default: t } = await import('tap')
      t.plan(0, 'needs root: it makes network namespaces')
      return
    }
    const again = [process.execPath, ...process.execArgv, fileURLToPath(url)]
    const env = { ...process.env, [MARK]: '1' }
    const args = ['-n', '-m', '--propagation', 'private', ...again]
    const { status } = spawnSync('unshare', args, { stdio: 'inherit', env })
    process.exitCode = status ?? 1
    return
  }
  run('ip', 'link', 'set', 'lo', 'up')
  await main()
}

/** A tmpfs of its own for sandboxes, shared as the host's /run is. */
export function makeNetnsDir(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsoverlay-net-'))
  // private to this mount namespace, so only the empty directory is left, for the caller to remove
  run('mount', '-t', 'tmpfs', 'tsoverlay-test', directory)
  run('mount', '--make-shared', directory)
  const netns = join(directory, 'docker', 'netns')
  return netns
}

export function unmountNetnsDir(directory: string): void {
  const root = join(directory, '..', '..')
  run('umount', '-R', '-l', root)
  run('rmdir', root)
}

/** Standard output of a command; fails the test when the command does. */
export function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: 'pipe' })
}

export function inside(netns: string, command: string, ...args: string[]): string {
  return run('nsenter', `--net=${netns}`, command, ...args)
}

/** Standard output of `ip -j …` or `bridge -j …` inside a namespace, or of the host without one. */
function json(netns: string | undefined, command: string, args: string[]): unknown[] {
  const full = ['-j', ...args]
  const output = netns === undefined ? run(command, ...full) : inside(netns, command, ...full)
  return output.trim() === '' ? [] : JSON.parse(output)
}

interface IpLink {
  ifname: string
  mtu: number
  flags: string[]
  master?: string
  address: string
  ifalias?: string
  linkinfo?: {
    info_kind?: string
    info_data?: Record<string, unknown>
    info_slave_data?: { learning: boolean; flood: boolean }
  }
  addr_info?: { local: string; prefixlen: number; scope: string }[]
}

export function ipLinks(netns?: string): IpLink[] {
  return json(netns, 'ip', ['-d', 'addr', 'show']) as IpLink[]
}

/** `10.20.0.5 02:42:… PERMANENT`, sorted, all families. */
export function ipNeighbours(netns: string | undefined, dev: string): string[] {
  type Row = { dst: string; lladdr?: string; state: string[] }
  return [4, 6]
    .flatMap((family) => json(netns, 'ip', [`-${family}`, 'neigh', 'show', 'dev', dev]) as Row[])
    .map((row) => `${row.dst} ${row.lladdr ?? '-'} ${row.state.join(',')}`)
    .sort()
}

/** `02:42:… 192.0.2.7 permanent self`, sorted; entries without a destination are left out. */
export function bridgeFdb(netns: string | undefined, dev: string): string[] {
  type Row = { mac: string; dst?: string; state?: string; flags: string[] }
  return (json(netns, 'bridge', ['fdb', 'show', 'dev', dev]) as Row[])
    .filter((row) => row.dst !== undefined)
    .map((row) => `${row.mac} ${row.dst} ${row.state ?? ''} ${row.flags.join(',')}`)
    .sort()
}

/** The sandbox as text, in the order of its names: links, addresses, neighbours and FDB. */
export function picture(netns: string): string[] {
  return ipLinks(netns)
    .filter((link) => link.ifname !== 'lo')
    .sort((a, b) => (a.ifname < b.ifname ? -1 : 1))
    .flatMap((link) => [linkText(link), ...addressTexts(link), ...entryTexts(netns, link)])
}

function linkText(link: IpLink): string {
  const kind = link.linkinfo?.info_kind ?? '?'
  const up = link.flags.includes('UP') ? 'up' : 'down'
  const master = link.master === undefined ? '' : ` master ${link.master}`
  return `${kind} ${link.ifname} mtu ${link.mtu} ${up}${master}${portText(link)}${vxlanText(link)}`
}

/** How a port is treated otherwise than where all is known: only a vxlan device gets what is not. */
function portText({ linkinfo }: IpLink): string {
  const port = linkinfo?.info_slave_data
  if (port === undefined) return ''
  const floods = port.flood === (linkinfo?.info_kind === 'vxlan') ? '' : ` flood ${port.flood}`
  return `${port.learning ? ' learning' : ''}${floods}`
}

/** MACs that its bridge has on a port, static. */
function stationTexts(netns: string, dev: string): string[] {
  type Row = { mac: string; state?: string; vlan?: number; flags: string[] }
  return (json(netns, 'bridge', ['fdb', 'show', 'dev', dev]) as Row[])
    .filter(
      ({ state, vlan, flags }) =>
        state === 'static' && vlan === undefined && !flags.includes('self'),
    )
    .map(({ mac }) => `  station ${mac}`)
    .sort()
}

function addressTexts(link: IpLink): string[] {
  const lasting = (link.addr_info ?? []).filter(({ scope }) => scope !== 'link')
  return lasting.map(({ local, prefixlen }) => `  address ${local}/${prefixlen}`)
}

function entryTexts(netns: string, link: IpLink): string[] {
  if (link.linkinfo?.info_kind === 'veth') return stationTexts(netns, link.ifname)
  if (link.linkinfo?.info_kind !== 'vxlan') return []
  const neighbours = ipNeighbours(netns, link.ifname).filter((row) => row.endsWith('PERMANENT'))
  return [
    ...neighbours.map((row) => `  neighbour ${row}`),
    ...bridgeFdb(netns, link.ifname).map((row) => `  fdb ${row}`),
  ]
}

function vxlanText(link: IpLink): string {
  const data = link.linkinfo?.info_data
  if (link.linkinfo?.info_kind !== 'vxlan' || data === undefined) return ''
  const flags = ['learning', 'proxy', 'l2miss', 'l3miss'].filter((name) => data[name] === true)
  return ` id ${data['id']} port ${data['port']} local ${data['local'] ?? data['local6']} ${flags.join(' ')}`
}

const cidr = (value: string): Cidr => value as Cidr
const ip = (value: string): Ip => value as Ip
const mac = (value: string): Mac => value as Mac

interface PlanOptions {
  readonly sandbox?: string
  readonly vni?: number
  readonly local?: string
  readonly mtu?: number
  readonly addresses?: readonly string[]
  /** last parts of endpoint names: `c1` makes the port vethc1 and the host's end tsoc1 */
  readonly ports?: readonly string[]
  /** inner IP, inner MAC, VTEP */
  readonly peers?: readonly (readonly [string, string, string])[]
}

export const SANDBOX = '1-aaaaaaaaaa'

/** A plan as the overlay backend makes them. */
export function planOf(options: PlanOptions = {}): Plan {
  const mtu = options.mtu ?? 1450
  const peers = options.peers ?? []
  const links: LinkPlan[] = [
    {
      kind: 'bridge',
      name: 'br0',
      mtu,
      addresses: (options.addresses ?? ['10.20.0.1/16']).map(cidr),
    },
    {
      kind: 'vxlan',
      name: 'vxlan0',
      mtu,
      vni: options.vni ?? 4096,
      port: 4789,
      local: ip(options.local ?? '192.0.2.1'),
      master: 'br0',
    },
    ...(options.ports ?? []).map(
      (port, index): LinkPlan => ({
        kind: 'veth',
        name: `veth${port}`,
        mtu,
        master: 'br0',
        peer: { name: `tso${port}`, mac: mac(`02:42:0a:14:01:0${index + 1}`) },
      }),
    ),
  ]
  const neighbours = peers.map(
    ([inner, hardware]): NeighbourPlan => ({ dev: 'vxlan0', ip: ip(inner), mac: mac(hardware) }),
  )
  const byMac = new Map(peers.map(([, hardware, vtep]) => [hardware, vtep]))
  const fdb = [...byMac].map(
    ([hardware, vtep]): FdbPlan => ({ dev: 'vxlan0', mac: mac(hardware), vtep: ip(vtep) }),
  )
  return { place: options.sandbox ?? SANDBOX, links, neighbours, fdb }
}

/** A namespace that stands for a container, as a file. */
export function makeContainer(directory: string, name: string): string {
  mkdirSync(directory, { recursive: true })
  const path = join(directory, name)
  run('touch', path)
  run('unshare', `--net=${path}`, 'ip', 'link', 'set', 'lo', 'up')
  inside(path, 'sysctl', '-qw', ...NO_DAD)
  return path
}

export function removeContainer(path: string): void {
  run('umount', path)
  run('rm', path)
}

/** Waits until `done` holds; the test then asserts whatever it is after. */
export async function until(done: () => boolean, milliseconds = 5000): Promise<void> {
  const end = Date.now() + milliseconds
  while (!done() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20))
}
