/** The CLI in this process, and an admin socket for it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { AdminServer } from '../../src/admin/server.js'
import { runCli } from '../../src/cli/program.js'
import { resourcesOf } from '../admin/resources.js'
import type { TestHost } from '../control/host.js'
import type { MemoryStore } from '../fakes/memory-store.js'

export interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

export async function cli(socket: string, ...argv: string[]): Promise<Outcome> {
  let [out, err] = ['', '']
  const code = await runCli(argv, {
    env: { TSOVERLAY_SOCKET: socket },
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
  })
  return { code, out, err }
}

/** @returns the path of a host's admin socket, which ends with the test */
export async function listen(t: Test, host: TestHost, store?: MemoryStore): Promise<string> {
  const { statics } = host.names
  statics.start()
  const server = new AdminServer(resourcesOf(host, store))
  // tap's own folder would be too long for a socket (sun_path, 107 bytes)
  const dir = mkdtempSync(join(tmpdir(), 'tsoverlay-'))
  t.teardown(async () => {
    await server.close()
    await statics.close()
    rmSync(dir, { recursive: true })
  })
  await server.listen(`${dir}/admin.sock`)
  return `${dir}/admin.sock`
}
