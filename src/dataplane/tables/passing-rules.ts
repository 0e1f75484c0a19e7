/** The rules in chains of iptables that let packets of our bridges pass, as iptables itself writes them. */
import { HOST_LINKS } from '../../core/names.js'
import { CT_STATE, VERDICT, XT_CONNTRACK } from '../nft/constants.js'
import type { Expressions } from '../nft/expressions.js'
import { counter, expression, verdict } from '../nft/expressions.js'
import { begins, IN, OUT } from '../nft/fields.js'
import type { RuleState } from '../nft/rules.js'
import { attr, text, u32be } from '../rtnl/codec.js'

/** What iptables -S shows with them. */
export const COMMENT = 'tsoverlay'

export interface PassingRule {
  readonly expressions: Expressions
  /** as RuleState */
  readonly says: string
}

const name = Buffer.from(HOST_LINKS.bridge).toString('hex')
const FIELDS = [
  { field: IN, key: 6 },
  { field: OUT, key: 7 },
] as const

/** `-m conntrack --ctstate RELATED,ESTABLISHED`: struct xt_conntrack_mtinfo3, aligned to 8 bytes. */
const known = Buffer.alloc(XT_CONNTRACK.BYTES)
known.writeUInt16LE(XT_CONNTRACK.STATE, XT_CONNTRACK.FLAGS_AT)
known.writeUInt16LE(CT_STATE.ESTABLISHED | CT_STATE.RELATED, XT_CONNTRACK.STATES_AT)
const KNOWN = [text(1, 'conntrack'), u32be(2, XT_CONNTRACK.REVISION), attr(3, known)]

/** Expressions and order as iptables writes them (iptables/nft.c add_iifname, add_counters, add_verdict). */
export const ALL: readonly PassingRule[] = FIELDS.map(({ field, key }) => ({
  expressions: [...begins(field, HOST_LINKS.bridge), counter, verdict(VERDICT.ACCEPT)],
  says: `meta ${key}, cmp 0 ${name}, immediate ${VERDICT.ACCEPT}`,
}))

/** Packets of connections that went through before. */
export const ANSWERS: readonly PassingRule[] = FIELDS.map(({ field, key }) => ({
  expressions: [
    ...begins(field, HOST_LINKS.bridge),
    expression('match', ...KNOWN),
    counter,
    verdict(VERDICT.ACCEPT),
  ],
  says: `meta ${key}, cmp 0 ${name}, match ${Buffer.concat(KNOWN).toString('hex')}, immediate ${VERDICT.ACCEPT}`,
}))

export function isPassing({ comment, says }: RuleState): boolean {
  return comment === COMMENT && [...ALL, ...ANSWERS].some((one) => one.says === says)
}
