/** Executables and shared libraries: which libraries they need, and how they get into a rootfs. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  realpathSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { attempt, run } from './run.js'

/**
 * Paths of the shared libraries and of the dynamic loader that an ELF file needs, as `ldd` prints
 * them. A static executable needs none.
 * @throws Error naming a library that the machine does not have
 */
export function librariesOf(file: string): string[] {
  const done = attempt('ldd', [file])
  if (!done.ok && /not a dynamic executable|statically linked/.test(done.problem + done.stdout)) {
    return []
  }
  if (!done.ok) throw new Error(`ldd ${file}: ${done.problem}`)
  return parseLdd(done.stdout, file)
}

/** Takes the output of `ldd`: lines `name => path (address)`, or `path (address)` for the loader. */
export function parseLdd(output: string, file: string): string[] {
  const missing = /^\s*(\S+) => not found/m.exec(output)?.[1]
  if (missing !== undefined) throw new Error(`${file} needs ${missing}, which is not installed`)
  return output
    .split('\n')
    .map((line) => /^\s*(?:\S+ => )?(\/\S+) \(0x/.exec(line)?.[1])
    .filter((path) => path !== undefined)
}

/**
 * Copies every library of `files` to its own path below `rootfs` (what a symbolic link points to is
 * copied under the link's name) and writes the loader's cache, so that libraries outside of the
 * loader's built-in folders are found as well.
 */
export function installLibraries(rootfs: string, files: readonly string[]): void {
  const wanted = new Set(files.flatMap(librariesOf))
  for (const path of wanted) {
    mkdirSync(join(rootfs, dirname(path)), { recursive: true })
    copyFileSync(realpathSync(path), join(rootfs, path))
    chmodSync(join(rootfs, path), 0o755)
  }
  const folders = new Set([...wanted].map((path) => dirname(path)))
  writeFileSync(join(rootfs, 'etc/ld.so.conf'), `${[...folders].join('\n')}\n`)
  run(existsSync('/sbin/ldconfig') ? '/sbin/ldconfig' : 'ldconfig', ['-X', '-r', rootfs])
}

/**
 * Removes debug symbols in place. True if done; false where binutils is not installed, which costs
 * room (12 MB for NodeSource's node 20) and nothing else.
 */
export function strip(file: string): boolean {
  return attempt('strip', ['--strip-unneeded', file]).ok
}
