/** Ethernet addresses as lower-case text with colons, parsed once at the edge. */
import type { Ip } from './ip.js'
import { ipToBytes } from './ip.js'

declare const brand: unique symbol
/** `02:42:0a:14:00:05` */
export type Mac = string & { readonly [brand]: 'mac' }

/** Parses a unicast address; undefined for anything else (multicast and all-zero ones too). */
export function parseMac(text: string): Mac | undefined {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return undefined
  const mac = text.toLowerCase()
  const multicast = (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1
  return multicast || mac === '00:00:00:00:00:00' ? undefined : (mac as Mac)
}

/** The six bytes on the wire. */
export function macToBytes(mac: Mac): Uint8Array {
  return Buffer.from(mac.replaceAll(':', ''), 'hex')
}

export function macFromBytes(bytes: Uint8Array): Mac {
  return (Buffer.from(bytes).toString('hex').match(/../g) ?? []).join(':') as Mac
}

/**
 * The address Docker's own drivers derive from an IPv4 address: 02:42 and its four bytes
 * (moby daemon/libnetwork/netutils/utils.go GenerateMACFromIP). For IPv6, the last four bytes.
 */
export function macFromIp(ip: Ip): Mac {
  return macFromBytes(Uint8Array.from([0x02, 0x42, ...ipToBytes(ip).slice(-4)]))
}
