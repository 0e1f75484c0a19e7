/** What stands in a plugin's journal (src/state/shelf.ts), read beside the plugin that writes it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { blockId } from '../../src/state/journal.js'

type Fields = Record<string, string> & Parameters<typeof blockId>[0]

/** The ids by which documents are replaced and deleted; `id` where nothing else is said. */
const ID_OF: Readonly<Record<string, (document: Fields) => string | undefined>> = {
  'networks.jsonl': (document) => document['dockerNetwork'],
  'blocks.jsonl': blockId,
}

/** @returns a line for each document that holds: the file's name and the document */
export function journalDocuments(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const held = new Map<string, string>()
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
      replay(held, line, ID_OF[name] ?? ((document) => document['id']))
    }
    return [...held.values()].map((text) => `${name} ${text}`)
  })
}

function replay(
  held: Map<string, string>,
  line: string,
  idOf: (document: Fields) => string | undefined,
): void {
  try {
    if (line.startsWith('-')) held.delete(JSON.parse(line.slice(1)))
    if (line.startsWith('+')) held.set(idOf(JSON.parse(line.slice(1))) ?? line, line.slice(1))
  } catch {
    // being written at this moment
  }
}
