/** `tsoverlay host rm`: progress on stderr, when it takes longer than people like to wait in the dark. */
import type { RemovalCounts, RemovalLine } from '../core/admin/removal.js'
import type { AdminClient } from './client.js'
import { Progress } from './progress.js'
import type { Terminal } from './terminal.js'

/** @throws Error with the reason when it is refused or stops */
export async function removeHost(
  client: AdminClient,
  host: string,
  force: boolean,
  { out, err }: Pick<Terminal, 'out' | 'err'>,
): Promise<void> {
  const query = force ? '?force=1' : ''
  const progress = new Progress({ err }, `removing ${host}`, 'the store')
  try {
    for await (const line of client.delete<RemovalLine>(
      `/hosts/${encodeURIComponent(host)}${query}`,
    )) {
      if ('progress' in line) progress.at(line.progress)
      else if ('error' in line) throw new Error(line.error.message)
      else return out(`${line.name} (${line.removed}) removed: ${summary(line.freed)}\n`)
    }
    throw new Error('the plugin ended before the removal did: ask again, and it goes on')
  } finally {
    progress.end()
  }
}

function summary(freed: RemovalCounts): string {
  const parts = Object.entries(freed)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${count} ${count === 1 ? SINGULAR[what] : what}`)
  return parts.join(', ') || 'it had nothing'
}

const SINGULAR: Readonly<Record<string, string>> = {
  asks: 'ask',
  networks: 'network',
  endpoints: 'endpoint',
  pools: 'pool',
  blocks: 'block',
  addresses: 'address',
} satisfies Record<keyof RemovalCounts, string>
