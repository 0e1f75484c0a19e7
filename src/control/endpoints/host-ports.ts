/** Whether a port of this host can be had, found out by having it for a moment. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { messageOf } from '../../core/errors.js'
import { familyOf, type Ip } from '../../core/ip.js'
import type { PortProtocol } from '../../core/published-port.js'

export interface HostPorts {
  /**
   * Why the port cannot be had; undefined: nothing says so.
   * @param ip an address of the host, or that of all of one family
   */
  problem(protocol: PortProtocol, ip: Ip, port: number): Promise<string | undefined>
  /** One that nobody has, out of net.ipv4.ip_local_port_range, as the kernel chooses it. */
  choose(protocol: PortProtocol, ip: Ip): Promise<number>
}

const PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'a program of this host listens on it',
  EADDRNOTAVAIL: 'this host does not have that address',
}

/** Node has no SCTP sockets: of those ports only our own are known to be taken. */
export const hostPorts: HostPorts = {
  async problem(protocol, ip, port) {
    if (protocol === 'sctp') return undefined
    try {
      await bind(protocol, ip, port)
      return undefined
    } catch (error) {
      // Anything else says nothing about the port, on which nobody of us is to listen.
      return PROBLEMS[codeOf(error)]
    }
  },
  choose: (protocol, ip) => bind(protocol === 'sctp' ? 'tcp' : protocol, ip, 0),
}

/** @returns the port that it had */
async function bind(protocol: 'tcp' | 'udp', ip: Ip, port: number): Promise<number> {
  return protocol === 'tcp' ? await bindTcp(ip, port) : await bindUdp(ip, port)
}

async function bindTcp(host: Ip, port: number): Promise<number> {
  const server = createServer((socket) => socket.destroy())
  server.listen({ host, port, ipv6Only: true, exclusive: true })
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : port
}

async function bindUdp(address: Ip, port: number): Promise<number> {
  const type = familyOf(address) === 6 ? 'udp6' : 'udp4'
  const socket = createSocket({ type, ipv6Only: type === 'udp6' })
  socket.bind({ address, port, exclusive: true })
  try {
    await once(socket, 'listening')
    return socket.address().port
  } finally {
    socket.close()
    await once(socket, 'close')
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : messageOf(error)
}
