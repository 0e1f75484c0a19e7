import { readdirSync } from 'node:fs'

/**
 * Files below `root` that the pattern names: `*` and `{a,b}` within a name, `**` across folders.
 * @returns paths relative to `root`, sorted.
 */
export function filesOf(pattern: string, root: string): string[] {
  const fixed = /^[^*{]*\//.exec(pattern)?.[0] ?? ''
  const wanted = new RegExp(`^${toRegExp(pattern)}$`)
  let names: string[]
  try {
    names = readdirSync(`${root}/${fixed}`, { recursive: true, encoding: 'utf8' })
  } catch {
    return [] // no such folder, so nothing that matches
  }
  return names
    .map((name) => `${fixed}${name}`)
    .filter((path) => wanted.test(path))
    .sort()
}

function toRegExp(pattern: string): string {
  return pattern
    .replaceAll(/[.+^$()|[\]\\]/g, '\\$&')
    .replaceAll(/\{([^}]*)\}/g, (_, names: string) => `(${names.replaceAll(',', '|')})`)
    .replaceAll(/\*\*\/|\*/g, (star) => (star === '*' ? '[^/]*' : '(.*/)?'))
}
