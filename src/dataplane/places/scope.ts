/** What all places of a process have in common, and what a pass in one of them works with. */
import type { Announcement, Logger, Miss } from '../../core/ports.js'
import type { VxlanSearch } from '../facts/vxlan-devices.js'
import type { Rtnl } from '../rtnl/rtnl.js'
import type { Scope } from '../tables/kernel-table.js'
import type { Namespace } from './namespace.js'
import type { Home } from './netns.js'

export interface Shared {
  readonly home: Home
  /** socket in the host's namespace */
  readonly host: Rtnl
  readonly logger: Logger
  readonly vxlans: VxlanSearch
  readonly listeners: {
    readonly onMiss: (miss: Miss) => void
    readonly onDrift: (place: string) => void
    readonly onAnnouncement: (heard: Announcement) => void
  }
}

export function scopeOf(namespace: Namespace, { home, host, vxlans }: Shared): Scope {
  const { rtnl, lists, netfilter, fd } = namespace
  return {
    rtnl,
    lists,
    netfilter,
    netnsFd: fd,
    host,
    hostFd: home.fd,
    vxlans,
    inside: (call) => home.enter(fd, call),
    frames: () => namespace.frames(home),
    hear: (bind, onPacket) => namespace.hear(home, bind, onPacket),
  }
}
