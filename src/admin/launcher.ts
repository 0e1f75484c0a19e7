/**
 * A way to the CLI for hosts without Node: a small shell script in the host's /run/tsoverlay that
 * runs the plugin's Node by the plugin's own loader and libraries, which /proc/<pid>/root shows. So it
 * needs nothing of the host's, not even nsenter, and the CLI is in the host's own namespaces: it sees
 * its files, and what it starts is the host's. Node must not resolve the symbolic link of that path: it
 * reads as `/`, though it leads elsewhere. The plugin is found by its process id, which is the
 * host's (config.json has pidhost), so a copy of the script stays right when the plugin restarts.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

export interface Launch {
  /** the host's folder of the script, as the plugin sees it */
  readonly folder: string
  /** the same folder as the host sees it */
  readonly hostFolder: string
  /** absolute paths in the plugin's mount namespace */
  readonly node: string
  readonly cli: string
  readonly libraries: Libraries
  /** as the host sees it */
  readonly socket: string
}

/** Absolute paths in the plugin's mount namespace. */
export interface Libraries {
  /** ld.so(8) */
  readonly loader: string
  readonly folders: readonly string[]
}

/** What this process was loaded by and with (proc_pid_maps(5)). */
export function ownLibraries(maps = readFileSync('/proc/self/maps', 'utf8')): Libraries {
  const files = maps.split('\n').flatMap((line) => line.match(/ (\/\S*\.so[.\d]*)$/)?.[1] ?? [])
  const loader = files.find((file) => /^ld-/.test(basename(file)))
  if (loader === undefined) throw new Error('the C library of this process has no loader')
  const folders = files.filter((file) => file.startsWith('/lib') || file.startsWith('/usr/lib'))
  return { loader, folders: [...new Set(folders.map(dirname))] }
}

/** Writes `cli` (the script) and `pid`. */
export function writeLauncher(launch: Launch): void {
  mkdirSync(launch.folder, { recursive: true, mode: 0o700 })
  writeFileSync(join(launch.folder, 'pid'), `${process.pid}\n`, { mode: 0o600 })
  writeFileSync(join(launch.folder, 'cli'), scriptOf(launch), { mode: 0o755 })
}

function scriptOf({ hostFolder, node, cli, libraries, socket }: Launch): string {
  const folders = libraries.folders.map((folder) => `$root${folder}`).join(':')
  return `#!/bin/sh
# The tsoverlay CLI, which is inside the plugin. Written by the plugin at its start.
root=/proc/$(cat ${hostFolder}/pid 2>/dev/null)/root
if [ ! -e "$root${cli}" ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "tsoverlay: only root may ask the plugin: sudo tsoverlay $*" >&2
    exit 1
  fi
  echo "tsoverlay: the plugin does not run on this host: docker plugin enable local/tsoverlay" >&2
  exit 1
fi
export TSOVERLAY_SOCKET="\${TSOVERLAY_SOCKET:-${socket}}"
# What the user's own node is told may be nowhere in the plugin; commands that the CLI runs have it.
if [ -n "\${NODE_OPTIONS+set}" ]; then
  export TSOVERLAY_NODE_OPTIONS="$NODE_OPTIONS"
  unset NODE_OPTIONS
fi
exec "$root${libraries.loader}" --library-path "${folders}" "$root${node}" \
  --preserve-symlinks --preserve-symlinks-main "$root${cli}" "$@"
`
}
