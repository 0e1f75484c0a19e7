/** Everything of ours on a lab's hosts and in its store: for "nothing is left behind". */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { askAdmin } from '../lab/plugin-call.js'
import { inSandbox } from '../lab/tsoverlay.js'

/** Keys that exist as long as a plugin runs, whatever networks there are. */
const LASTING = ['hosts/', 'alive/', 'gates/hosts/', 'gates/routed', 'generation', 'ranges/'].map(
  (key) => `/tsoverlay/${key}`,
)

/** Store keys that belong to networks, pools, addresses and endpoints. */
export async function storeKeys(lab: Lab, part = ''): Promise<string[]> {
  const { stdout } = await lab.etcd.ctl(['get', '--prefix', '--keys-only', '/tsoverlay/'])
  return stdout
    .split('\n')
    .filter((key) => key !== '' && !LASTING.some((lasting) => key.startsWith(lasting)))
    .filter((key) => key.startsWith(`/tsoverlay/${part}`))
}

/** Keys that begin so, with their values, which are JSON. */
export async function storeValues(lab: Lab, part: string): Promise<Map<string, string>> {
  const { stdout } = await lab.etcd.ctl(['get', '--prefix', `/tsoverlay/${part}`])
  const lines = stdout.split('\n')
  const keys = lines.filter((line, at) => at % 2 === 0 && line !== '')
  return new Map(keys.map((key, at) => [key, lines[2 * at + 1] ?? '']))
}

/** Addresses that a host has handed out of its blocks, as its plugin says on its admin socket. */
export async function heldAddresses(host: Host): Promise<string[]> {
  const { body } = await askAdmin(host, '/status')
  const { networks } = body as unknown as { networks: readonly { held: readonly string[] }[] }
  return networks.flatMap(({ held }) => held)
}

/** Sandboxes and links of ours in a host's kernel. */
export async function kernelTraces(host: Host): Promise<string[]> {
  const netns = (await host.sh(['ls', '/run/docker/netns'], { check: false })).stdout.split('\n')
  const links = (await host.sh(['ip', '-o', 'link'])).stdout.split('\n')
  return [
    ...netns.filter((name) => name.startsWith('1-')),
    ...links.filter((line) => /: (tso|vxlan|vx-|br\d)/.test(line)),
  ]
}

/** `ip -j neigh` of permanent entries in a sandbox: IP → MAC. */
export async function neighbours(host: Host, sandbox: string): Promise<Map<string, string>> {
  const text = await inSandbox(host, sandbox, ['ip', '-j', 'neigh', 'show', 'nud', 'permanent'])
  const rows = JSON.parse(text || '[]') as { dst: string; lladdr: string }[]
  return new Map(rows.map((row) => [row.dst, row.lladdr]))
}

/** `bridge -j fdb` entries with a remote VTEP: MAC → VTEP. */
export async function fdb(host: Host, sandbox: string): Promise<Map<string, string>> {
  const text = await inSandbox(host, sandbox, ['bridge', '-j', 'fdb', 'show', 'dev', 'vxlan0'])
  const rows = JSON.parse(text || '[]') as { mac: string; dst?: string }[]
  return new Map(rows.flatMap((row) => (row.dst === undefined ? [] : [[row.mac, row.dst]])))
}

/** Names of the veth ports in a sandbox. */
export async function ports(host: Host, sandbox: string): Promise<string[]> {
  const text = await inSandbox(host, sandbox, ['ip', '-j', 'link', 'show', 'type', 'veth'])
  return (JSON.parse(text || '[]') as { ifname: string }[]).map((row) => row.ifname)
}

/**
 * Reads until the reading is as wanted, 10 s at most unless told: what the store is told and what
 * peers learn comes a moment after docker's answer.
 * @returns the last reading
 */
export async function eventually<T>(
  read: () => Promise<T>,
  wanted: (value: T) => boolean,
  withinMs = 10_000,
): Promise<T> {
  const end = Date.now() + withinMs
  for (;;) {
    const value = await read()
    if (wanted(value) || Date.now() > end) return value
    await sleep(50)
  }
}
