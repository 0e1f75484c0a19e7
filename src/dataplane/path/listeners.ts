/** Sockets of a namespace that wait for packets, as /proc/net lists them (proc(5)). */
import { readFileSync } from 'node:fs'
import { type Ip, ipFromBytes } from '../../core/ip.js'
import type { ListenFact } from '../../core/path-facts.js'

const FILES = [
  ['tcp', 'tcp'],
  ['tcp', 'tcp6'],
  ['udp', 'udp'],
  ['udp', 'udp6'],
] as const
/** Numbers of states (include/net/tcp_states.h): TCP_LISTEN, and of UDP TCP_CLOSE, which is "not connected". */
const WAITING = { tcp: 0x0a, udp: 0x07 } as const
/** `  0: 0100007F:1F90 00000000:0000 0A …`; IPv6 has four words, each in the machine's order */
const LINE = /^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) /

/** Of the calling thread's namespace; synchronous. */
export function readListeners(): readonly ListenFact[] {
  return FILES.flatMap(([protocol, file]) => parseListeners(protocol, contentOf(file)))
}

/** @param content of /proc/net/tcp or one like it */
export function parseListeners(protocol: 'tcp' | 'udp', content: string): readonly ListenFact[] {
  return content.split('\n').flatMap((line): ListenFact[] => {
    const [, address = '', port = '', state = ''] = LINE.exec(line) ?? []
    if (Number.parseInt(state, 16) !== WAITING[protocol]) return []
    return [{ protocol, address: addressOf(address), port: Number.parseInt(port, 16) }]
  })
}

function addressOf(hex: string): Ip {
  return ipFromBytes(Buffer.from(hex, 'hex').swap32())
}

/** A kernel without IPv6 has no tcp6. */
function contentOf(file: string): string {
  try {
    return readFileSync(`/proc/thread-self/net/${file}`, 'utf8')
  } catch {
    return ''
  }
}
