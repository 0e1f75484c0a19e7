/** A .tar.gz with some texts. */
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Item } from './contents.js'

/** Only its owner may read what is in it. */
const MODE = 0o600

/**
 * @param path a file that is there is replaced
 * @param folder in which the texts are, in the archive
 * @throws Error when the file cannot be written
 */
export async function writeArchive(
  path: string,
  folder: string,
  items: readonly Item[],
): Promise<void> {
  // Here, as no other verb needs it.
  const { pack } = await import('tar-stream')
  const archive = pack()
  const written = pipeline(archive, createGzip(), createWriteStream(path, { mode: MODE }))
  const mtime = new Date()
  for (const { name, text } of items) {
    const entry = archive.entry({ name: `${folder}/${name}`, mode: MODE, mtime }, text)
    // Those that wait for a file which cannot be written fail with it, and it is told once.
    entry.on('error', () => undefined)
  }
  archive.finalize()
  await written
}
