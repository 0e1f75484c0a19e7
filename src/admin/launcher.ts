/**
 * A way to the CLI for hosts without Node: a small shell script in the host's /run/tsoverlay that
 * runs the CLI inside the plugin, which has one. It finds the plugin by its process id, which is the
 * host's (config.json has pidhost), so a copy of the script stays right when the plugin restarts.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Launch {
  /** the host's folder of the script, as the plugin sees it */
  readonly folder: string
  /** the same folder as the host sees it */
  readonly hostFolder: string
  /** absolute paths in the plugin's mount namespace */
  readonly node: string
  readonly cli: string
  readonly socket: string
}

/** Writes `cli` (the script) and `pid`. */
export function writeLauncher(launch: Launch): void {
  mkdirSync(launch.folder, { recursive: true, mode: 0o700 })
  writeFileSync(join(launch.folder, 'pid'), `${process.pid}\n`, { mode: 0o600 })
  writeFileSync(join(launch.folder, 'cli'), scriptOf(launch), { mode: 0o755 })
}

function scriptOf({ hostFolder, node, cli, socket }: Launch): string {
  return `#!/bin/sh
# The tsoverlay CLI, which is inside the plugin. Written by the plugin at its start.
pid=$(cat ${hostFolder}/pid 2>/dev/null)
if [ -z "$pid" ] || [ ! -e "/proc/$pid/root${cli}" ]; then
  echo "tsoverlay: the plugin does not run on this host: docker plugin enable local/tsoverlay" >&2
  exit 1
fi
# Nothing of the caller's environment means anything inside.
exec env -i PATH="$PATH" TSOVERLAY_SOCKET=${socket} nsenter --target "$pid" --mount -- ${node} ${cli} "$@"
`
}
