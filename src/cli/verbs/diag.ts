/** `diag`. */
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { writeArchive } from '../diag/archive.js'
import { gather } from '../diag/contents.js'
import { EXIT } from '../failure.js'
import { table } from '../tables/table.js'
import { type AddVerbs, clientOf, examples, listing, print } from '../verb.js'

export const addDiag: AddVerbs = (tools) => {
  const diag = listing(
    tools.root,
    'diag',
    'write an archive for a bug report, without passwords and the like',
  ).option('-o, --output <file>', 'where to; else a new file in the current folder')
  examples(diag, [
    ['tsoverlay diag', 'look at what is listed before you hand it on'],
    ['tsoverlay diag -o /tmp/report.tar.gz', 'to that file'],
  ]).action(async ({ output }: { output?: string }, own) => {
    const folder = `tsoverlay-diag-${hostname()}-${stamp(new Date())}`
    const path = resolve(output ?? `${folder}.tar.gz`)
    const { items, gaps } = await gather(clientOf(own))
    await writeArchive(path, folder, items)
    const files = items.map(({ name, text }) => ({ name, bytes: Buffer.byteLength(text) }))
    print(tools, own, { path, folder, files, gaps }, () => {
      const rows = files.map(({ name, bytes }) => [name, `${bytes} bytes`])
      const missing = gaps.map(({ what, why }) => ['not in it', `${what}: ${why}`])
      return `${path}\n\n${table([...rows, ...missing])}`
    })
    // Without the plugin it is half of a report.
    if (gaps.some(({ what }) => what === '/status')) tools.exitWith(EXIT.found)
  })
}

/** 20260131T093000, in UTC. */
function stamp(time: Date): string {
  return time
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replaceAll(/[-:]/g, '')
}
