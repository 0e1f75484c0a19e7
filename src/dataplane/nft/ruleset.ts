/** A table of ours as it is meant to be: chains and rules that never change, sets that do. */
import { createHash } from 'node:crypto'
import type { RtnlMessage } from '../rtnl/rtnl.js'
import type { Rule } from './expressions.js'
import type { BaseHook, TableRef } from './messages.js'
import { deleteTable, newChain, newRule, newTable } from './messages.js'
import type { Element, KeySpec } from './sets.js'
import { changeElements, newSet } from './sets.js'

export interface SetSpec extends KeySpec {
  readonly name: string
}

export interface ChainSpec {
  readonly name: string
  readonly hook?: BaseHook
  readonly rules: readonly Rule[]
}

export interface Ruleset extends TableRef {
  readonly sets: readonly SetSpec[]
  /** those that others go to come first */
  readonly chains: readonly ChainSpec[]
}

/** By set. */
export type Elements = ReadonlyMap<string, readonly Element[]>

/** What a table of this version says of itself: another version's rules have another text. */
export function commentOf(ruleset: Ruleset): string {
  const hash = createHash('sha256')
  for (const { body } of frame(ruleset)) hash.update(body)
  return `tsoverlay ${hash.digest('hex').slice(0, 12)}`
}

/** Replaces the table, whatever it was, in one step: no packet passes in between. */
export function replaceTable(ruleset: Ruleset, elements: Elements): readonly RtnlMessage[] {
  const comment = commentOf(ruleset)
  return [
    ...removeTable(ruleset),
    newTable(ruleset, comment),
    ...frame(ruleset),
    ...[...elements].flatMap(([set, list]) => changeElements(ruleset, set, 'add', list)),
  ]
}

/** Deletes the table; none there is success. */
export function removeTable(of: TableRef): readonly RtnlMessage[] {
  return [newTable(of, ''), deleteTable(of)]
}

/** Sets, chains and rules. */
function frame(ruleset: Ruleset): readonly RtnlMessage[] {
  const { sets, chains } = ruleset
  return [
    ...sets.map((set, index) => newSet(ruleset, set.name, set, index + 1)),
    ...chains.map(({ name, hook }) => newChain(ruleset, name, hook)),
    ...chains.flatMap(({ name, rules }) =>
      rules.map(({ expressions }) => newRule(ruleset, name, expressions)),
    ),
  ]
}

/** By chain: how many rules are in it or lead to it, as the kernel counts (nft_chain::use). */
export function usesOf({ chains }: Ruleset): ReadonlyMap<string, number> {
  const targets = chains.flatMap(({ rules }) => rules.flatMap(({ target }) => target ?? []))
  return new Map(
    chains.map(({ name, rules }) => [
      name,
      rules.length + targets.filter((target) => target === name).length,
    ]),
  )
}
