/** The MAC of an endpoint to which the user gave none: unique where its address is. */
import { createHash } from 'node:crypto'
import { type Cidr, familyOf, ipOf, ipToNumber, rangeOf } from '../../core/ip.js'
import { type Mac, macFromBytes, macFromIp } from '../../core/mac.js'

/**
 * Docker's own choice for IPv4. The last four bytes of an IPv6 address may be another one's, too:
 * if more than those differ within the subnet, the MAC is made of 40 bits of a hash of all.
 * @param address with the prefix length of its subnet
 */
export function defaultMac(address: Cidr): Mac {
  const ip = ipOf(address)
  if (familyOf(ip) === 4) return macFromIp(ip)
  const host = ipToNumber(ip) - rangeOf(address).first
  if (host < 1n << 32n) return macFromIp(ip)
  const hash = createHash('sha256').update(ip).digest()
  // locally administered, unicast, and not Docker's 02:42
  return macFromBytes(Uint8Array.from([0x06, ...hash.subarray(0, 5)]))
}
