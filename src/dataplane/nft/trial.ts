/**
 * What the rules of others would do to a packet. Where that cannot be told (a match that is not read
 * here, an ipset, a rate), it is taken to pass: that it is refused is certain, that it passes is not.
 */
import type { Attributes } from '../rtnl/codec.js'
import { parseAttributes, readText } from '../rtnl/codec.js'
import {
  NFT_REG,
  NFTA_DATA,
  NFTA_IMMEDIATE,
  NFTA_LOOKUP,
  NFTA_VERDICT,
  VERDICT,
} from './constants.js'
import type { Packet, Sets, Truth } from './registers.js'
import { Registers } from './registers.js'
import type { ReadExpression } from './rules.js'

type Rule = readonly ReadExpression[]

/** The rules of one table. */
export interface Rules {
  /** by chain, in order */
  readonly chains: ReadonlyMap<string, readonly Rule[]>
  /** the keys of those sets whose keys are known; a set that is not here may have any */
  readonly sets: Sets
}

/** `on`: behind the end of the chain. */
type Fate = 'passes' | 'refused' | 'on'
/** What a rule does with a packet that matches; absent: nothing. */
interface Verdict {
  readonly code: number
  readonly chain: string
}

/** nf_tables' own limit is 16 (NFT_JUMP_STACK_SIZE). */
const DEPTH = 16
/** What comes behind in the chain is not asked. */
const LEAVES: readonly number[] = [VERDICT.RETURN, VERDICT.GOTO]
const REFUSED: Verdict = { code: VERDICT.DROP, chain: '' }
const PASSES: Verdict = { code: VERDICT.ACCEPT, chain: '' }
/** They decide elsewhere: in a program, or in a target of iptables. */
const ELSEWHERE: readonly string[] = ['queue', 'target', 'synproxy']

export class Trial {
  readonly #rules: Rules
  readonly #registers: Registers
  /** chains that it came to for certain, in order */
  readonly visited: string[] = []

  constructor(rules: Rules, packet: Packet) {
    this.#rules = rules
    this.#registers = new Registers(packet, rules.sets)
  }

  /**
   * Whether a chain refuses the packet for certain.
   * @param drops its policy is to drop what no rule decides on
   */
  isRefusedBy(chain: string, drops = false): boolean {
    const fate = this.#walk(chain, true, 0)
    return fate === 'refused' || (drops && fate === 'on')
  }

  /** @param isSure whether the packet comes here for certain */
  #walk(chain: string, isSure: boolean, depth: number): Fate {
    if (depth > DEPTH) return 'passes'
    if (isSure) this.visited.push(chain)
    let isHere = isSure
    for (const { matches, verdict } of this.#verdicts(chain)) {
      const fate = this.#fate(verdict, isHere && matches === true, depth)
      if (fate !== 'on') return fate
      if (!LEAVES.includes(verdict.code)) continue
      if (matches) return 'on'
      // it may have left the chain
      isHere = false
    }
    return 'on'
  }

  /** Of the rules that may match, in order. */
  *#verdicts(chain: string): Iterable<{ readonly matches: Truth; readonly verdict: Verdict }> {
    for (const rule of this.#rules.chains.get(chain) ?? []) {
      const { matches, verdict } = this.#read(rule)
      if (matches !== false && verdict !== undefined) yield { matches, verdict }
    }
  }

  #fate({ code, chain }: Verdict, isSure: boolean, depth: number): Fate {
    if (code === VERDICT.DROP) return isSure ? 'refused' : 'on'
    if (code === VERDICT.JUMP || code === VERDICT.GOTO) return this.#walk(chain, isSure, depth + 1)
    return code === VERDICT.RETURN ? 'on' : 'passes'
  }

  #read(rule: Rule): { readonly matches: Truth; readonly verdict?: Verdict } {
    this.#registers.clear()
    let matches: Truth = true
    for (const expression of rule) {
      const verdict = verdictOf(expression)
      if (verdict !== undefined) return { matches, verdict }
      const taken = this.#registers.takes(expression)
      if (taken === false) return { matches: false }
      matches = taken && matches
    }
    return { matches }
  }
}

/** That of an expression that ends a rule. */
function verdictOf({ name, attributes }: ReadExpression): Verdict | undefined {
  if (name === 'reject') return REFUSED
  if (ELSEWHERE.includes(name) || isVerdictMap(name, attributes)) return PASSES
  const value = name === 'immediate' ? attributes.get(NFTA_IMMEDIATE.DATA) : undefined
  const verdict = value && parseAttributes(value).get(NFTA_DATA.VERDICT)
  if (verdict === undefined) return undefined
  const parts = parseAttributes(verdict)
  const code = parts.get(NFTA_VERDICT.CODE)?.readInt32BE() ?? VERDICT.ACCEPT
  return { code, chain: readText(parts.get(NFTA_VERDICT.CHAIN)) }
}

function isVerdictMap(name: string, attributes: Attributes): boolean {
  const register = name === 'lookup' ? attributes.get(NFTA_LOOKUP.DREG) : undefined
  return register?.readUInt32BE() === NFT_REG.VERDICT
}
