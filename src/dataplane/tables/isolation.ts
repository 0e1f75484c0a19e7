/**
 * `table inet tsoverlay_routed` in the host's namespace: which packets of routed networks pass.
 * Rules are constant; a domain is some elements of sets, and a container is none at all.
 *
 * An accept here ends this table only: what the host's own rules drop stays dropped. A drop is final,
 * so nothing that others accept opens what is closed here. docs/design/routed-rules.md says what each
 * rule is for, and what a user's firewall can still do.
 */
import { HOST_LINKS } from '../../core/names.js'
import type { Domain } from '../../core/plan.js'
import { isAnswered, isForwarded, isNew } from '../nft/connections.js'
import { HOOK, NFPROTO, VERDICT } from '../nft/constants.js'
import type { Expressions, Rule } from '../nft/expressions.js'
import { accept, drop, fromKind, goTo, isOffPath, protocolIs } from '../nft/expressions.js'
import {
  begins,
  DESTINATION,
  FAMILY,
  has,
  hasNot,
  IN,
  isDevice,
  isSourceBehind,
  keyOf,
  OUT,
  SOURCE,
  toKind,
} from '../nft/fields.js'
import type { ChainSpec, Ruleset, SetSpec } from '../nft/ruleset.js'
import type { SetElement } from '../nft/table.js'
import {
  bridgeRangeElements,
  deviceElements,
  FAMILIES,
  OWN,
  PROTOCOL,
  RANGES,
  rangeElements,
  rangeSet,
  SAME,
  sameElements,
} from './domain-sets.js'

/** Before connections are tracked (raw): what is forged changes nothing that is known of them. */
const PRIORITY_RAW = -300
/** Before the host's own rules (priority filter, 0), which may still drop what passes here. */
const PRIORITY = -10

/** Bridges of domains that are open, and these domains' addresses. */
const OPEN_BRIDGES: SetSpec = { name: 'openbridges', ...keyOf(IN), isText: true }
const OPEN = rangeSet('open')
/** Addresses that nobody outside may speak to first. */
const CLOSED = rangeSet('closed')
/** The device by which other hosts are reached; it may be a bridge. */
const TRUNK: SetSpec = { name: 'trunk', ...keyOf(IN), isText: true }

const fromOurs = begins(IN, HOST_LINKS.bridge)
const toOurs = begins(OUT, HOST_LINKS.bridge)
/** A bridge of others: docker0, docker_gwbridge, br-…, those of virtual machines. */
const fromOthers = [...fromKind('bridge'), ...hasNot(TRUNK.name, IN)]
const toOthers = [...toKind('bridge'), ...hasNot(TRUNK.name, OUT)]

const isFrom = (family: 4 | 6): Expressions => has(RANGES[family].name, FAMILY, SOURCE[family])
const isTo = (family: 4 | 6): Expressions => has(RANGES[family].name, FAMILY, DESTINATION[family])

/** What comes from another host has no address of a container of this one. */
const REMOTE: readonly Rule[] = [drop(isSourceBehind(HOST_LINKS.bridge))]

/**
 * Whoever sends with an address of a domain is behind its bridge, or on another host. What ports of our
 * bridges say was checked when it came in (source-check.ts). Other hosts are behind the trunk or a
 * tunnel. By any other device comes only what would be answered by it, for hosts with several. The way
 * back is looked up before the ranges, as that costs less and is right for nearly all.
 */
const CLAIMS: readonly Rule[] = [
  // a bridge may hand it on, where ports of localhost are published (route_localnet)
  drop(fromOurs, protocolIs(NFPROTO.IPV4), begins(DESTINATION[4], Uint8Array.of(127))),
  accept(fromOurs),
  accept(isDevice(IN, 'lo')),
  goTo('remote', has(TRUNK.name, IN)),
  goTo('remote', begins(IN, HOST_LINKS.vxlan)),
  ...FAMILIES.map((family) => drop(protocolIs(PROTOCOL[family]), isOffPath(), isFrom(family))),
]

