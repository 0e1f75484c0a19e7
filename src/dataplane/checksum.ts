/** The Internet checksum (RFC 1071) of some bytes, for a field that is zero in them. */
export function checksum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 1)
    sum += at % 2 === 0 ? (bytes[at] ?? 0) << 8 : (bytes[at] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
