/** The kernel along a packet's way, as core/path-facts.ts describes it; sockets live for one question. */
import type { PathFacts } from '../../core/path-facts.js'
import { enterPlace } from '../places/enter-place.js'
import type { Home } from '../places/netns.js'
import { readSysctl } from '../places/sysctls.js'
import { openNetfilter, openRtnl } from '../rtnl/netlink-rtnl.js'
import { readListeners } from './listeners.js'
import { readSurroundings } from './surroundings.js'
import { tryPackets } from './tried.js'

/** @param netnsDir directory of the namespaces' files */
export function pathFacts(home: Home, netnsDir: string): PathFacts {
  const enter = <T>(where: string, inside: () => T): { readonly made: T } | undefined =>
    enterPlace(home, netnsDir, where, inside)
  return {
    surroundings: async (where, asked) => {
      const socket = enter(where, openRtnl)?.made
      return socket && using(socket, () => readSurroundings(socket, asked))
    },
    listeners: async (name) => enter(name, readListeners)?.made,
    tried: async (packets) => {
      const socket = openNetfilter()
      return using(socket, () => tryPackets(socket, packets))
    },
    forwards: (family) => readSysctl(FORWARDING[family]) === '1',
  }
}

const FORWARDING = { 4: 'net/ipv4/ip_forward', 6: 'net/ipv6/conf/all/forwarding' } as const

async function using<T>(
  socket: { close(): Promise<void> } | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } finally {
    await socket?.close()
  }
}