/** What one of our bridges sends to an address of a domain is judged by where it goes to. */
const fromBridge = (family: 4 | 6): readonly Rule[] => [
  accept(has(OWN[family].name, IN, DESTINATION[family])),
  accept(has(OPEN_BRIDGES.name, IN), has(OPEN[family].name, FAMILY, DESTINATION[family])),
  drop(),
]

/**
 * What others send there, by where it comes from. What passes through this host from one other to
 * another is left to these.
 */
const fromElsewhere = (family: 4 | 6): readonly Rule[] => [
  goTo(`bridge${family}`, fromOurs),
  accept(has(OWN[family].name, OUT, SOURCE[family])),
  accept(has(OPEN_BRIDGES.name, OUT), has(OPEN[family].name, FAMILY, SOURCE[family])),
  drop(toOurs, isFrom(family)),
  accept(isFrom(family)),
  // a container of another network, which docker would give this host's address
  drop(fromOthers),
  drop(has(CLOSED[family].name, FAMILY, DESTINATION[family])),
]

/** From a domain to the rest of the world. */
const OUTWARD: readonly Rule[] = [drop(toOthers)]

/** From this host. Errors about packets (ICMP) and neighbour discovery are no connections. */
const SPEAKING: readonly Rule[] = [
  accept(isDevice(OUT, 'lo')),
  accept(isForwarded),
  ...FAMILIES.map((family) =>
    drop(protocolIs(PROTOCOL[family]), has(CLOSED[family].name, FAMILY, DESTINATION[family])),
  ),
]

const inEach = (target: string, is: (family: 4 | 6) => Expressions): readonly Rule[] =>
  FAMILIES.map((family) =>
    goTo(target.replace('*', `${family}`), protocolIs(PROTOCOL[family]), is(family)),
  )

const CHAINS: readonly ChainSpec[] = [
  { name: 'remote', rules: REMOTE },
  ...FAMILIES.map((family) => ({ name: `bridge${family}`, rules: fromBridge(family) })),
  ...FAMILIES.map((family) => ({ name: `domain${family}`, rules: fromElsewhere(family) })),
  { name: 'outward', rules: OUTWARD },
  { name: 'speaking', rules: SPEAKING },
  {
    name: 'prerouting',
    hook: { number: HOOK.INET_PREROUTING, priority: PRIORITY_RAW, policy: VERDICT.ACCEPT },
    rules: CLAIMS,
  },
  {
    name: 'forward',
    hook: { number: HOOK.INET_FORWARD, priority: PRIORITY, policy: VERDICT.ACCEPT },
    rules: [
      accept(isAnswered),
      accept(isForwarded),
      // within one bridge, where its frames come here (br_netfilter)
      accept(has(SAME.name, IN, OUT)),
      ...inEach('domain*', isTo),
      goTo('outward', fromOurs),
      ...inEach('outward', isFrom),
    ],
  },
  {
    name: 'output',
    hook: { number: HOOK.INET_OUTPUT, priority: PRIORITY, policy: VERDICT.ACCEPT },
    rules: [goTo('speaking', isNew)],
  },
]

export const ISOLATION: Ruleset = {
  family: NFPROTO.INET,
  table: 'tsoverlay_routed',
  sets: [
    ...[RANGES, OWN, OPEN, CLOSED].flatMap((set) => FAMILIES.map((family) => set[family])),
    SAME,
    OPEN_BRIDGES,
    TRUNK,
  ],
  chains: CHAINS,
}

/**
 * The sets' elements; undefined where there is no domain.
 * @param trunk name of the device by which other hosts are reached
 */
export function isolationElements(
  domains: readonly Domain[] | undefined,
  trunk: string | undefined,
): readonly SetElement[] | undefined {
  if (domains === undefined || domains.length === 0) return undefined
  const open = domains.filter((domain) => domain.open)
  return [
    ...rangeElements(RANGES, domains),
    ...bridgeRangeElements(domains),
    ...sameElements(domains),
    ...rangeElements(OPEN, open),
    ...deviceElements(
      OPEN_BRIDGES,
      open.map(({ bridge }) => bridge),
    ),
    ...rangeElements(
      CLOSED,
      domains.filter((domain) => !domain.exposed),
    ),
    ...deviceElements(TRUNK, trunk === undefined ? [] : [trunk]),
  ]
}
