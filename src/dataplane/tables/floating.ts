/**
 * The table that tells this program when a container announces a floating address:
 * `table bridge tsoverlay_floating` in the sandbox, before the source check, which drops what the
 * container may not say yet. It decides nothing; announcements.ts reads what it tells.
 */
import type { Ip } from '../../core/ip.js'
import { familyOf } from '../../core/ip.js'
import { HOOK, NFPROTO, VERDICT } from '../nft/constants.js'
import { accept, bytesAre, fromDevices, isIn, tell, transportIs } from '../nft/expressions.js'
import type { Ruleset } from '../nft/ruleset.js'
import type { SetElement } from '../nft/table.js'
import { addressBytes } from '../rtnl/codec.js'

/** Of nfnetlink_log: each namespace has its own. */
export const LOG_GROUP = 1

const FLOAT4 = { name: 'float4', length: 4, type: 7 }
const FLOAT6 = { name: 'float6', length: 16, type: 8 }
/** One before the source check. */
const PRIORITY = -301
const IPPROTO_ICMPV6 = 58
const NEIGHBOUR_ADVERTISEMENT = 136

export const FLOATING: Ruleset = {
  family: NFPROTO.BRIDGE,
  table: 'tsoverlay_floating',
  sets: [FLOAT4, FLOAT6],
  chains: [
    {
      name: 'announcements',
      hook: { number: HOOK.BRIDGE_PREROUTING, priority: PRIORITY, policy: VERDICT.ACCEPT },
      rules: [
        accept(fromDevices('vxlan')),
        // the sender's address (RFC 826)
        tell(LOG_GROUP, bytesAre('link', 12, [0x08, 0x06]), isIn(FLOAT4.name, 'network', 14, 4)),
        // the target (RFC 4861 section 4.4)
        tell(
          LOG_GROUP,
          bytesAre('link', 12, [0x86, 0xdd]),
          transportIs(IPPROTO_ICMPV6),
          bytesAre('transport', 0, [NEIGHBOUR_ADVERTISEMENT]),
          isIn(FLOAT6.name, 'transport', 8, 16),
        ),
      ],
    },
  ],
}

/** The sets' elements; undefined when nobody is listened to. */
export function floatingElements(
  floating: readonly Ip[] | undefined,
): readonly SetElement[] | undefined {
  return floating?.map((ip) => ({
    set: familyOf(ip) === 6 ? FLOAT6.name : FLOAT4.name,
    key: Buffer.from(addressBytes(ip)),
  }))
}
