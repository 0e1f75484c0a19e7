/** How many routes a host has, by a look that costs next to nothing. */
import { readFileSync } from 'node:fs'
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import type { Routed } from './routed.js'

const LIMIT_MS = 60_000

/**
 * IPv4 prefixes of the host's main and local table, which are one as long as there are no rules of
 * `ip rule` (net/ipv4/fib_trie.c, fib_triestat_seq_show; fib_unmerge).
 */
export function routesOf(host: Host): number {
  const text = readFileSync(`/proc/${host.initPid}/net/fib_triestat`, 'utf8')
  return Number(/Prefixes:\s+(\d+)/.exec(text)?.[1])
}

/**
 * Resolves when the host has as many as wanted, no more and no less.
 * @returns when it was so, on the clock of performance.now()
 * @throws Error after a minute
 */
export async function untilRoutes(host: Host, wanted: number): Promise<number> {
  const end = performance.now() + LIMIT_MS
  for (;;) {
    const [now, found] = [performance.now(), routesOf(host)]
    if (found === wanted) return now
    if (now > end) throw new Error(`${host.name} has ${found} routes, not ${wanted}`)
    await sleep(1)
  }
}

/** Routes are written last. @throws Error if the kernel has not all that leads to so many hosts */
export async function assertWays(host: Host, backend: Routed, count: number): Promise<void> {
  const asked = ['ip route show proto 116 | grep -c via']
  if (backend === 'vxlan') {
    asked.push('ip neigh show nud permanent | grep -c tsv-')
    asked.push('bridge fdb show | grep -c "dev tsv-.* dst "')
  }
  const { stdout } = await host.sh(['sh', '-c', asked.join('; ')], { check: false })
  const found = stdout.trim().split('\n')
  if (found.some((each) => each !== `${count}`)) {
    throw new Error(`${host.name} has not all that leads to ${count} hosts: ${found.join(', ')}`)
  }
}

/** Takes away all that leads to other hosts; the containers stay. */
export async function emptyRoutes(host: Host, backend: Routed): Promise<void> {
  const ofTunnel = 'for dev in $(ip -br link | grep -o "^tsv-[0-9]*"); do ip link del $dev; done'
  const script = backend === 'vxlan' ? ofTunnel : 'ip route flush proto 116'
  await host.sh(['sh', '-c', script])
}
