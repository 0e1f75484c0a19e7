/**
 * The table that brings a container's questions for names to us: `table ip tsoverlay_names` in its own
 * namespace. What goes to Docker's resolver (127.0.0.11:53) goes to our sockets instead, before dockerd's
 * own rules send it on to the resolver's port (their priority is that of dstnat, -100). Our own questions
 * to that resolver are known by their source address.
 *
 * Addresses are rewritten packet by packet. With NAT a connection would go on as it began: a program that
 * keeps its socket would ask nobody, once we are gone, and Docker alone, had it asked before we came.
 *
 * It does so only while this program is well: the element of the set runs out unless a packet of ours
 * comes by, which a rule drops after it has noted it. So nobody has to take anything away when this
 * program ends, hangs or is removed.
 */
import { HOOK, NFPROTO, VERDICT } from '../nft/constants.js'
import type { Rule } from '../nft/expressions.js'
import {
  bytesAre,
  bytesAreNot,
  drop,
  hasMark,
  markIs,
  portBytes,
  refreshMark,
  rewrite,
} from '../nft/expressions.js'
import type { Ruleset } from '../nft/ruleset.js'

/** Where Docker's resolver is (moby daemon/libnetwork/sandbox_dns_unix.go). */
export const DOCKER_RESOLVER = [127, 0, 0, 11] as const
/** Where ours is, and from where it asks. */
export const OUR_RESOLVER = [127, 0, 0, 12] as const
/** Of the packets by which it is known that we are well; `tsov`. */
export const BEAT_MARK = 0x74736f76
/** How long nothing may be heard of us. */
const ALIVE_MS = 5_000
const ALIVE = { name: 'alive', length: 4, type: 19, timeoutMs: ALIVE_MS }
const DNS_PORT = 53
const IPPROTO = { TCP: 6, UDP: 17 } as const
/** raw: before connections are tracked */
const PRIORITY = -300

/** @param ports of our sockets */
export function namesRuleset(ports: { readonly udp: number; readonly tcp: number }): Ruleset {
  return {
    family: NFPROTO.IPV4,
    table: 'tsoverlay_names',
    sets: [ALIVE],
    chains: [
      {
        name: 'output',
        hook: { number: HOOK.INET_OUTPUT, policy: VERDICT.ACCEPT, priority: PRIORITY },
        rules: [
          drop(markIs(BEAT_MARK), refreshMark(ALIVE.name)),
          ...detour(IPPROTO.UDP, ports.udp),
          ...detour(IPPROTO.TCP, ports.tcp),
        ],
      },
    ],
  }
}

/** A question to Docker's resolver comes to us, and the answer seems to come from there. */
function detour(protocol: 6 | 17, port: number): readonly Rule[] {
  const ours = { address: Uint8Array.from(OUR_RESOLVER), port }
  const docker = { address: Uint8Array.from(DOCKER_RESOLVER), port: DNS_PORT }
  const isAlive = hasMark(ALIVE.name, BEAT_MARK)
  const question = [
    bytesAre('network', 16, DOCKER_RESOLVER),
    bytesAreNot('network', 12, OUR_RESOLVER),
    bytesAre('transport', 2, portBytes(DNS_PORT)),
  ]
  const answer = [bytesAre('network', 12, OUR_RESOLVER), bytesAre('transport', 0, portBytes(port))]
  return [
    rewrite('destination', protocol, ours, ...question, isAlive),
    rewrite('source', protocol, docker, ...answer),
  ]
}
