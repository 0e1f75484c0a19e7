import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { rmdir } from 'node:fs/promises'
import type { Cable } from './cables.js'
import { run } from './exec.js'
import {
  address6Of,
  addressOf,
  bridgeOf,
  GATEWAY_INDEX,
  LINK_PATTERN,
  MAX_SEGMENTS,
  NETNS_PATTERN,
  netnsOf,
  OUTSIDE_INDEX,
} from './names.js'

const NETNS_DIR = '/run/netns'
/** Docker's and others' FORWARD rules on the machine must not part the hosts of a segment. */
const forwardRule = (bridge: string) => ['FORWARD', '-i', bridge, '-o', bridge, '-j', 'ACCEPT']

/** What `ip netns add` may leave behind, as it was before the lab. */
export interface NetnsDirectory {
  readonly existed: boolean
  readonly mounted: boolean
}

export function netnsDirectory(): NetnsDirectory {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
  return {
    existed: existsSync(NETNS_DIR),
    mounted: mounts.split('\n').some((line) => line.split(' ')[4] === NETNS_DIR),
  }
}

/**
 * The underlay: a bridge for each segment, with the machine itself on it. Of one segment it is the
 * gateway; where a router is, the machine has an address beside it and forwards nothing.
 */
export async function makeBridges(segments: number): Promise<void> {
  for (let segment = 1; segment <= segments; segment += 1) {
    const bridge = bridgeOf(segment)
    const index = segments > 1 ? OUTSIDE_INDEX : GATEWAY_INDEX
    await ipBatch([
      `link add ${bridge} type bridge`,
      `addr add ${addressOf(index, segment)}/24 dev ${bridge}`,
      `addr add ${address6Of(index, segment)}/64 dev ${bridge} nodad`,
      `link set ${bridge} up`,
    ])
    await iptables('-I', bridge, { check: true })
  }
}

/** A machine's network namespace with the ends of its cables in it, plugged into the bridges. */
export async function plugIn(name: string, cables: readonly Cable[]): Promise<void> {
  const netns = netnsOf(name)
  await run(['ip', 'netns', 'add', netns])
  await ipBatch(
    cables.flatMap(({ link, device, bridge, mac }) => [
      `link add ${link} type veth peer name ${device} ${mac === undefined ? '' : `address ${mac}`} netns ${netns}`,
      `link set ${link} master ${bridge} up`,
    ]),
  )
  await ipBatch(
    [
      'link set lo up',
      ...cables.flatMap(({ device, addresses, gateways }) => [
        ...addresses.map((address) => `addr add ${address} dev ${device} ${nodad(address)}`),
        `link set ${device} up`,
        ...gateways.map((gateway) => `route add default via ${gateway}`),
      ]),
    ],
    ['-n', netns],
  )
}

/** Duplicate address detection would keep an IPv6 address from use for a second or two. */
const nodad = (address: string): string => (address.includes(':') ? 'nodad' : '')

/** The machine forwards packets, as a router does. */
export async function letForward(name: string): Promise<void> {
  const files = ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'].map((key) => `/proc/sys/net/${key}`)
  const script = files.map((file) => `echo 1 >${file}`).join(' && ')
  await run(['ip', 'netns', 'exec', netnsOf(name), 'sh', '-c', script])
}

/** The opposite of plugIn. The links go at once; the namespace when its last user has gone. */
export async function unplug(name: string, cables: readonly Cable[]): Promise<void> {
  for (const { link } of cables) await run(['ip', 'link', 'del', link], { check: false })
  await run(['ip', 'netns', 'del', netnsOf(name)], { check: false })
}

export async function setCable({ link }: Cable, state: 'up' | 'down'): Promise<void> {
  await run(['ip', 'link', 'set', link, state])
}

/** Whether the bridge's end of the cable is plugged in; false too if the machine is off. */
export async function isCablePlugged({ link }: Cable): Promise<boolean> {
  const { stdout } = await run(['ip', 'link', 'show', link], { check: false })
  return /<[^>]*\bUP\b/.test(stdout)
}

/** Removes every link, namespace and rule that has a name of the lab, whoever has left it. */
export async function removeNetwork(before: NetnsDirectory | undefined): Promise<void> {
  for (const name of readdirSync('/sys/class/net')) {
    if (LINK_PATTERN.test(name)) await run(['ip', 'link', 'del', name], { check: false })
  }
  const namespaces = existsSync(NETNS_DIR) ? readdirSync(NETNS_DIR) : []
  for (const name of namespaces) {
    if (NETNS_PATTERN.test(name)) await run(['ip', 'netns', 'del', name], { check: false })
  }
  for (let segment = 1; segment <= MAX_SEGMENTS; segment += 1) await removeRule(bridgeOf(segment))
  await restoreNetnsDirectory(before)
}

async function restoreNetnsDirectory(before: NetnsDirectory | undefined): Promise<void> {
  if (before === undefined || !existsSync(NETNS_DIR)) return
  if (readdirSync(NETNS_DIR).length > 0) return // others use it by now
  if (!before.mounted) await run(['umount', NETNS_DIR], { check: false })
  if (!before.existed) await rmdir(NETNS_DIR).catch(() => {})
}

async function removeRule(bridge: string): Promise<void> {
  const quiet = { check: false }
  while ((await iptables('-C', bridge, quiet)) === 0) await iptables('-D', bridge, quiet)
}

async function iptables(
  verb: '-I' | '-C' | '-D',
  bridge: string,
  { check }: { check: boolean },
): Promise<number> {
  return (await run(['iptables', '-w', verb, ...forwardRule(bridge)], { check })).code
}

async function ipBatch(lines: readonly string[], options: readonly string[] = []): Promise<void> {
  await run(['ip', ...options, '-batch', '-'], { input: `${lines.join('\n')}\n` })
}
