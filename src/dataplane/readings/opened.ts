/**
 * A namespace opened to be read, by sockets of its own: those of passes are busy with passes. The
 * kernel's dumps take no lock for longer than a part of them takes.
 */
import { closeSync } from 'node:fs'
import type { Home } from '../places/netns.js'
import { OWN_NAMESPACE, openNetns } from '../places/netns.js'
import { openNetfilter, openRtnl } from '../rtnl/netlink-rtnl.js'
import type { BatchSocket, Rtnl } from '../rtnl/rtnl.js'

export interface Opened {
  readonly fd: number
  readonly rtnl: Rtnl
  close(): Promise<void>
}

/**
 * @param path of its file; undefined: that of the calling thread
 * @throws TsoverlayError KERNEL_FAILED
 */
export function openToRead(home: Home, path: string | undefined): Opened {
  const fd = openNetns(path ?? OWN_NAMESPACE)
  try {
    const rtnl = home.enter(fd, openRtnl)
    return {
      fd,
      rtnl,
      close: async () => {
        await rtnl.close()
        closeSync(fd)
      },
    }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** Its rules; undefined on a kernel without. @throws TsoverlayError KERNEL_FAILED */
export function openRulesToRead(home: Home, { fd }: Opened): BatchSocket | undefined {
  return home.enter(fd, openNetfilter)
}
