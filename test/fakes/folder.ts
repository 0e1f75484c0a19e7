import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Scope {
  teardown(work: () => unknown): unknown
}

/**
 * A new folder, removed after everything that the test closes later on. tap's own `testdir` goes
 * before the first teardown, while hosts still write into it.
 */
export function folder(t: Scope): string {
  const path = mkdtempSync(join(tmpdir(), 'tsoverlay-test-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}
