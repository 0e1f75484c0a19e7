/** struct sockaddr_in, struct sockaddr_in6 (linux/in.h, linux/in6.h). */
import { familyOf, type Ip } from '../core/ip.js'
import { addressBytes } from './rtnl/codec.js'
import { AF } from './rtnl/constants.js'

/** @param port 0: none, or the kernel's choice */
export function sockaddr(ip: Ip, port = 0): Uint8Array {
  const isV4 = familyOf(ip) === 4
  const bytes = Buffer.alloc(isV4 ? 16 : 28)
  bytes.writeUInt16LE(isV4 ? AF.INET : AF.INET6, 0)
  bytes.writeUInt16BE(port, 2)
  bytes.set(addressBytes(ip), isV4 ? 4 : 8)
  return bytes
}
