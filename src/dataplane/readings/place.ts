/** All of one place that plans are about, but its links. */
import { join } from 'node:path'
import type { PlaceReading } from '../../core/kernel.js'
import { HOST, type Place } from '../../core/plan.js'
import { isSandboxName } from '../places/marks.js'
import { type Home, netnsState } from '../places/netns.js'
import { decodeLink, dumpLinks } from '../rtnl/link-codec.js'
import { readFdb, readNeighbours, readProxies, readRoutes } from './entries.js'
import { type Opened, openRulesToRead, openToRead } from './opened.js'
import { readRulesOf } from './rules.js'

/**
 * As Dataplane.read. Each request has the time limit of its socket.
 * @param directory of the sandboxes' files
 * @throws TsoverlayError KERNEL_FAILED
 */
export async function readPlace(
  home: Home,
  directory: string,
  place: Place,
): Promise<PlaceReading | undefined> {
  return withPlace(home, directory, place, (opened) => read(home, opened, place))
}

/** Opens a place for as long as `look` takes. @returns undefined: it is not there */
export async function withPlace<T>(
  home: Home,
  directory: string,
  place: Place,
  look: (opened: Opened) => Promise<T>,
): Promise<T | undefined> {
  const path = place === HOST ? undefined : join(directory, place)
  const isThere = path === undefined || (isSandboxName(place) && netnsState(path) === 'live')
  if (!isThere) return undefined
  const opened = openToRead(home, path)
  try {
    return await look(opened)
  } finally {
    await opened.close()
  }
}

async function read(home: Home, opened: Opened, place: Place): Promise<PlaceReading> {
  const { rtnl } = opened
  const netfilter = openRulesToRead(home, opened)
  try {
    const links = (await rtnl.dump(dumpLinks())).map(decodeLink)
    const names = new Map(links.map(({ index, name }) => [index, name]))
    return {
      place,
      neighbours: await readNeighbours(rtnl, names),
      fdb: await readFdb(rtnl, names),
      routes: await readRoutes(rtnl, names),
      proxies: await readProxies(rtnl, names),
      ...(netfilter === undefined ? {} : { rules: await readRulesOf(netfilter, place) }),
    }
  } finally {
    await netfilter?.close()
  }
}
