/** What firewalld refuses of our packets, and what to type; for people. */
import { HOST_LINKS } from '../../core/names.js'
import type { Packet } from '../nft/packet.js'
import { type Rules, Trial } from '../nft/trial.js'

/** firewalld's chains at a hook, and its rules. */
export interface Firewall {
  readonly forward: readonly string[]
  readonly input: readonly string[]
  readonly rules: Rules
}

const ZONE = 'tsoverlay'
/** A policy must not have a zone's name. */
const POLICY = 'to-tsoverlay'
/** One option a call: firewall-cmd takes no two of these at once. */
const LET_PASS: readonly string[] = [
  `--new-zone=${ZONE}`,
  `--zone=${ZONE} --set-target=ACCEPT`,
  `--zone=${ZONE} --add-interface=${HOST_LINKS.bridge}+`,
  `--new-policy=${POLICY}`,
  `--policy=${POLICY} --set-target=ACCEPT`,
  `--policy=${POLICY} --add-ingress-zone=ANY`,
  `--policy=${POLICY} --add-egress-zone=${ZONE}`,
]
/** firewalld calls them so: what comes from a zone to this host, a policy's, and parts of one. */
const ZONE_CHAIN = /^filter_IN_(?!policy_)(.+)$/

/**
 * @param forwarded packets between containers and other hosts
 * @param tunnelled VXLAN packets of other hosts to this one
 * @returns undefined: nothing is refused for certain
 */
export function firewalldAdvice(
  { forward, input, rules }: Firewall,
  forwarded: readonly Packet[],
  tunnelled: readonly Packet[],
): string | undefined {
  const refusing = (chains: readonly string[], packets: readonly Packet[]): Trial | undefined =>
    packets
      .map((packet) => new Trial(rules, packet))
      .find((trial) => chains.some((chain) => trial.isRefusedBy(chain)))
  const closed = refusing(input, tunnelled)
  const parted = refusing(forward, forwarded) !== undefined
  const what = [
    ...(closed === undefined ? [] : [`VXLAN (UDP ${tunnelled[0]?.port})`]),
    ...(parted ? ['packets of routed networks'] : []),
  ]
  if (what.length === 0) return undefined
  const options = [
    ...(closed === undefined
      ? []
      : [`${zoneOption(closed.visited)}--add-port=${tunnelled[0]?.port}/udp`]),
    ...(parted ? LET_PASS : []),
  ]
  const commands = options.map((one) => `firewall-cmd --permanent ${one}`)
  return `firewalld refuses ${what.join(' and ')}: run ${[...commands, 'firewall-cmd --reload'].join('; ')}`
}

/** The zone that packets came to; the default one needs no name. */
function zoneOption(chains: readonly string[]): string {
  const zone = chains.map((chain) => ZONE_CHAIN.exec(chain)?.[1]).find((name) => name !== undefined)
  return zone === undefined ? '' : `--zone=${zone} `
}
