/** All rules of a table of others. */
import { readText } from '../rtnl/codec.js'
import type { BatchSocket } from '../rtnl/rtnl.js'
import { META, NFTA_LOOKUP, NFTA_META } from './constants.js'
import type { TableRef } from './messages.js'
import type { ReadExpression, WholeRule } from './rules.js'
import { decodeWhole, dumpRules } from './rules.js'
import { decodeElements, dumpElements } from './sets.js'
import type { Rules } from './trial.js'

/**
 * @param absent what is no error but means that there is none
 * @throws TsoverlayError KERNEL_FAILED when the kernel cannot be read
 */
export async function readRules(
  socket: BatchSocket,
  table: TableRef,
  absent: readonly string[],
): Promise<Rules> {
  const chains = new Map<string, WholeRule[]>()
  for (const part of await socket.dump(dumpRules(table), absent)) {
    const { chain, ...rule } = decodeWhole(part)
    const rules = chains.get(chain)
    if (rules === undefined) chains.set(chain, [rule])
    else rules.push(rule)
  }
  const sets = new Map<string, readonly Buffer[]>()
  for (const name of plainSets([...chains.values()].flat())) {
    const parts = await socket.dump(dumpElements(table, name), absent)
    sets.set(
      name,
      parts.flatMap(decodeElements).map(({ key }) => key),
    )
  }
  return { chains, sets }
}

/** Those of states and protocols, `ct state { established, related }`: they have no ranges. */
function plainSets(rules: readonly WholeRule[]): ReadonlySet<string> {
  return new Set(
    rules.flatMap(({ expressions }) =>
      expressions.flatMap(({ name, attributes }, at) =>
        name === 'lookup' && isPlain(expressions[at - 1])
          ? [readText(attributes.get(NFTA_LOOKUP.SET))]
          : [],
      ),
    ),
  )
}

function isPlain(loaded: ReadExpression | undefined): boolean {
  if (loaded?.name === 'ct') return true
  const key = loaded?.name === 'meta' ? loaded.attributes.get(NFTA_META.KEY) : undefined
  return key?.readUInt32BE() === META.L4PROTO
}
