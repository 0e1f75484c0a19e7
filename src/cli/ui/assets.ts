/** The files of the page: a fixed list, read once. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../core/errors.js'
import { CliFailure } from '../failure.js'

interface Asset {
  readonly type: string
  readonly body: Buffer
}
/** path → file */
export type Assets = ReadonlyMap<string, Asset>

const FILES: readonly (readonly [path: string, file: string, type: string])[] = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/page.js', 'page.js', 'text/javascript; charset=utf-8'],
  ['/page.css', 'page.css', 'text/css; charset=utf-8'],
  ['/icon.svg', 'icon.svg', 'image/svg+xml'],
]

/**
 * @param folder where plugin/bundle.ts has put them: `ui` beside cli.js
 * @throws CliFailure
 */
export function readAssets(folder: string): Assets {
  try {
    return new Map(
      FILES.map(([path, file, type]) => [path, { type, body: readFileSync(join(folder, file)) }]),
    )
  } catch (error) {
    throw new CliFailure(`the page's files are not there: ${messageOf(error)}`)
  }
}
