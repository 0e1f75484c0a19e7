/** Sends probes by a raw socket: they go the way of whatever the container sends, its own rules among it. */
import { randomInt } from 'node:crypto'
import { closeSync } from 'node:fs'
import { familyOf } from '../../core/ip.js'
import type { Flow, OpenSender } from '../../core/live.js'
import { localPort, openSocket, type SocketOption, sendNow } from '../libc.js'
import { AF } from '../rtnl/constants.js'
import { sockaddr } from '../sockaddr.js'
import { PROTOCOL } from './packet-shape.js'
import { echoRequest, synSegment } from './probe-packets.js'

/** SO_RCVBUF (asm/socket.h): answers are heard elsewhere, and none is kept here. */
const DEAF: SocketOption = [1, 8, new Uint8Array(4)]

/** In the namespace of the calling thread; synchronous. @returns the name of an errno */
export function openLiveSender(flow: Flow, most: number): OpenSender | string {
  const family = familyOf(flow.to)
  const af = family === 4 ? AF.INET : AF.INET6
  const open: number[] = []
  const close = (): void => {
    for (const fd of open.splice(0)) closeSync(fd)
  }
  const opened = (fd: number | string): number | string => {
    if (typeof fd === 'number') open.push(fd)
    else close()
    return fd
  }
  const ends = { local: sockaddr(flow.from), peer: sockaddr(flow.to) }
  const protocol = PROTOCOL[flow.protocol][family]
  const raw = opened(openSocket({ family: af, type: 'raw', protocol, options: [DEAF], ...ends }))
  if (typeof raw === 'string') return raw
  const ports: number[] = []
  for (let probe = 0; flow.protocol === 'tcp' && probe < most; probe += 1) {
    // Each probe is a connection of its own. A port that is taken is nobody else's; as nothing listens
    // or connects there, the kernel ends what is answered (RST).
    const held = opened(openSocket({ family: af, type: 'tcp', local: ends.local }))
    if (typeof held === 'string') return held
    ports.push(localPort(held) ?? 0)
  }
  const id = randomInt(0x10000)
  const packet = (number: number): Buffer =>
    flow.protocol === 'tcp'
      ? synSegment(flow, number, ports[number] ?? 0)
      : echoRequest(flow, number, (id + number) & 0xffff)
  // The first error may be of a probe before: somebody has said that it does not arrive (ICMP).
  const send = (bytes: Buffer): string | undefined =>
    sendNow(raw, bytes) === undefined ? undefined : sendNow(raw, bytes)
  return { send: (number) => send(packet(number)), close }
}
