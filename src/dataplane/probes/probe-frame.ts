/**
 * A probe as an Ethernet frame. Its EtherType is one for local experiments (IEEE 802, 88-B5). It is sent
 * to an address of those that no bridge forwards (01-80-C2-00-00-0F): a bridge hands such a frame on to
 * whoever listens on the port that it came by (br_input.c br_handle_frame, RX_HANDLER_PASS), so it
 * reaches us behind the vxlan device, and no container.
 */
import { type Ip, ipFromBytes, ipToBytes } from '../../core/ip.js'
import { type Probe, SMALL_PROBE } from '../../core/probe.js'

export const PROBE_TYPE = 0x88b5
const ETHERNET = 14
const TO = Buffer.from([0x01, 0x80, 0xc2, 0x00, 0x00, 0x0f])
/** locally administered, "tso" */
const FROM = Buffer.from([0x02, 0x74, 0x73, 0x6f, 0x00, 0x01])
const MAGIC = Buffer.from('tsoverlay probe1')
const KINDS = ['ask', 'answer'] as const
const AT = { kind: 16, family: 17, size: 18, vni: 20, mark: 24, from: 32 } as const
const MARK_BYTES = 8

/** @param probe of 65535 bytes at most */
export function encodeProbe({ kind, mark, vni, from, size }: Probe): Buffer {
  const payload = Buffer.alloc(Math.max(size, SMALL_PROBE))
  const address = ipToBytes(from)
  MAGIC.copy(payload)
  payload.writeUInt8(KINDS.indexOf(kind), AT.kind)
  payload.writeUInt8(address.length, AT.family)
  payload.writeUInt16BE(payload.length, AT.size)
  payload.writeUInt32BE(vni, AT.vni)
  payload.write(mark, AT.mark, MARK_BYTES, 'hex')
  payload.set(address, AT.from)
  return Buffer.concat([TO, FROM, Buffer.from([PROBE_TYPE >> 8, PROBE_TYPE & 0xff]), payload])
}

/** @returns undefined for what is no probe */
export function decodeProbe(frame: Buffer): Probe | undefined {
  const payload = frame.subarray(ETHERNET)
  if (payload.length < SMALL_PROBE || !payload.subarray(0, MAGIC.length).equals(MAGIC))
    return undefined
  const kind = KINDS[payload.readUInt8(AT.kind)]
  const length = payload.readUInt8(AT.family)
  if (kind === undefined || (length !== 4 && length !== 16)) return undefined
  return {
    kind,
    mark: payload.toString('hex', AT.mark, AT.mark + MARK_BYTES),
    vni: payload.readUInt32BE(AT.vni),
    from: ipFromBytes(payload.subarray(AT.from, AT.from + length)) as Ip,
    size: payload.readUInt16BE(AT.size),
  }
}
