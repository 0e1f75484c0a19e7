/** As HostLooks.checksums: /proc/net/snmp and snmp6 of a namespace (Documentation/networking/snmp_counter.rst). */
import { closeSync, readFileSync } from 'node:fs'
import type { Checksums } from '../../core/host-looks.js'
import { type Home, netnsState, openNetns } from '../places/netns.js'

/** @param path of the namespace's file */
export function readChecksums(home: Home, path: string): Checksums | undefined {
  try {
    if (netnsState(path) !== 'live') return undefined
    const fd = openNetns(path)
    try {
      // of the thread's own namespace, whatever is mounted
      const read = (): string => readFileSync('/proc/thread-self/net/snmp', 'utf8')
      return checksumsOf(home.enter(fd, read))
    } finally {
      closeSync(fd)
    }
  } catch {
    return undefined
  }
}

/** Of the text of /proc/net/snmp, where TCP counts IPv6, too. */
export function checksumsOf(text: string): Checksums {
  const lines = text.split('\n').map((line) => line.split(/\s+/))
  const counted = (protocol: string, name: string): number => {
    const [names, values] = lines.filter(([head]) => head === `${protocol}:`)
    const at = names?.indexOf(name) ?? -1
    return at < 0 ? 0 : Number(values?.[at] ?? 0)
  }
  return {
    received: counted('Tcp', 'InSegs') + counted('Udp', 'InDatagrams'),
    wrong: counted('Tcp', 'InCsumErrors') + counted('Udp', 'InCsumErrors'),
  }
}
