/** Descriptors on 127.0.0.12, as a container's namespace gives them, and a resolver behind. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import koffi from 'koffi'
import { Framing, framed } from '../../src/dns/framing.js'
import type { ResolverSockets } from '../../src/dns/server.js'

const libc = koffi.load('libc.so.6')
const socket = libc.func('int socket(int domain, int type, int protocol)')
const bind = libc.func('int bind(int fd, const void *address, unsigned int length)')
const getsockname = libc.func('int getsockname(int fd, void *address, void *length)')
const TYPES = { tcp: 1, udp: 2 } as const

function open(type: 'udp' | 'tcp', isBound = true): number {
  const fd: unknown = socket(2, TYPES[type] | 0x80000, 0)
  const address = Buffer.from([2, 0, 0, 0, 127, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0])
  if (isBound && bind(fd, address, address.length) !== 0) throw new Error('bind')
  return Number(fd)
}

function portOf(fd: number): number {
  const address = Buffer.alloc(16)
  getsockname(fd, address, Buffer.from([16, 0, 0, 0]))
  return address.readUInt16BE(2)
}

export function openSockets(): ResolverSockets & { readonly ports: { udp: number; tcp: number } } {
  const [udp, tcp] = [open('udp'), open('tcp')]
  const ports = { udp: portOf(udp), tcp: portOf(tcp) }
  return { udp, tcp, ports, openUdp: () => open('udp'), openTcp: () => open('tcp', false) }
}

/** @param reply its answers to one question, by UDP and TCP */
export async function startUpstream(reply: (query: Buffer) => readonly Buffer[]) {
  const tcp = createServer((client) => {
    const framing = new Framing()
    client.on('error', () => client.destroy())
    client.on('data', (chunk) => {
      framing.feed(chunk)
      const query = framing.next()
      if (query !== undefined) for (const message of reply(query)) client.write(framed(message))
    })
  })
  await once(tcp.listen(0, '127.0.0.1'), 'listening')
  const { port } = tcp.address() as { port: number }
  const senders: number[] = []
  const udp = createSocket('udp4')
  udp.on('message', (query, from) => {
    senders.push(from.port)
    for (const message of reply(query)) udp.send(message, from.port, from.address)
  })
  udp.bind(port, '127.0.0.1')
  await once(udp, 'listening')
  const close = (): void => {
    udp.close()
    tcp.close()
  }
  return { upstream: { host: '127.0.0.1', port }, senders, close }
}
