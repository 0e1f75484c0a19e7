/**
 * Who this host is. The id must outlive a restart, an upgrade and a reinstall of the plugin while
 * containers run: so it stands both in the plugin's data folder (survives a reboot) and in the
 * host's /run (survives `docker plugin rm`). The boot token stands only in /run, which a reboot
 * empties; the kernel's boot_id would not do, as several Docker hosts can share one kernel.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import type { Host } from '../core/types.js'

export type Identity = Pick<Host, 'id' | 'name' | 'boot'>

/**
 * Reads the identity, making what is missing.
 * @param dataDir the plugin's own folder, kept over reboots
 * @param runDir folder on the host's tmpfs, kept over a reinstall
 */
export function loadIdentity(dataDir: string, runDir: string): Identity {
  const places = [join(dataDir, 'host-id'), join(runDir, 'host-id')]
  const id = places.map(readId).find((found) => found !== undefined) ?? randomUUID()
  for (const place of places) writeId(place, id)
  const bootFile = join(runDir, 'boot-id')
  const boot = readId(bootFile) ?? randomUUID()
  writeId(bootFile, boot)
  return { id, name: hostname(), boot }
}

function readId(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return /^[0-9a-f-]{36}$/.test(text) ? text : undefined
  } catch {
    return undefined
  }
}

function writeId(path: string, id: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(path, `${id}\n`, { mode: 0o600 })
}
