/**
 * `table inet tsoverlay_nat` in the host's namespace: the addresses that packets of routed networks
 * get. What containers send elsewhere gets one of the host's (masquerade), what comes to those that
 * answer by docker_gwbridge gets their bridge's, and published ports of the host lead to containers.
 * There is no table where no domain asks for any of it.
 *
 * Rules are constant: ports are elements of maps, each of which leads to an address and a port.
 */
import { familyOf } from '../../core/ip.js'
import { HOST_LINKS } from '../../core/names.js'
import type { Domain } from '../../core/plan.js'
import type { PublishedPort } from '../../core/published-port.js'
import { forwardTo, isForwarded, masquerade } from '../nft/connections.js'
import { HOOK, NFPROTO, VERDICT } from '../nft/constants.js'
import type { Rule } from '../nft/expressions.js'
import { accept, goTo, portBytes, protocolIs } from '../nft/expressions.js'
import {
  begins,
  DESTINATION,
  FAMILY,
  firstBits,
  has,
  hasNot,
  isToHost,
  join,
  keyOf,
  OUT,
  PORT,
  SOURCE,
  TRANSPORT,
  translate,
} from '../nft/fields.js'
import type { Ruleset, SetSpec } from '../nft/ruleset.js'
import type { SetElement } from '../nft/table.js'
import { addressBytes } from '../rtnl/codec.js'
import type { ByFamily } from './domain-sets.js'
import {
  bridgeRangeElements,
  deviceElements,
  FAMILIES,
  OWN,
  PROTOCOL,
  RANGES,
  rangeElements,
  rangeSet,
} from './domain-sets.js'

/** dstnat and srcnat, by their names in nft */
const PRIORITY = { DESTINATION: -100, SOURCE: 100 } as const
const IPPROTO = { tcp: 6, udp: 17, sctp: 132 } as const
const LOOPBACK = Uint8Array.of(127)
const UNSPECIFIED: readonly string[] = ['0.0.0.0', '::']

/** Addresses of domains whose packets to elsewhere get one of the host's. */
const MASQUERADED = rangeSet('masqueraded')

/** Bridges whose containers answer by docker_gwbridge what is not of their network. */
const SECOND: SetSpec = { name: 'second', ...keyOf(OUT), isText: true }

const bothFamilies = (of: (family: 4 | 6) => SetSpec): ByFamily<SetSpec> => ({ 4: of(4), 6: of(6) })
const leadsTo = (family: 4 | 6) => ({ data: keyOf(SOURCE[family], PORT) })
/** Ports of all addresses of the host, and of single ones. */
const PORTS = bothFamilies((family) => ({
  name: `ports${family}`,
  ...keyOf(TRANSPORT, PORT),
  ...leadsTo(family),
}))
const PORTS_AT = bothFamilies((family) => ({
  name: `portsat${family}`,
  ...keyOf(DESTINATION[family], TRANSPORT, PORT),
  ...leadsTo(family),
}))

const ADDRESS_BYTES = { 4: 4, 6: 16 } as const

function published(family: 4 | 6): readonly Rule[] {
  const to = (...found: Parameters<typeof translate>) =>
    forwardTo(PROTOCOL[family], ADDRESS_BYTES[family], translate(...found))
  return [
    to(PORTS_AT[family].name, DESTINATION[family], TRANSPORT, PORT),
    to(PORTS[family].name, TRANSPORT, PORT),
  ]
}

const toPublished: readonly Rule[] = FAMILIES.map((family) =>
  goTo(`published${family}`, protocolIs(PROTOCOL[family]), isToHost()),
)

const isMulticast = {
  4: firstBits(DESTINATION[4], 0xf0, 0xe0),
  6: begins(DESTINATION[6], Uint8Array.of(0xff)),
}

function outward(family: 4 | 6): readonly Rule[] {
  const isOurs = [
    ...protocolIs(PROTOCOL[family]),
    ...has(MASQUERADED[family].name, FAMILY, SOURCE[family]),
  ]
  return [
    accept(isOurs, isMulticast[family]),
    masquerade(isOurs, hasNot(RANGES[family].name, FAMILY, DESTINATION[family])),
  ]
}

