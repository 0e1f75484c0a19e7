/** What goes into the archive for a bug report: all texts without passwords and the like. */
import { readFileSync } from 'node:fs'
import { messageOf } from '../../core/errors.js'
import { withoutSecrets } from '../../core/secrets.js'
import type { AdminClient } from '../client.js'

export interface Item {
  /** path in the archive */
  readonly name: string
  readonly text: string
}

/** What is not in it, and why. */
export interface Gap {
  readonly what: string
  readonly why: string
}

/** Of the plugin, by file. */
const ANSWERS: Readonly<Record<string, string>> = {
  'about.json': '/about',
  'status.json': '/status',
  'hosts.json': '/hosts',
  'networks.json': '/networks',
  'endpoints.json': '/endpoints',
  'pools.json': '/pools',
  'names.json': '/names',
  'log.json': '/log',
}

/** What the host's kernel says, as files that root may read. */
const KERNEL = [
  '/proc/version',
  '/proc/cmdline',
  '/proc/modules',
  '/proc/meminfo',
  '/proc/loadavg',
  '/proc/uptime',
  '/etc/os-release',
  '/proc/net/dev',
  '/proc/net/route',
  '/proc/net/ipv6_route',
  '/proc/net/if_inet6',
  '/proc/net/arp',
  '/proc/net/udp',
  '/proc/net/sockstat',
  '/proc/sys/net/ipv4/ip_forward',
  '/proc/sys/net/ipv4/conf/all/rp_filter',
  '/proc/sys/net/ipv6/conf/all/forwarding',
  '/proc/sys/net/bridge/bridge-nf-call-iptables',
  '/proc/sys/net/netfilter/nf_conntrack_count',
  '/proc/sys/net/netfilter/nf_conntrack_max',
]

/** Gathers all that is to be had; what is not is a gap and stops nothing. */
export async function gather(
  client: AdminClient,
): Promise<{ readonly items: readonly Item[]; readonly gaps: readonly Gap[] }> {
  const items: Item[] = []
  const gaps: Gap[] = []
  const add = async (name: string, what: string, read: () => Promise<string> | string) => {
    try {
      items.push({ name, text: withoutSecrets(await read()) })
    } catch (error) {
      gaps.push({ what, why: withoutSecrets(messageOf(error)) })
    }
  }
  for (const [name, path] of Object.entries(ANSWERS))
    await add(name, path, async () => pretty(await client.get(path)))
  await add('metrics.txt', '/metrics', () => client.text('/metrics'))
  for (const path of KERNEL)
    await add(`kernel${path.replaceAll(/[/_]/g, '-')}.txt`, path, () => readFileSync(path, 'utf8'))
  if (gaps.length > 0)
    items.push({
      name: 'gaps.txt',
      text: gaps.map(({ what, why }) => `${what}: ${why}\n`).join(''),
    })
  return { items, gaps }
}

function pretty(answer: unknown): string {
  return `${JSON.stringify(answer, undefined, 2)}\n`
}
