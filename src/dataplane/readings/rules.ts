/** The tables of nf_tables of ours in one namespace, as they are and as a plan wants them. */
import type { RulesReading, SetReading } from '../../core/kernel.js'
import type { Place, Plan } from '../../core/plan.js'
import { ABSENT, readChains } from '../nft/chains.js'
import { NFPROTO } from '../nft/constants.js'
import { elementText } from '../nft/element-text.js'
import { type ChainState, decodeComment, getTable } from '../nft/messages.js'
import { commentOf, type Ruleset, usesOf } from '../nft/ruleset.js'
import { decodeElements, dumpElements } from '../nft/sets.js'
import type { BatchSocket } from '../rtnl/rtnl.js'
import { tablesOf } from '../tables/rulesets.js'

const FAMILIES: Readonly<Record<number, string>> = {
  [NFPROTO.INET]: 'inet',
  [NFPROTO.BRIDGE]: 'bridge',
}

/** Those that are there. @throws TsoverlayError KERNEL_FAILED */
export async function readRulesOf(
  socket: BatchSocket,
  place: Place,
): Promise<readonly RulesReading[]> {
  const chains = await readChains(socket)
  const found: RulesReading[] = []
  for (const { ruleset, purpose } of tablesOf(place)) {
    const table = await socket.get(getTable(ruleset), ABSENT)
    if (table === undefined) continue
    found.push({
      table: nameOf(ruleset),
      purpose,
      version: decodeComment(table),
      chains: chainsOf(ruleset, chains),
      sets: await readSets(socket, ruleset),
    })
  }
  return found
}

/** What `readRulesOf` would find after a pass that made the plan. Pure. */
export function rulesOf(plan: Plan): readonly RulesReading[] {
  return tablesOf(plan.place).flatMap(({ purpose, ruleset, rulesetOf, elements }) => {
    const wanted = elements(plan)
    if (wanted === undefined) return []
    const made = rulesetOf?.(plan) ?? ruleset
    const sets = made.sets.map((set): SetReading => {
      const texts = wanted.filter((one) => one.set === set.name).map((one) => elementText(one, set))
      return { name: set.name, elements: [...new Set(texts)].sort() }
    })
    const chains = [...usesOf(made)].map(([name, uses]) => ({ name, uses }))
    return [
      { table: nameOf(made), purpose, version: commentOf(made), chains: sorted(chains), sets },
    ]
  })
}

function nameOf({ family, table }: Ruleset): string {
  return `${FAMILIES[family] ?? family} ${table}`
}

function chainsOf(
  { family, table }: Ruleset,
  chains: readonly ChainState[],
): RulesReading['chains'] {
  const ours = chains.filter((chain) => chain.family === family && chain.table === table)
  return sorted(ours.map(({ name, uses }) => ({ name, uses })))
}

function sorted(chains: RulesReading['chains']): RulesReading['chains'] {
  return [...chains].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Keys of another length are another version's. */
async function readSets(socket: BatchSocket, ruleset: Ruleset): Promise<readonly SetReading[]> {
  const sets: SetReading[] = []
  for (const set of ruleset.sets) {
    const parts = await socket.dump(dumpElements(ruleset, set.name), ABSENT)
    const elements = parts.flatMap(decodeElements).filter(({ key }) => key.length === set.length)
    sets.push({ name: set.name, elements: elements.map((one) => elementText(one, set)).sort() })
  }
  return sets
}
