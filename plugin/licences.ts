/** The licence texts of the npm packages in the rootfs: most of them ask to travel with the code. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The packages that a bundle's inputs, such as `node_modules/pino/lib/proto.js`, are of: their folders
 * below node_modules, as npm puts one into another where two versions of it are needed.
 */
export function packagesOf(inputs: readonly string[]): string[] {
  const folders = inputs.map(
    (input) => /node_modules\/(.*node_modules\/)?(?:@[^/]+\/)?[^/]+(?=\/)/.exec(input)?.[0],
  )
  return folders.flatMap((folder) => folder?.replace(/^node_modules\//, '') ?? [])
}

/** One text with the licence of every package, in order of name. `modules` is a node_modules folder. */
export function licenceTexts(modules: string, packages: readonly string[]): string {
  return [...new Set(packages)]
    .sort()
    .map((name) => `${'='.repeat(72)}\n${licenceText(join(modules, name))}`)
    .join('\n')
}

function licenceText(folder: string): string {
  const { name, version, license } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  ) as { name: string; version: string; license?: string }
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8'))
  return `${name} ${version} (${license ?? 'no licence named'})\n\n${texts.join('\n')}`
}
