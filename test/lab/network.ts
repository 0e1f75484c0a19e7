import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { rmdir } from 'node:fs/promises'
import { run } from './exec.js'
import {
  address6Of,
  addressOf,
  BRIDGE,
  GATEWAY,
  GATEWAY6,
  LINK_PATTERN,
  linkOf,
  NETNS_PATTERN,
  netnsOf,
} from './names.js'

const NETNS_DIR = '/run/netns'
/** Docker's and others' FORWARD rules on the machine must not part the hosts. */
const FORWARD_RULE = ['FORWARD', '-i', BRIDGE, '-o', BRIDGE, '-j', 'ACCEPT']

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

/** The underlay: a bridge with the machine itself on it. */
export async function makeBridge(): Promise<void> {
  await ipBatch([
    `link add ${BRIDGE} type bridge`,
    `addr add ${GATEWAY}/24 dev ${BRIDGE}`,
    `addr add ${GATEWAY6}/64 dev ${BRIDGE} nodad`,
    `link set ${BRIDGE} up`,
  ])
  await iptables('-I', { check: true })
}

/** A machine's network namespace with eth0 in it, plugged into the bridge. */
export async function plugIn(name: string, index: number): Promise<void> {
  const [netns, link] = [netnsOf(name), linkOf(index)]
  await run(['ip', 'netns', 'add', netns])
  await ipBatch([
    `link add ${link} type veth peer name eth0 netns ${netns}`,
    `link set ${link} master ${BRIDGE} up`,
  ])
  await ipBatch(
    [
      'link set lo up',
      `addr add ${addressOf(index)}/24 dev eth0`,
      `addr add ${address6Of(index)}/64 dev eth0 nodad`,
      'link set eth0 up',
      `route add default via ${GATEWAY}`,
    ],
    ['-n', netns],
  )
}

/** The opposite of plugIn. The link goes at once; the namespace when its last user has gone. */
export async function unplug(name: string, index: number): Promise<void> {
  await run(['ip', 'link', 'del', linkOf(index)], { check: false })
  await run(['ip', 'netns', 'del', netnsOf(name)], { check: false })
}

export async function setCable(index: number, state: 'up' | 'down'): Promise<void> {
  await run(['ip', 'link', 'set', linkOf(index), state])
}

/** Whether the bridge's end of the cable is plugged in; false too if the machine is off. */
export async function isCablePlugged(index: number): Promise<boolean> {
  const { stdout } = await run(['ip', 'link', 'show', linkOf(index)], { check: false })
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
  while ((await iptables('-C', { check: false })) === 0) await iptables('-D', { check: false })
  await restoreNetnsDirectory(before)
}

async function restoreNetnsDirectory(before: NetnsDirectory | undefined): Promise<void> {
  if (before === undefined || !existsSync(NETNS_DIR)) return
  if (readdirSync(NETNS_DIR).length > 0) return // others use it by now
  if (!before.mounted) await run(['umount', NETNS_DIR], { check: false })
  if (!before.existed) await rmdir(NETNS_DIR).catch(() => {})
}

async function iptables(verb: '-I' | '-C' | '-D', { check }: { check: boolean }): Promise<number> {
  return (await run(['iptables', '-w', verb, ...FORWARD_RULE], { check })).code
}

async function ipBatch(lines: readonly string[], options: readonly string[] = []): Promise<void> {
  await run(['ip', ...options, '-batch', '-'], { input: `${lines.join('\n')}\n` })
}
