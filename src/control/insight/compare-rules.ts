/** Tables of rules of ours as they are beside what a plan wants: pure. */
import type { EntryRow } from '../../core/admin/entries.js'
import type { RulesReading } from '../../core/kernel.js'
import { isElementOf, type Scope } from './scope.js'

/**
 * A row for each table, each chain that is not as it should be, and each element that is the network's.
 * @param found undefined: this kernel has no nf_tables, or there is no such place
 * @param partial elements that nobody wants may be right
 */
export function compareRules(
  found: readonly RulesReading[] | undefined,
  wanted: readonly RulesReading[],
  scope: Scope,
  partial: boolean,
): readonly EntryRow[] {
  const there = new Map(found?.map((one) => [one.table, one]))
  const rows = wanted.flatMap((want) => tableRows(there.get(want.table), want, scope, partial))
  const names = new Set(wanted.map(({ table }) => table))
  const more = [...there.values()].filter(({ table }) => !names.has(table))
  return [
    ...rows,
    ...more.map(({ table, purpose }): EntryRow => {
      return { place: scope.place, where: table, key: 'table', value: purpose, mark: 'foreign' }
    }),
  ]
}

function tableRows(
  found: RulesReading | undefined,
  want: RulesReading,
  scope: Scope,
  partial: boolean,
): readonly EntryRow[] {
  const head = { place: scope.place, where: want.table, key: 'table' }
  if (found === undefined) return [{ ...head, value: '', mark: 'missing', should: want.purpose }]
  const should = 'as this version of tsoverlay makes it'
  const isRight = found.version === want.version
  const table: EntryRow = isRight
    ? { ...head, value: want.purpose, mark: 'ok' }
    : { ...head, value: found.version || 'not of tsoverlay', mark: 'wrong', should }
  return [table, ...chainRows(found, want, scope), ...setRows(found, want, scope, partial)]
}

function chainRows(found: RulesReading, want: RulesReading, { place }: Scope): EntryRow[] {
  const uses = new Map(found.chains.map((chain) => [chain.name, chain.uses]))
  const rows = want.chains.flatMap((chain): EntryRow[] => {
    const now = uses.get(chain.name)
    uses.delete(chain.name)
    if (now === chain.uses) return []
    const head = { place, where: want.table, key: `chain ${chain.name}` }
    const should = `${chain.uses} rules in it and to it`
    return now === undefined
      ? [{ ...head, value: '', mark: 'missing', should }]
      : [{ ...head, value: `${now} rules in it and to it`, mark: 'wrong', should }]
  })
  const more = [...uses].map(([name, count]): EntryRow => {
    return { place, where: want.table, key: `chain ${name}`, value: `${count}`, mark: 'foreign' }
  })
  return [...rows, ...more]
}

function setRows(
  found: RulesReading,
  want: RulesReading,
  scope: Scope,
  partial: boolean,
): EntryRow[] {
  const sets = new Map(found.sets.map(({ name, elements }) => [name, elements]))
  return want.sets.flatMap(({ name, elements }) => {
    const now = new Set(sets.get(name))
    const all = [...new Set([...elements, ...now])].filter((one) => isElementOf(scope, name, one))
    const wanted = new Set(elements)
    return all.map((element): EntryRow => {
      const row = { place: scope.place, where: want.table, key: name }
      if (!now.has(element)) return { ...row, value: '', mark: 'missing', should: element }
      if (wanted.has(element)) return { ...row, value: element, mark: 'ok' }
      return { ...row, value: element, mark: partial ? 'unknown' : 'foreign' }
    })
  })
}
