/** Sends a probe as the kernel sends a container's packet: in UDP, with a VXLAN header (RFC 7348). */
import { closeSync } from 'node:fs'
import { familyOf } from '../../core/ip.js'
import type { Probe, ProbeTarget } from '../../core/probe.js'
import { openSocket, type SocketOption, sendNow } from '../libc.js'
import { AF } from '../rtnl/constants.js'
import { sockaddr } from '../sockaddr.js'
import { encodeProbe } from './probe-frame.js'

const HEADER = 8
const HAS_VNI = 0x08

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)
/**
 * linux/in.h, linux/in6.h, asm/socket.h; PMTUDISC_PROBE = 3: never in fragments, whatever is believed of
 * the path. The kernel's VXLAN over IPv4 has no checksum of UDP, which a NIC may compute wrongly.
 */
const OPTIONS: Readonly<Record<4 | 6, readonly SocketOption[]>> = {
  4: [
    [0, 10, u32(3)], // IP_MTU_DISCOVER
    [1, 11, u32(1)], // SO_NO_CHECK
  ],
  6: [
    [41, 23, u32(3)], // IPV6_MTU_DISCOVER
    [41, 62, u32(1)], // IPV6_DONTFRAG
  ],
}

/** As Dataplane.sendProbe. */
export function sendProbe(probe: Probe, to: ProbeTarget): string | undefined {
  const family = familyOf(to.vtep)
  const fd = openSocket({
    family: family === 4 ? AF.INET : AF.INET6,
    type: 'udp',
    options: OPTIONS[family],
    local: sockaddr(probe.from),
    peer: sockaddr(to.vtep, to.port),
  })
  if (typeof fd === 'string') return fd
  try {
    const header = Buffer.alloc(HEADER)
    header[0] = HAS_VNI
    header.writeUIntBE(probe.vni, 4, 3)
    return sendNow(fd, Buffer.concat([header, encodeProbe(probe)]))
  } finally {
    closeSync(fd)
  }
}
