/** Looks into a container's namespace. */
import { closeSync } from 'node:fs'
import { type Home, netnsState, openNetns } from '../places/netns.js'
import { decodeLink, dumpLinks } from '../rtnl/link-codec.js'
import { openRtnl } from '../rtnl/netlink-rtnl.js'
import type { Rtnl } from '../rtnl/rtnl.js'

/** As Dataplane.hasInterfaces. @param path of the namespace's file */
export async function hasInterfaces(home: Home, path: string): Promise<boolean> {
  // dockerd makes it with the container's process, after its endpoints have joined.
  if (netnsState(path) !== 'live') return false
  let rtnl: Rtnl | undefined
  try {
    rtnl = openThere(home, path)
    const links = (await rtnl.dump(dumpLinks())).map(decodeLink)
    return links.some(({ loopback }) => !loopback)
  } catch {
    return true
  } finally {
    await rtnl?.close()
  }
}

function openThere(home: Home, path: string): Rtnl {
  const fd = openNetns(path)
  try {
    return home.enter(fd, openRtnl)
  } finally {
    closeSync(fd)
  }
}
