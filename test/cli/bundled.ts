/** The CLI as one file that Node starts at once, as the plugin has it. */
import { chmodSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const SOURCE = fileURLToPath(new URL('../../src/cli/', import.meta.url))

/**
 * Leaves the program `tsoverlay` in a folder.
 * @param socket that it asks
 * @returns its path
 */
export async function installCli(folder: string, socket: string): Promise<string> {
  const files = { 'start.ts': 'cli.cjs', 'main.ts': 'cli-program.cjs' }
  for (const [entry, file] of Object.entries(files)) {
    await build({
      entryPoints: [SOURCE + entry],
      outfile: `${folder}/${file}`,
      bundle: true,
      platform: 'node',
      format: 'cjs',
    })
  }
  const path = `${folder}/tsoverlay`
  const script = `#!/bin/sh\nexport TSOVERLAY_SOCKET=${socket}\nunset NODE_OPTIONS\nexec ${process.execPath} ${folder}/cli.cjs "$@"\n`
  writeFileSync(path, script)
  chmodSync(path, 0o755)
  return path
}
