/** Many remote endpoints in one sandbox: until they are there, and by iproute2 for comparison. */
import { readFileSync } from 'node:fs'
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { batchTime } from './batch.js'
import type { Inhabitant } from './population.js'

/** Neighbours that may go from other namespaces of the machine meanwhile. */
const OTHERS = 16
const WHILE_MS = 100
const LIMIT = { timeoutMs: 120_000 }

function inside(host: Host, sandbox: string, argv: readonly string[]) {
  const netns = `--net=/run/docker/netns/${sandbox}`
  return host.sh(['nsenter', netns, ...argv], { ...LIMIT, check: false })
}

/**
 * IPv4 neighbours of all network namespaces of this machine: a look that costs next to nothing.
 * The file has a line of titles and one for each CPU; the first field is the table's, in hexadecimal
 * (net/core/neighbour.c, neigh_stat_seq_show).
 */
export function neighboursOfMachine(): number {
  const [, line = ''] = readFileSync('/proc/net/stat/arp_cache', 'utf8').split('\n')
  return Number.parseInt(line, 16)
}

/**
 * Resolves when the neighbours of these endpoints are there. They come host by host, so the last ones
 * of each host tell of all (`lastOfEach`); neighbours come after FDB entries. To ask for many costs as
 * much as to write them, so the machine's count is looked at first.
 * @param enough of `neighboursOfMachine`
 * @returns when they were there, on the clock of performance.now(): as the count was full, if all asked
 *   for are there just then
 * @throws Error after two minutes
 */
export async function untilThere(
  host: Host,
  sandbox: string,
  wanted: readonly Inhabitant[],
  enough = 0,
): Promise<number> {
  const counted = await untilCounted(enough)
  const netns = `--net=/run/docker/netns/${sandbox}`
  const input = wanted.map(({ ip }) => `neigh get ${ip} dev vxlan0\n`).join('')
  const options = { ...LIMIT, check: false, input }
  let missing = wanted
  for (let looks = 0; performance.now() < counted + LIMIT.timeoutMs; looks += 1) {
    const { stdout } = await host.sh(['nsenter', netns, 'ip', '-force', '-batch', '-'], options)
    missing = wanted.filter(({ mac }) => !stdout.includes(mac))
    if (missing.length === 0) return looks === 0 ? counted : performance.now()
    await sleep(2)
  }
  throw new Error(`${missing.length} of ${wanted.length} did not come: ${missing[0]?.ip}`)
}

/** @returns when the count was full, or nearly so for a while */
async function untilCounted(enough: number): Promise<number> {
  const end = performance.now() + LIMIT.timeoutMs
  let nearly = Number.POSITIVE_INFINITY
  for (;;) {
    const now = performance.now()
    const missing = enough - neighboursOfMachine()
    if (missing <= 0) return now
    if (missing <= OTHERS) nearly = Math.min(nearly, now)
    if (now > nearly + WHILE_MS) return now
    if (now > end) throw new Error(`${missing} neighbours did not come`)
    await sleep(1)
  }
}

/** @throws Error if the kernel has not as many neighbours and FDB entries as said */
export async function assertCount(host: Host, sandbox: string, count: number): Promise<void> {
  const script =
    'ip neigh show dev vxlan0 nud permanent | wc -l; bridge fdb show dev vxlan0 | grep -c dst'
  const { stdout } = await inside(host, sandbox, ['sh', '-c', script])
  if (stdout !== `${count}\n${count}\n`) {
    throw new Error(`${count} neighbours and FDB entries wanted, there are ${stdout.trim()}`)
  }
}

/** Empties the sandbox of its vxlan device, and with it of all entries. */
export async function emptyKernel(host: Host, sandbox: string): Promise<void> {
  await inside(host, sandbox, ['ip', 'link', 'del', 'vxlan0'])
}

/** @returns how long `ip -batch` and `bridge -batch` take for the same entries (ms) */
export function batch(host: Host, inhabitants: readonly Inhabitant[]): Promise<number> {
  return batchTime(host, {
    device: `vxlan0 type vxlan id 77 dstport 5789 local ${host.address} nolearning proxy`,
    ip: inhabitants.map(
      ({ ip, mac }) => `neigh replace ${ip} lladdr ${mac} dev vxlan0 nud permanent`,
    ),
    bridge: inhabitants.map(
      ({ mac, vtep }) => `fdb replace ${mac} dev vxlan0 dst ${vtep} self permanent`,
    ),
  })
}

function agentFile(host: Host, name: string): string {
  const pid = readFileSync(host.path('/run/tsoverlay/pid'), 'utf8').trim()
  return readFileSync(host.path(`/proc/${pid}/${name}`), 'utf8')
}

/** Resident memory of the host's plugin (MB, 10^6 bytes). */
export function residentOf(host: Host): number {
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(agentFile(host, 'status'))?.[1]) * 1_024) / 1e6
}

/** CPU time of the host's plugin so far (s); the kernel counts hundredths (proc(5), USER_HZ). */
export function cpuOf(host: Host): number {
  const [, rest = ''] = agentFile(host, 'stat').split(') ')
  const fields = rest.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
