/**
 * Who this host is. The id must outlive a restart, an upgrade and a reinstall of the plugin while
 * containers run: so it stands both in the plugin's data folder (survives a reboot) and in the
 * host's /run (survives `docker plugin rm`). The boot token stands only in /run, which a reboot
 * empties; the kernel's boot_id would not do, as several Docker hosts can share one kernel.
 *
 * A copy of the disk has the id, too. host-claim.ts finds out; then the id is given up here, and what
 * the journal has of the other machine's is dropped at the next start.
 */
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
  const places = idFiles(dataDir, runDir)
  const found = places.map(readId).find((one) => one !== undefined)
  const isGivenUp = found !== undefined && found === givenUp(dataDir)
  const id = isGivenUp ? randomUUID() : (found ?? randomUUID())
  for (const place of places) writeId(place, id)
  const bootFile = join(runDir, 'boot-id')
  const boot = readId(bootFile) ?? randomUUID()
  writeId(bootFile, boot)
  return { id, name: hostname(), boot }
}

/** Whether no plugin has run since the host was booted. */
export function isFirstOfBoot(runDir: string): boolean {
  return !existsSync(join(runDir, 'host-id'))
}

/** The id is another machine's: the next start has one of its own. A crash in between does not matter. */
export function giveUpIdentity(dataDir: string, { id }: Identity): void {
  writeId(join(dataDir, FORMER), id)
}

/** The id that was given up, until the journal has let go of what was its. */
export function givenUp(dataDir: string): string | undefined {
  return readId(join(dataDir, FORMER))
}

/** The journal has nothing of the former id's any more. */
export function forgetGivenUp(dataDir: string): void {
  rmSync(join(dataDir, FORMER), { force: true })
}

const FORMER = 'former-host-id'

function idFiles(dataDir: string, runDir: string): readonly string[] {
  return [join(dataDir, 'host-id'), join(runDir, 'host-id')]
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
