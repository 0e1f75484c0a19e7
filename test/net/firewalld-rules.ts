/**
 * What firewalld 2.3.1 of Debian makes of its default configuration and Docker's zone, reduced: chains
 * of masquerade and marks, of the rest's `_pre`, `_log`, `_deny` and `_post`, are left out, as is `owner`.
 */
import { run } from './kernel.js'

export interface Additions {
  /** in filter_IN_public_allow: opened ports */
  readonly allow?: string
  /** at the beginning of filter_INPUT_POLICIES: what other zones take in */
  readonly input?: string
  /** at the beginning of filter_FORWARD_POLICIES: what other zones and policies let pass */
  readonly forward?: string
}

/** In place of what is there, in one step. */
export function startFirewalld({ allow = '', input = '', forward = '' }: Additions = {}): void {
  run(
    'nft',
    `
table inet firewalld
delete table inet firewalld
table inet firewalld {
  chain filter_INPUT {
    type filter hook input priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    jump filter_INPUT_POLICIES
    reject with icmpx admin-prohibited
  }
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    ip6 daddr { ::/96, ::ffff:0.0.0.0/96, 2002::/24, 2002:a00::/24, 2002:c0a8::/32 } reject with icmpv6 addr-unreachable
    jump filter_FORWARD_POLICIES
    reject with icmpx admin-prohibited
  }
  chain filter_INPUT_POLICIES {
    ${input}
    iifname "docker0" jump filter_IN_policy_allow-host-ipv6
    iifname "docker0" jump filter_IN_docker
    iifname "docker0" accept
    jump filter_IN_policy_allow-host-ipv6
    jump filter_IN_public
    reject with icmpx admin-prohibited
  }
  chain filter_FORWARD_POLICIES {
    ${forward}
    iifname "docker0" oifname "docker0" jump filter_FWD_docker
    iifname "docker0" oifname "docker0" accept
    iifname "docker0" jump filter_FWD_docker
    iifname "docker0" accept
    oifname "docker0" jump filter_FWD_public
    oifname "docker0" reject with icmpx admin-prohibited
    jump filter_FWD_public
    reject with icmpx admin-prohibited
  }
  chain filter_IN_docker { jump filter_IN_docker_allow; }
  chain filter_IN_docker_allow { }
  chain filter_FWD_docker { jump filter_FWD_docker_allow; }
  chain filter_FWD_docker_allow { }
  chain filter_FWD_public { jump filter_FWD_public_allow; }
  chain filter_FWD_public_allow { }
  chain filter_FWD_policy_to-tsoverlay { jump filter_FWD_policy_to-tsoverlay_allow; accept; }
  chain filter_FWD_policy_to-tsoverlay_allow { }
  chain filter_IN_public {
    jump filter_IN_public_allow
    meta l4proto { icmp, ipv6-icmp } accept
  }
  chain filter_IN_public_allow {
    tcp dport 22 accept
    ip6 daddr fe80::/64 udp dport 546 accept
    ${allow}
  }
  chain filter_IN_policy_allow-host-ipv6 { jump filter_IN_policy_allow-host-ipv6_allow; }
  chain filter_IN_policy_allow-host-ipv6_allow {
    icmpv6 type nd-neighbor-advert accept
    icmpv6 type nd-neighbor-solicit accept
    icmpv6 type nd-redirect accept
    icmpv6 type nd-router-advert accept
  }
}
`,
  )
}

/** What the zone with our bridges and the policy that leads to it become. */
export const ZONE_AND_POLICY = `
    iifname "tsb-*" oifname "docker0" accept
    iifname "tsb-*" oifname "tsb-*" jump filter_FWD_policy_to-tsoverlay
    iifname "tsb-*" oifname "tsb-*" accept
    iifname "tsb-*" accept
    oifname "tsb-*" jump filter_FWD_policy_to-tsoverlay
    oifname "tsb-*" jump filter_FWD_public
    oifname "tsb-*" reject with icmpx admin-prohibited`
