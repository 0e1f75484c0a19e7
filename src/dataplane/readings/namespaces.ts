/** All network namespaces that Docker and we know of on this host, with their links. */
import { fstatSync } from 'node:fs'
import { join } from 'node:path'
import { within } from '../../core/deadline.js'
import { messageOf } from '../../core/errors.js'
import type { NamespaceReading } from '../../core/kernel.js'
import { HOST } from '../../core/plan.js'
import type { Home } from '../places/netns.js'
import { listNetns, netnsState } from '../places/netns.js'
import { type FoundLinks, readLinks } from './links.js'
import { type Opened, openToRead } from './opened.js'
import { peersOf } from './peers.js'

/** How long all of it takes at most (ms), whatever the kernel does; what is not read then says so. */
const LIMIT_MS = 5_000
/** So many are read at a time. */
const AT_ONCE = 8
const TOO_LATE = 'it was not read in time'

/** A namespace while it is read. */
export interface Visited {
  readonly name: string
  readonly aliases: string[]
  readonly inode: number
  readonly opened: Opened | undefined
  found: FoundLinks | undefined
  problem?: string
}

/**
 * As Dataplane.namespaces. A namespace that cannot be read is in the list with the reason.
 * @param directory of the files
 * @throws TsoverlayError KERNEL_FAILED when the host's own cannot be opened
 */
export async function readNamespaces(
  home: Home,
  directory: string,
): Promise<readonly NamespaceReading[]> {
  const end = performance.now() + LIMIT_MS
  const visited = openAll(home, directory)
  try {
    const waiting = [...visited]
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        await visit(next, end)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    const peers = await peersOf(visited, end)
    return visited.map((each) => ({
      name: each.name,
      aliases: each.aliases,
      inode: each.inode,
      live: each.opened !== undefined || each.problem !== undefined,
      ours: each.found?.ours ?? false,
      links: (each.found?.links ?? []).map((link) => {
        const { other: _, nsid: __, ...shown } = link
        const peer = peers.get(link)
        return peer === undefined ? shown : { ...shown, peer }
      }),
      ...(each.problem === undefined ? {} : { problem: each.problem }),
    }))
  } finally {
    await Promise.all(visited.map(({ opened }) => opened?.close()))
  }
}

/** The host's own first, then by name; files of one namespace together. */
function openAll(home: Home, directory: string): readonly Visited[] {
  const visited = [openOne(home, HOST, undefined)]
  for (const name of [...listNetns(directory)].sort()) {
    const next = openFile(home, directory, name)
    const same = visited.find(({ inode, opened }) => opened && next.opened && inode === next.inode)
    if (same === undefined) visited.push(next)
    else {
      same.aliases.push(name)
      // it is closed in a later turn
      void next.opened?.close()
    }
  }
  return visited
}

function openFile(home: Home, directory: string, name: string): Visited {
  const none = { name, aliases: [], inode: 0, opened: undefined, found: undefined }
  try {
    const path = join(directory, name)
    return netnsState(path) === 'live' ? openOne(home, name, path) : none
  } catch (error) {
    return { ...none, problem: messageOf(error) }
  }
}

function openOne(home: Home, name: string, path: string | undefined): Visited {
  const opened = openToRead(home, path)
  const inode = fstatSync(opened.fd).ino
  return { name, aliases: [], inode, opened, found: undefined }
}

async function visit(one: Visited, end: number): Promise<void> {
  const { opened } = one
  if (opened === undefined) return
  try {
    const reading = readLinks(opened.rtnl).then((found) => {
      one.found = found
    })
    // nobody waits for it any more where it is late
    reading.catch(() => undefined)
    if (!(await within(reading, Math.max(0, end - performance.now())))) one.problem = TOO_LATE
  } catch (error) {
    one.problem = messageOf(error)
  }
}
