/** What a container is answered when it asks for a name. */
import type { Host } from '../lab/host.js'
import { eventually } from './traces.js'

/** 100 ms are the goal, on a machine that has nothing else to do. */
const SOON_MS = 10_000

/** All addresses that the container is told, sorted; empty: none. */
export async function resolved(host: Host, container: string, name: string): Promise<string[]> {
  const ask = ['exec', container, 'nslookup', name]
  const { stdout } = await host.docker(ask, { check: false, timeoutMs: 15_000 })
  return addressesIn(stdout)
}

/** Those that busybox' nslookup says, sorted; not that of the server. */
export function addressesIn(said: string): string[] {
  const [, ...answers] = said.split(/^Name:/m)
  const found = answers.join('\n').matchAll(/^Address(?: \d+)?:\s+(\S+)/gm)
  return [...new Set([...found].map(([, address]) => address ?? ''))].sort()
}

/** The same, once it is what is wanted (in any order), or what it was after a while. */
export function resolvesSoon(
  host: Host,
  container: string,
  name: string,
  wanted: readonly string[],
): Promise<string[]> {
  const same = (found: readonly string[]) => found.join() === [...wanted].sort().join()
  return eventually(() => resolved(host, container, name), same, SOON_MS)
}
