/** struct netconfmsg (linux/netconf.h): what a namespace or a device forwards. */
import { parseAttributes, readU32 } from './codec.js'
import { NETCONFA, NETCONFA_IFINDEX_ALL } from './constants.js'

/** The family and three bytes of padding. */
const NETCONFMSG = 4

/**
 * Whether a notice says that `ip_forward` or `conf/all/forwarding` was set to 0.
 * @param body of an RTM_NEWNETCONF (net/ipv4/devinet.c, inet_netconf_fill_devconf)
 */
export function saysNoForwarding(body: Buffer): boolean {
  const attributes = parseAttributes(body, NETCONFMSG)
  const forwarding = attributes.get(NETCONFA.FORWARDING)
  const ifindex = attributes.get(NETCONFA.IFINDEX)
  if (forwarding === undefined || ifindex === undefined) return false
  return readU32(ifindex) === NETCONFA_IFINDEX_ALL && readU32(forwarding) === 0
}
