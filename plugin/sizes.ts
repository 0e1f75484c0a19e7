/** What a folder's room goes to. */
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const MEGABYTE = 1_000_000

/**
 * Lines for the user: the size of all files below `root`, then every file of half a megabyte or more
 * by its path in `root`, biggest first, and the rest in one line.
 */
export function sizeLines(root: string): string[] {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((path) => ({ path, stat: lstatSync(join(root, path)) }))
    .filter(({ stat }) => stat.isFile())
    .map(({ path, stat }) => ({ path, bytes: stat.size }))
    .sort((a, b) => b.bytes - a.bytes)
  const big = files.filter(({ bytes }) => bytes >= MEGABYTE / 2)
  const total = sum(files)
  return [
    `rootfs ${megabytes(total)} MB in ${files.length} files`,
    ...big.map(({ path, bytes }) => `${megabytes(bytes).padStart(8)} MB  ${path}`),
    `${megabytes(total - sum(big)).padStart(8)} MB  ${files.length - big.length} smaller files`,
  ]
}

function sum(files: readonly { readonly bytes: number }[]): number {
  return files.reduce((total, { bytes }) => total + bytes, 0)
}

function megabytes(bytes: number): string {
  return (bytes / MEGABYTE).toFixed(1)
}
