/**
 * `table inet tsoverlay` in the host's namespace: VXLAN packets of our VNIs come from the
 * cluster's hosts or not at all. Packets of other VNIs are not looked at, as Docker's own overlay
 * may be on the same port with hosts that we know nothing of.
 *
 * A container must not be a host, either. Docker gives what it sends this host's address
 * (masquerade), so what it sends to a VTEP on the VXLAN port is dropped before; and so is what it
 * sends from a host's address, known by coming out of a bridge through which that host is not.
 */
import { familyOf } from '../../core/ip.js'
import type { Item } from '../../core/item.js'
import type { Plan, StrangersPlan } from '../../core/plan.js'
import { failureOf, type TableResult } from '../failure.js'
import { HOOK, NFPROTO, VERDICT } from '../nft/constants.js'
import type { Expressions, Rule } from '../nft/expressions.js'
import {
  accept,
  bytesAre,
  drop,
  fromKind,
  goTo,
  hasExtension,
  isIn,
  isNotIn,
  isOffPath,
  protocolIs,
  transportIs,
} from '../nft/expressions.js'
import type { Generation } from '../nft/generation.js'
import type { Ruleset } from '../nft/ruleset.js'
import type { SetElement } from '../nft/table.js'
import { NftTable } from '../nft/table.js'
import { addressBytes } from '../rtnl/codec.js'
import { type KernelTable, NOTHING, type Scope } from './kernel-table.js'
import type { Notice } from './notices.js'

const IPPROTO = { UDP: 17, FRAGMENT: 44 } as const
/** Before the host's own rules (priority filter, 0), which may still drop what passes here. */
const PRIORITY = -10
/** Types as nft's datatype.h numbers them. */
const VNIS = { name: 'vnis', length: 3, type: 4 }
const VTEPS4 = { name: 'vteps4', length: 4, type: 7 }
const VTEPS6 = { name: 'vteps6', length: 16, type: 8 }
/** RFC 7348 section 5: 8 bytes of UDP, flags, then the VNI. */
const VNI_OFFSET = 12

const ITEM: Item = { in: 'rules', name: 'admission of VXLAN packets' }

/** Where the addresses stand in the packet. */
const FAMILIES = [
  { protocol: NFPROTO.IPV4, set: VTEPS4, source: 12, destination: 16 },
  { protocol: NFPROTO.IPV6, set: VTEPS6, source: 8, destination: 24 },
] as const

/** @param port UDP port of VXLAN */
export function strangersRuleset(port: number): Ruleset {
  const isVxlan = [
    ...transportIs(IPPROTO.UDP),
    ...bytesAre('transport', 2, [port >> 8, port & 0xff]),
  ]
  const hook = { priority: PRIORITY, policy: VERDICT.ACCEPT }
  return {
    family: NFPROTO.INET,
    table: 'tsoverlay',
    sets: [VNIS, VTEPS4, VTEPS6],
    chains: [
      { name: 'vxlan', rules: toUs() },
      {
        name: 'input',
        hook: { ...hook, number: HOOK.INET_INPUT },
        rules: [
          goTo('vxlan', isVxlan, isIn(VNIS.name, 'transport', VNI_OFFSET, VNIS.length)),
          // IPv6 is put together behind this hook, and the first part may end before the VNI
          goTo('vxlan', protocolIs(NFPROTO.IPV6), hasExtension(IPPROTO.FRAGMENT), isVxlan),
        ],
      },
      {
        name: 'forward',
        hook: { ...hook, number: HOOK.INET_FORWARD },
        rules: throughUs(isVxlan),
      },
    ],
  }
}

function toUs(): readonly Rule[] {
  return [
    drop(fromKind('bridge'), isOffPath()),
    ...FAMILIES.map(({ protocol, set, source }) =>
      accept(protocolIs(protocol), isIn(set.name, 'network', source, set.length)),
    ),
    drop(),
  ]
}

function throughUs(isVxlan: Expressions): readonly Rule[] {
  return FAMILIES.flatMap(({ protocol, set: { name, length }, source, destination }) => {
    const toHost = [protocolIs(protocol), isVxlan, isIn(name, 'network', destination, length)]
    return [
      drop(...toHost, isNotIn(name, 'network', source, length)),
      drop(...toHost, fromKind('bridge'), isOffPath()),
    ]
  })
}

/** The sets' elements. */
export function strangersElements({ vnis, vteps }: StrangersPlan): readonly SetElement[] {
  return [
    ...vnis.map((vni) => ({
      set: VNIS.name,
      key: Buffer.from([vni >> 16, (vni >> 8) & 0xff, vni & 0xff]),
    })),
    ...vteps.map((vtep) => ({
      set: (familyOf(vtep) === 4 ? VTEPS4 : VTEPS6).name,
      key: Buffer.from(addressBytes(vtep)),
    })),
  ]
}

/** Its port is the UDP port of rules that only go. */
const NO_STRANGERS: StrangersPlan = {
  port: 4789,
  vnis: [],
  vteps: [],
  partial: false,
  create: false,
}

/** Whatever the port is: the same tables, chains and sets. */
export const STRANGERS = strangersRuleset(NO_STRANGERS.port)

export class StrangersTable implements KernelTable {
  readonly name = 'rules'
  readonly #generation: Generation
  #plan: StrangersPlan = NO_STRANGERS
  #port: number | undefined
  #table: NftTable

  constructor(generation: Generation) {
    this.#generation = generation
    this.#table = this.#tableFor(NO_STRANGERS.port)
  }

  setDesired({ strangers }: Plan): void {
    this.#plan = strangers ?? NO_STRANGERS
    const { port, partial } = this.#plan
    if (strangers !== undefined && this.#port !== port) {
      this.#port = port
      this.#table = this.#tableFor(port)
    }
    this.#table.setDesired(strangers && strangersElements(strangers), partial)
  }

  queueResync(): void {
    this.#table.queueResync()
  }

  contradicts(notice: Notice): boolean {
    return notice.kind === 'rules' && this.#table.isContradicted(notice.generation)
  }

  /** Never rejects: whoever cannot keep strangers out makes links and routes all the same. */
  async apply({ netfilter }: Scope): Promise<TableResult> {
    if (netfilter === undefined) return { ...NOTHING, unsupported: 'no netfilter sockets' }
    try {
      const result = await this.#table.apply(netfilter, this.#plan.create)
      const { unsupported } = this.#table
      return unsupported === undefined ? result : { ...result, unsupported }
    } catch (error) {
      return { ...NOTHING, failures: [failureOf(ITEM, error)] }
    }
  }

  #tableFor(port: number): NftTable {
    return new NftTable(strangersRuleset(port), ITEM, this.#generation)
  }
}
