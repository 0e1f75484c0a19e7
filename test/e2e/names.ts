/** What a container is answered when it asks for a name. */
import type { Host } from '../lab/host.js'

/** All addresses that the container is told, sorted; empty: none. */
export async function resolved(host: Host, container: string, name: string): Promise<string[]> {
  const ask = ['exec', container, 'nslookup', name]
  const { stdout } = await host.docker(ask, { check: false, timeoutMs: 15_000 })
  const [, ...answers] = stdout.split(/^Name:/m)
  const found = answers.join('\n').matchAll(/^Address(?: \d+)?:\s+(\S+)/gm)
  return [...new Set([...found].map(([, address]) => address ?? ''))].sort()
}
