/** The npm packages with machine code: copied as they are, only the files that this platform runs. */
import { cpSync, existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What the bundle imports from node_modules instead of containing it. */
export const NATIVE_PACKAGES: readonly string[] = ['koffi', 'netlink']

interface Part {
  readonly folder: string
  /** paths in that folder, files or folders */
  readonly keep: readonly string[]
}

/** koffi looks for `../@koromix/koffi-<platform>-<arch>`, netlink for `prebuilds/<platform>-<arch>`. */
function parts(arch: string): readonly Part[] {
  return [
    {
      folder: 'koffi',
      keep: ['package.json', 'index.js', 'index.cjs', 'src/koffi/index.js', 'src/koffi/index.cjs'],
    },
    { folder: 'koffi/src/koffi/src', keep: ['static.js', 'static.cjs'] },
    {
      folder: `@koromix/koffi-linux-${arch}`,
      keep: ['package.json', 'index.js', `linux_${arch}/koffi.node`],
    },
    { folder: 'netlink', keep: ['package.json', 'dist', `prebuilds/linux-${arch}`] },
    { folder: 'node-gyp-build', keep: ['package.json', 'index.js', 'node-gyp-build.js'] },
  ]
}

/**
 * Copies the native packages from `source` to `target`, both node_modules folders, and returns the
 * paths of the .node files in `target`.
 * @param arch Node's name of the processor, such as x64 or arm64
 * @throws Error naming the file that a package does not bring for this processor
 */
export function installNativePackages(
  source: string,
  target: string,
  arch: string = process.arch,
): string[] {
  for (const { folder, keep } of parts(arch)) {
    for (const path of keep) {
      const from = join(source, folder, path)
      if (!existsSync(from)) {
        throw new Error(
          `no ${folder}/${path} in ${source}: npm ci, on linux with glibc and ${arch}`,
        )
      }
      cpSync(from, join(target, folder, path), { recursive: true, filter: isRun })
    }
  }
  return readdirSync(target, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.node'))
    .map((file) => join(target, file))
}

function isRun(path: string): boolean {
  return statSync(path).isDirectory() || !/\.(d\.ts|map)$/.test(path)
}
