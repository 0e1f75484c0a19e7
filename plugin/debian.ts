/** Files out of Debian packages, without installing them: nothing is started or configured. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { attempt, run } from './run.js'

/**
 * Unpacks a package into a folder under `cache` and returns that folder. The .deb is downloaded
 * once: to get a newer version, delete it from `cache`.
 * @param report takes a line for the user when something is downloaded
 * @throws Error if apt knows no such package, or cannot download it
 */
export function unpackPackage(
  name: string,
  cache: string,
  report: (line: string) => void,
): { readonly folder: string; readonly file: string } {
  mkdirSync(cache, { recursive: true })
  const file = cached(name, cache) ?? download(name, cache, report)
  const folder = join(cache, name)
  rmSync(folder, { recursive: true, force: true })
  run('dpkg-deb', ['-x', join(cache, file), folder])
  return { folder, file }
}

function cached(name: string, cache: string): string | undefined {
  const architecture = run('dpkg', ['--print-architecture']).trim()
  return readdirSync(cache)
    .filter((file) => file.startsWith(`${name}_`) && file.endsWith(`_${architecture}.deb`))
    .sort()
    .at(-1)
}

function download(name: string, cache: string, report: (line: string) => void): string {
  report(`downloading the Debian package ${name}`)
  // as root apt drops to the user _apt, who may not write here
  const get = () => attempt('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', name], cache)
  let done = get()
  if (!done.ok) {
    report('the package lists are missing or old: apt-get update')
    run('apt-get', ['update'])
    done = get()
  }
  const file = cached(name, cache)
  if (!done.ok || file === undefined) {
    throw new Error(`apt-get cannot download ${name}: ${done.problem}`)
  }
  return file
}
