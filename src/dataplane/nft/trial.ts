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
import type { ReadExpression, WholeRule } from './rules.js'

/** The rules of one table. */
export interface Rules {
  /** by chain, in order */
  readonly chains: ReadonlyMap<string, readonly WholeRule[]>
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
/** Targets of iptables after which the next rule is asked. */
const GO_ON: readonly string[] = ['LOG', 'NFLOG', 'MARK', 'CONNMARK', 'CT', 'TCPMSS', 'CHECKSUM']

/** The rule of a chain. */
export interface RuleRef {
  readonly chain: string
  readonly handle: bigint
}

/** What a chain does with a packet; `unknown`: a rule that cannot be read in full may refuse it. */
export interface Judgement {
  readonly fate: 'passes' | 'refused' | 'unknown'
  /** absent: the chain's policy */
  readonly by?: RuleRef
}

export class Trial {
  readonly #rules: Rules
  readonly #registers: Registers
  /** chains that it came to for certain, in order */
  readonly visited: string[] = []
  /** what refuses it for certain, and what may */
  #refusing: RuleRef | undefined
  #doubt: RuleRef | undefined

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

  /** @param drops the chain's policy: packets that no rule decides on are dropped */
  judge(chain: string, drops: boolean): Judgement {
    const fate = this.#walk(chain, true, 0)
    if (fate === 'refused') return { fate, ...(this.#refusing && { by: this.#refusing }) }
    if (this.#doubt !== undefined) return { fate: 'unknown', by: this.#doubt }
    return { fate: fate === 'on' && drops ? 'refused' : 'passes' }
  }

  /** @param isSure whether the packet comes here for certain */
  #walk(chain: string, isSure: boolean, depth: number): Fate {
    if (depth > DEPTH) return 'passes'
    if (isSure) this.visited.push(chain)
    let isHere = isSure
    for (const { matches, verdict, handle } of this.#verdicts(chain)) {
      const isCertain = isHere && matches === true
      if (verdict.code === VERDICT.DROP) this.#note({ chain, handle }, isCertain)
      const fate = this.#fate(verdict, isCertain, depth)
      if (fate !== 'on') return fate
      if (!LEAVES.includes(verdict.code)) continue
      if (matches) return 'on'
      // it may have left the chain
      isHere = false
    }
    return 'on'
  }

  #note(rule: RuleRef, isCertain: boolean): void {
    if (isCertain) this.#refusing ??= rule
    else this.#doubt ??= rule
  }

  /** Of the rules that may match, in order. */
  *#verdicts(
    chain: string,
  ): Iterable<{ readonly matches: Truth; readonly verdict: Verdict; readonly handle: bigint }> {
    for (const { expressions, handle } of this.#rules.chains.get(chain) ?? []) {
      const { matches, verdict } = this.#read(expressions)
      if (matches !== false && verdict !== undefined) yield { matches, verdict, handle }
    }
  }

  #fate({ code, chain }: Verdict, isSure: boolean, depth: number): Fate {
    if (code === VERDICT.DROP) return isSure ? 'refused' : 'on'
    if (code === VERDICT.JUMP || code === VERDICT.GOTO) return this.#walk(chain, isSure, depth + 1)
    return code === VERDICT.RETURN ? 'on' : 'passes'
  }

  #read(rule: readonly ReadExpression[]): { readonly matches: Truth; readonly verdict?: Verdict } {
    this.#registers.clear()
    let matches: Truth = true
    for (const expression of rule) {
      if (goesOn(expression)) continue
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
  if (name === 'reject' || targetOf(name, attributes) === 'REJECT') return REFUSED
  if (ELSEWHERE.includes(name) || isVerdictMap(name, attributes)) return PASSES
  const value = name === 'immediate' ? attributes.get(NFTA_IMMEDIATE.DATA) : undefined
  const verdict = value && parseAttributes(value).get(NFTA_DATA.VERDICT)
  if (verdict === undefined) return undefined
  const parts = parseAttributes(verdict)
  const code = parts.get(NFTA_VERDICT.CODE)?.readInt32BE() ?? VERDICT.ACCEPT
  return { code, chain: readText(parts.get(NFTA_VERDICT.CHAIN)) }
}

/** A target of iptables' (NFTA_TARGET_NAME). */
function targetOf(name: string, attributes: Attributes): string | undefined {
  return name === 'target' ? readText(attributes.get(1)) : undefined
}

function goesOn({ name, attributes }: ReadExpression): boolean {
  return GO_ON.includes(targetOf(name, attributes) ?? '')
}

function isVerdictMap(name: string, attributes: Attributes): boolean {
  const register = name === 'lookup' ? attributes.get(NFTA_LOOKUP.DREG) : undefined
  return register?.readUInt32BE() === NFT_REG.VERDICT
}
