/** struct netconfmsg (linux/netconf.h): what a namespace or a device forwards. */
import { parseAttributes, readU32 } from './codec.js'
import { AF, NETCONFA, NETCONFA_IFINDEX_ALL } from './constants.js'

/** The family and three bytes of padding. */
const NETCONFMSG = 4

export interface ForwardingState {
  readonly family: 4 | 6
  /** undefined: of all devices (`ip_forward`, `conf/all/forwarding`) */
  readonly ifindex: number | undefined
  readonly on: boolean
}

/**
 * What a notice says of forwarding; undefined when nothing.
 * @param body of an RTM_NEWNETCONF (net/ipv4/devinet.c, inet_netconf_fill_devconf)
 */
export function decodeForwarding(body: Buffer): ForwardingState | undefined {
  const attributes = parseAttributes(body, NETCONFMSG)
  const forwarding = attributes.get(NETCONFA.FORWARDING)
  const ifindex = attributes.get(NETCONFA.IFINDEX)
  if (forwarding === undefined || ifindex === undefined) return undefined
  const of = readU32(ifindex)
  return {
    family: body.readUInt8(0) === AF.INET6 ? 6 : 4,
    ifindex: of === NETCONFA_IFINDEX_ALL ? undefined : of,
    on: readU32(forwarding) !== 0,
  }
}