const POSTROUTING: readonly Rule[] = [
  // By the host's port back into the network that it came from: else the answer went past the host.
  // Not known by the device that it came by: there is none where br_netfilter shows frames.
  ...FAMILIES.map((family) =>
    masquerade(
      isForwarded,
      protocolIs(PROTOCOL[family]),
      has(OWN[family].name, OUT, SOURCE[family]),
    ),
  ),
  // to a port of localhost: an answer to 127.0.0.1 would stay in the container
  masquerade(begins(OUT, HOST_LINKS.bridge), protocolIs(NFPROTO.IPV4), begins(SOURCE[4], LOOPBACK)),
  // What comes from outside gets the bridge's address where the answer would go another way, with a
  // source that nobody believes there.
  ...FAMILIES.map((family) =>
    masquerade(
      protocolIs(PROTOCOL[family]),
      has(SECOND.name, OUT),
      hasNot(OWN[family].name, OUT, SOURCE[family]),
    ),
  ),
  accept(begins(OUT, HOST_LINKS.bridge)),
  ...FAMILIES.flatMap(outward),
]

const hookAt = (number: number, priority: number) =>
  ({ number, priority, policy: VERDICT.ACCEPT, type: 'nat' }) as const

export const TRANSLATION: Ruleset = {
  family: NFPROTO.INET,
  table: 'tsoverlay_nat',
  sets: [
    ...[RANGES, OWN, MASQUERADED, PORTS, PORTS_AT].flatMap((set) =>
      FAMILIES.map((family) => set[family]),
    ),
    SECOND,
  ],
  chains: [
    ...FAMILIES.map((family) => ({ name: `published${family}`, rules: published(family) })),
    {
      name: 'prerouting',
      hook: hookAt(HOOK.INET_PREROUTING, PRIORITY.DESTINATION),
      rules: [
        // a neighbour on the link cannot mean ports of our localhost
        accept(protocolIs(NFPROTO.IPV4), begins(DESTINATION[4], LOOPBACK)),
        ...toPublished,
      ],
    },
    {
      name: 'output',
      hook: hookAt(HOOK.INET_OUTPUT, PRIORITY.DESTINATION),
      rules: toPublished,
    },
    {
      name: 'postrouting',
      hook: hookAt(HOOK.INET_POSTROUTING, PRIORITY.SOURCE),
      rules: POSTROUTING,
    },
  ],
}

/** The sets' elements; undefined where no domain has a use for them. */
export function translationElements(
  domains: readonly Domain[] | undefined,
): readonly SetElement[] | undefined {
  const isNeeded = domains?.some((one) => one.masquerade || one.exposed || one.published.length > 0)
  if (domains === undefined || !isNeeded) return undefined
  return [
    ...rangeElements(RANGES, domains),
    ...rangeElements(
      MASQUERADED,
      domains.filter((domain) => domain.masquerade),
    ),
    ...bridgeRangeElements(domains),
    ...deviceElements(
      SECOND,
      domains.filter(({ masquerade }) => !masquerade).map(({ bridge }) => bridge),
    ),
    ...portElements(domains.flatMap((domain) => domain.published)),
  ]
}

/** Of two ports with one key the first. */
function portElements(ports: readonly PublishedPort[]): readonly SetElement[] {
  const elements = new Map<string, SetElement>()
  for (const element of ports.flatMap(portElement)) {
    const key = `${element.set} ${element.key.toString('hex')}`
    if (!elements.has(key)) elements.set(key, element)
  }
  return [...elements.values()]
}

/** None where the host's address and the container's are of two families: nothing translates them. */
function portElement({ protocol, hostIp, hostPort, to, port }: PublishedPort): SetElement[] {
  const family = familyOf(to)
  const key = [Uint8Array.of(IPPROTO[protocol]), Uint8Array.from(portBytes(hostPort))]
  const data = join(addressBytes(to), Uint8Array.from(portBytes(port)))
  if (hostIp === undefined || UNSPECIFIED.includes(hostIp))
    return [{ set: PORTS[family].name, key: join(...key), data }]
  if (familyOf(hostIp) !== family) return []
  return [{ set: PORTS_AT[family].name, key: join(addressBytes(hostIp), ...key), data }]
}
